"""Needed today: an owner asks for a lesson, its unit sends by day, and nobody else sees anything of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.calendar.models import SiteHours, UploadPause
from controller.calendar.policy import Trickle, default_hours
from controller.calendar.repo import write_hours
from controller.calendar.window import parse_window
from controller.config import Uploads
from controller.devices.models import Presence
from controller.uploads import leases, today
from controller.uploads.asking import seconds_until_worth_while
from controller.uploads.models import SpoolReportRow, TodayWish
from tests.house import NIGHT, House, Teacher, make_house, post
from tests.unit.controller.uploads.test_leases import lines_of
from tests.unit.controller.uploads.unit_client import made_up_segment

ALLOWANCE_BPS = 200_000
NOON = datetime(NIGHT.year, NIGHT.month, NIGHT.day, 11, 0, tzinfo=NIGHT.tzinfo)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller at noon of a school that allows a little by day."""
    made = make_house(tmp_path)
    uploads = Uploads(window=parse_window("22:00-06:00"), rate_bps=1_000_000, reserve_bytes=1)
    made = replace(made, services=replace(made.services, config=replace(made.services.config, uploads=uploads)))
    made.clock.now = NOON
    allow_by_day(made, "08:00-16:00")
    yield made
    made.services.database.close()


def allow_by_day(house: House, hours: str) -> None:
    """Let units that need it send in some hours of the day."""
    uploads, now = house.services.config.uploads, house.clock()
    with house.services.database.writing() as session:
        row = session.get(SiteHours, "") or SiteHours(site="")
        trickle = Trickle((parse_window(hours),), ALLOWANCE_BPS)
        write_hours(row, replace(default_hours(uploads.window, uploads.rate_bps), trickle=trickle))
        row.changed_at, row.changed_by = now, "operator"
        session.add(row)


def add_unit(house: House, *, online: bool = True) -> tuple[Teacher, str]:
    """Add a unit with a lesson of which only the manifest has come; give its owner and the lesson's id."""
    teacher, now = house.add_teacher(), house.clock()
    with house.services.database.writing() as session:
        session.add(Presence(device=teacher.device, birth=1, online=online, version="1", changed_at=now))
        session.add(SpoolReportRow(device=teacher.device, waiting_bytes=10**8, said_at=now, received_at=now))
    lesson = house.make_lesson(teacher, [made_up_segment()])
    return teacher, house.deliver(lesson, only=-1)


def test_lesson_that_is_needed_today_comes_by_day_and_first(house: House) -> None:
    """Asked on its page, the unit gets the allowance by day, and is told which recording to send first."""
    teacher, recording = add_unit(house)
    leases.tick(house.services)
    assert lines_of(house, teacher.device) == []
    page = f"/recordings/{recording}"
    browser = house.browser(teacher)
    assert "I need it today" in browser.get(page).text
    assert post(browser, f"{page}/today", page=page).status_code == 302
    leases.tick(house.services)
    (lease,) = lines_of(house, teacher.device)
    assert (lease.rate_bps, lease.first) == (ALLOWANCE_BPS, recording)
    told = browser.get(page).text
    assert "You need it today" in told
    assert "It is being delivered by day." in told
    assert "It is to be here by about Nov 24, 2026, 12:10" in told


def test_wish_can_be_taken_back(house: House) -> None:
    """The lease ends at the next tick, and nothing of the wish is left."""
    teacher, recording = add_unit(house)
    page, browser = f"/recordings/{recording}", house.browser(teacher)
    post(browser, f"{page}/today", page=page)
    leases.tick(house.services)
    post(browser, f"{page}/today/back", page=page)
    assert len(leases.tick(house.services).revocations) == 1
    with house.services.database.reading() as session:
        assert session.scalars(select(TodayWish)).all() == []


def test_all_that_waits_on_ones_own_unit_can_be_asked_for(house: House) -> None:
    """A lesson whose manifest has not come cannot be named: the wish is for the unit, and names no recording."""
    teacher, _ = add_unit(house)
    browser = house.browser(teacher)
    post(browser, f"/recordings/today/{teacher.device}", page="/recordings/today")
    leases.tick(house.services)
    (lease,) = lines_of(house, teacher.device)
    assert (lease.rate_bps, lease.first) == (ALLOWANCE_BPS, None)
    assert "until midnight" in browser.get("/recordings/today").text


@pytest.mark.parametrize("case", ["night only", "over", "paused", "unreachable"])
def test_what_cannot_be_had_today_is_refused_in_words(house: House, case: str) -> None:
    """No allowance, hours that are over, a pause, a unit that is off: no button and no row, but the reason."""
    teacher, recording = add_unit(house, online=case != "unreachable")
    browser, page = house.browser(teacher), f"/recordings/{recording}"
    token_page = browser.get("/account").text
    with house.services.database.writing() as session:
        if case == "night only":
            session.delete(session.get_one(SiteHours, ""))
        elif case == "paused":
            session.add(UploadPause(site="", since=house.clock(), until=None, by="operator"))
    if case == "over":
        house.clock.now = NOON + timedelta(hours=6)
    shown = browser.get(page).text
    assert "I need it today" not in shown
    assert ("It cannot be asked for today" if case in ("night only", "over") else "It cannot be asked for now") in shown
    token = token_page.split('name="csrf_token" value="')[1].split('"')[0]
    browser.post(f"{page}/today", data={"csrf_token": token})
    with house.services.database.reading() as session:
        assert session.scalars(select(TodayWish)).all() == []


def test_wish_ends_with_the_day_and_with_the_arrival(house: House) -> None:
    """At midnight by the school's clock, or when the recording is ready, it is over, and the row goes."""
    teacher, recording = add_unit(house)
    wish = today.Wish(teacher.device, recording, teacher.id)
    with house.services.database.writing() as session:
        today.keep_wish(session, wish, now=house.clock(), zone=house.services.config.controller.time_zone)
        assert today.wished(session, NOON.replace(hour=22, minute=59)) == {teacher.device: recording}
        assert today.wished(session, NOON.replace(hour=23)) == {}
        today.forget_over(session, NOON.replace(hour=23))
        assert session.scalars(select(TodayWish)).all() == []


def test_somebody_elses_lesson_and_unit_do_not_exist(house: House) -> None:
    """Another teacher and an admin get 404, or no page at all, and change nothing (promise P7)."""
    teacher, recording = add_unit(house)
    other, admin = house.add_teacher("Bo Moreno", "Room 13"), house.add_admin()
    for person in (other, admin):
        browser = house.browser(person)
        for address in (f"/recordings/{recording}/today", f"/recordings/today/{teacher.device}"):
            assert post(browser, address, page="/account").status_code in (403, 404)
    assert teacher.device not in house.browser(other).get("/recordings/today").text
    with house.services.database.reading() as session:
        assert session.scalars(select(TodayWish)).all() == []


def test_unit_without_a_lease_is_told_when_to_ask_again(house: House) -> None:
    """By day until its own place in the coming window, within it until the next tick, and never for half a day."""
    teacher, _ = add_unit(house)
    services, tick_s = house.services, house.services.config.uploads.tick_s
    assert seconds_until_worth_while(services, teacher.device) == 6 * 3600
    house.clock.now = NOON.replace(hour=20)
    begins_s = 3600  # 22:00 in Madrid
    assert begins_s <= seconds_until_worth_while(services, teacher.device) <= begins_s + 30 * 60
    house.clock.now = NOON.replace(hour=22)
    assert seconds_until_worth_while(services, teacher.device) == tick_s

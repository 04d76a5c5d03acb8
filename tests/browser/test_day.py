"""Today's page in a browser: on a phone, without scripts, by keyboard, and renewed while something is unfolded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time, timedelta

import pytest

from controller.devices.models import Health
from controller.devices.policies import renew_policies
from tests.browser.conftest import Served
from tests.browser.looks import BY_LANGUAGE, Look, open_context, require_no_barrier
from tests.classes import enter_classes
from tests.days import Hours, enter_lesson, let_agree, local_now, person_of, pupils_of, put_in_room
from tests.house import House, Teacher
from tests.ruled import set_first_rules

pytestmark = pytest.mark.browser
HOURS = ((8, 0), (9, 0), (10, 0), (11, 1), (9, 1))
"""The hours of the lessons, and in how many days they are."""


def furnish_day(house: House) -> Teacher:
    """Make a day of every kind of lesson, at twenty past nine: over, now, later, elsewhere, beside a lead, tomorrow."""
    house.clock.now = local_now(house).replace(hour=9, minute=20)
    ada, bea = house.add_teacher(), house.add_teacher("Bea Other", room="Room 14")
    class_id = enter_classes(house, by=ada.id, teacher=ada.id).class_id
    room, away = put_in_room(house, ada.device, "Room 12"), put_in_room(house, bea.device, "Room 14", online=False)
    me, she = person_of(house, ada.id), person_of(house, bea.id)
    set_first_rules(house.services)
    for hour, in_days in HOURS:
        enter_lesson(house, room, class_id, [me], Hours(begins=time(hour), ends=time(hour, 45), in_days=in_days))
    enter_lesson(house, away, class_id, [me], Hours(begins=time(12), ends=time(12, 45)))
    enter_lesson(house, room, class_id, [she, me], Hours(begins=time(13), ends=time(13, 45)))
    house.clock.pass_time(timedelta(minutes=1))
    pupils = pupils_of(house, class_id)
    let_agree(house, ada.id, pupils, unseen=pupils[:2])
    with house.services.database.writing() as session:
        at = house.clock()
        session.add(Health(device=ada.device, fit=False, reason="camera_missing", said_at=at, received_at=at))
    renew_policies(house.services)
    return ada


@pytest.mark.parametrize("looks", BY_LANGUAGE)
def test_day_has_no_barrier(served: Served, axe: str, looks: Sequence[Look]) -> None:
    """The day with everything unfolded, and the seating list."""
    ada = furnish_day(served.house)
    with open_context(served.chromium, looks[0], served.site, ada) as context:
        page = context.new_page()
        page.goto(f"{served.site}/today")
        for summary in page.locator("#day summary").all():
            summary.click()
        require_no_barrier(page, axe, looks)
        page.locator("#day a[href$='/seats']").first.click()
        page.wait_for_load_state("networkidle")
        require_no_barrier(page, axe, looks)
        assert page.locator("table.seats tbody tr").count() == 2


def test_day_needs_no_script(served: Served) -> None:
    """Everything is there, and unfolds."""
    ada = furnish_day(served.house)
    with served.sign_in(ada) as signed_in:
        cookies = signed_in.cookies()
    with served.chromium.new_context(java_script_enabled=False, locale="en") as context:
        context.add_cookies(cookies)  # type: ignore[arg-type]  # what it gave is what it takes
        page = context.new_page()
        page.goto(f"{served.site}/today")
        assert page.get_by_role("heading", level=2).all_inner_texts() == ["Now", "Later today", "Tomorrow"]
        page.get_by_text("1 lesson is over").click()
        assert page.locator("#over .row").is_visible()


def test_day_that_renews_itself_leaves_unfolded_what_was(served: Served) -> None:
    """A quarter of an hour later the next lesson is the one of now, and what was open is open."""
    ada = furnish_day(served.house)
    with served.sign_in(ada) as context:
        page = context.new_page()
        page.goto(f"{served.site}/today")
        page.locator("#over summary").click()
        running = page.locator("article.now h3").inner_text()
        served.house.clock.pass_time(timedelta(minutes=45))
        page.evaluate("htmx.ajax('GET', '/today', {target: '#day', swap: 'outerHTML', select: '#day'})")
        page.get_by_text("2 lessons are over").wait_for()
        assert page.locator("article.now h3").inner_text() != running
        assert page.locator("#over .row").count() == 2
        assert page.locator("#over .row").first.is_visible()

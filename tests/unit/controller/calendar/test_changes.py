"""Changes of the calendar: what they do, what they write down, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from controller.calendar import changes, importing
from controller.calendar.changes import ByDay
from controller.calendar.entries import Found
from controller.calendar.importing import Missing
from controller.calendar.models import CalendarEvent, SiteHours
from controller.calendar.policy import Cap, Closed, FreeDay, Open, OtherDay, Standing, Trickle, Why
from controller.calendar.reading import (
    MOST_CAPS,
    read_caps,
    read_free_day,
    read_label,
    read_trickle,
    read_until,
)
from controller.calendar.refusals import CalendarRefusedError, Fault
from controller.calendar.repo import Calendar, free_days_of, read_calendar, read_standings
from controller.calendar.window import parse_day, parse_window
from controller.devices.history import OPERATOR, Deed, events_of
from controller.devices.life import Place, move
from controller.devices.models import Device
from tests.house import House, Teacher, house

__all__ = ["house"]
TODAY = date(2026, 11, 23)


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher whose unit is of the site North, and one whose is of none."""
    house.add_teacher("Bea New", "Room 14")
    found = house.add_teacher()
    move(house.services, found.device, Place(site="North"), deed(house))
    return found


def deed(house: House) -> Deed:
    """Say that an operator acts now."""
    return Deed(OPERATOR, house.clock())


def history(house: House) -> list[tuple[str, str, str]]:
    """Give site, kind and detail of what was written down."""
    with house.services.database.reading() as session:
        rows = session.scalars(select(CalendarEvent).order_by(CalendarEvent.id)).all()
    assert {(row.by, row.at) for row in rows} <= {(OPERATOR, house.clock())}
    return [(row.site, row.what, row.detail) for row in rows]


def refused(change: object, *arguments: object) -> Fault:
    """Give why something is refused."""
    with pytest.raises(CalendarRefusedError) as error:
        change(*arguments)  # type: ignore[operator]
    return error.value.wrong.fault


def test_site_follows_the_school_until_it_has_hours_of_its_own(house: House, teacher: Teacher) -> None:
    """The school's row holds for every site without one; a site's first change begins with what held for it."""
    changes.set_hours(house.services, "", {"friday": parse_day("20:00-08:00")}, deed(house))
    changes.set_hours(house.services, "North", {"free_day": parse_day("always")}, deed(house))
    changes.set_hours(house.services, "", {"friday": parse_day("closed")}, deed(house))
    held = read(house)
    assert (held.of("").weekly[4], held.of("North").weekly[4]) == ((), parse_day("20:00-08:00"))
    assert held.of("North").free_day == parse_day("always")
    assert held.of("elsewhere") == held.of("")
    changes.drop_hours(house.services, "North", deed(house))
    assert read(house).of("North") == read(house).of("")
    assert history(house)[0] == ("", "hours", "friday: 22:00-06:00 -> 20:00-08:00")
    assert [what for _, what, _ in history(house)] == ["hours", "hours", "hours", "hours_dropped"]


def read(house: House) -> Calendar:
    """Read the calendar."""
    with house.services.database.reading() as session:
        return read_calendar(session, house.services.config, house.clock())


def test_caps_and_allowance_are_set_and_taken_away(house: House, teacher: Teacher) -> None:
    """They hold for one site, are read back as they were written, and are off until somebody sets them."""
    caps, trickle = read_caps(["22:00-00:00=20M", " ", "04:00-05:00=1.5 Gbit/s"]), read_trickle("08:00-15:00", "2M")
    assert read(house).of("North").trickle is None
    changes.set_caps(house.services, "North", caps, deed(house))
    changes.set_trickle(house.services, "North", trickle, deed(house))
    held = read(house)
    assert held.of("North").caps == (
        Cap(parse_window("22:00-00:00"), 20_000_000),
        Cap(parse_window("04:00-05:00"), 1_500_000_000),
    )
    assert (held.of("North").trickle, held.of("").trickle) == (Trickle(parse_day("08:00-15:00"), 2_000_000), None)
    changes.set_caps(house.services, "North", (), deed(house))
    changes.set_trickle(house.services, "North", None, deed(house))
    assert read(house).of("North") == read(house).of("")
    assert history(house)[0] == ("North", "caps", "- -> 22:00-00:00=20 Mbit/s, 04:00-05:00=1.5 Gbit/s")


def test_room_is_let_send_by_day_by_name(house: House, teacher: Teacher) -> None:
    """It is written into the unit's own history; asked for twice, the second is refused."""
    row = changes.let_send_by_day(house.services, teacher.device, ByDay.ALLOWED, deed(house))
    assert row.sends_by_day
    again = (house.services, teacher.device, ByDay.ALLOWED, deed(house))
    assert refused(changes.let_send_by_day, *again) is Fault.NOTHING_CHANGES
    changes.let_send_by_day(house.services, "Room 12", ByDay.NOT_ALLOWED, deed(house))
    with house.services.database.reading() as session:
        assert not session.get_one(Device, teacher.device).sends_by_day
        assert [event.what for event in events_of(session, teacher.device)][:2] == ["not_by_day", "by_day"]


def test_school_free_days_hold_for_every_site_and_a_sites_own_for_it(house: House, teacher: Teacher) -> None:
    """A site's own other day goes before the school's; what is over is left away after a month."""
    school, own = FreeDay(TODAY, TODAY, "all"), FreeDay(date(2026, 12, 24), date(2027, 1, 6), "north")
    changes.add_free_days(house.services, "", [school], deed(house))
    changes.add_free_days(house.services, "North", [own], deed(house))
    changes.set_other_day(house.services, "", OtherDay(TODAY, (), "works"), deed(house))
    changes.set_other_day(house.services, "North", OtherDay(TODAY, parse_day("always"), "fair"), deed(house))
    held = read(house)
    assert (held.of("").free_days, held.of("North").free_days) == ((school,), (school, own))
    assert [held.of(site).of_day(TODAY)[2] for site in ("", "North", "elsewhere")] == ["works", "fair", "works"]
    house.clock.pass_time(timedelta(days=40))
    assert read(house).of("").free_days == ()


def test_entries_are_removed_and_entered_only_once(house: House, teacher: Teacher) -> None:
    """Free days by their first day, an other day by its day; what is not there cannot be removed."""
    day = FreeDay(date(2026, 12, 24), date(2027, 1, 6), "Christmas")
    changes.add_free_days(house.services, "", [day], deed(house))
    assert refused(changes.add_free_days, house.services, "", [day], deed(house)) is Fault.HELD_ALREADY
    changes.remove_free_days(house.services, "", "2026-12-24", deed(house))
    assert refused(changes.remove_free_days, house.services, "", "2026-12-24", deed(house)) is Fault.NOT_HELD
    other = OtherDay(TODAY, parse_day("20:00-06:00"))
    changes.set_other_day(house.services, "", other, deed(house))
    assert refused(changes.set_other_day, house.services, "", other, deed(house)) is Fault.NOTHING_CHANGES
    changes.remove_other_day(house.services, "", TODAY, deed(house))
    assert refused(changes.remove_other_day, house.services, "", TODAY, deed(house)) is Fault.NOT_HELD
    assert history(house)[0] == ("", "free_days_added", "2026-12-24/2027-01-06 Christmas")


def test_pause_holds_at_once_for_a_site_or_for_all_until_it_is_lifted(house: House, teacher: Teacher) -> None:
    """The next tick finds the line closed, with who paused it; resumed, it is open again."""
    house.clock.now = datetime(2026, 11, 23, 23, 0, tzinfo=house.clock.now.tzinfo)
    assert {type(each) for each in standings(house).values()} == {Open}
    changes.pause(house.services, "North", None, deed(house))
    assert (type(standings(house)[""]), standings(house)["North"]) == (Open, Closed(Why.PAUSED, None, OPERATOR))
    changes.pause(house.services, "", house.clock.now + timedelta(hours=1), deed(house))
    assert standings(house)[""] == Closed(Why.PAUSED, house.clock.now + timedelta(hours=1), OPERATOR)
    changes.resume(house.services, "", deed(house))
    changes.resume(house.services, "North", deed(house))
    assert {type(each) for each in standings(house).values()} == {Open}
    assert refused(changes.resume, house.services, "", deed(house)) is Fault.NOTHING_CHANGES


def standings(house: House) -> dict[str, Standing]:
    """Give what holds now."""
    with house.services.database.reading() as session:
        return read_standings(session, house.services.config, house.clock())


def test_site_that_no_unit_has_is_refused_with_those_that_there_are(house: House, teacher: Teacher) -> None:
    """A slip of the pen would be hours that nobody has; nothing is written."""
    with pytest.raises(CalendarRefusedError, match="“Nroth”; there are: “North”"):
        changes.pause(house.services, "Nroth", None, deed(house))
    assert history(house) == []
    with house.services.database.reading() as session:
        assert session.scalars(select(SiteHours)).all() == []


def test_import_takes_what_is_new_and_removes_only_when_told(house: House, teacher: Teacher) -> None:
    """The difference that was shown is what is done; a second time nothing would change."""
    days = [FreeDay(date(2026, 12, day), date(2026, 12, day), f"{day}") for day in (8, 24, 25)]
    changes.add_free_days(house.services, "", days[:2], deed(house))
    found = Found(days=(replace(days[1], label="other name"), days[2]))
    with house.services.database.reading() as session:
        shown = importing.preview(session, "", found, TODAY)
    assert (shown.new, shown.same, shown.missing) == ((days[2],), (found.days[0],), (days[0],))
    importing.take(house.services, "", found, missing=Missing.KEEP, deed=deed(house))
    assert labels(house) == ["8", "24", "25"]
    with pytest.raises(CalendarRefusedError, match="nothing would change"):
        importing.take(house.services, "", found, missing=Missing.KEEP, deed=deed(house))
    importing.take(house.services, "", found, missing=Missing.REMOVE, deed=deed(house))
    assert labels(house) == ["24", "25"]
    assert [what for _, what, _ in history(house)] == ["free_days_added", "free_days_added", "free_days_removed"]


def labels(house: House) -> list[str]:
    """Give the names of the school's free days."""
    with house.services.database.reading() as session:
        return [row.label for row in free_days_of(session, "", TODAY)]


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("2026-13-01", "", ""), Fault.DAY_MALFORMED),
        (("20261201", "", ""), Fault.DAY_MALFORMED),
        (("2026-12-02", "2026-12-01", ""), Fault.DAYS_REVERSED),
        (("2026-12-02", "2027-12-01", ""), Fault.TOO_LONG),
        (("2026-11-22", "", ""), Fault.OVER),
        (("2036-11-22", "", ""), Fault.TOO_FAR),
        (("2026-12-02", "", "two\nlines"), Fault.LABEL_MALFORMED),
        (("2026-12-02", "", "x" * 201), Fault.LABEL_MALFORMED),
    ],
)
def test_free_days_that_cannot_be_meant_are_refused(arguments: tuple[str, str, str], fault: Fault) -> None:
    """Each with its own fault, so that the words say what to do."""
    assert refused(lambda: read_free_day(*arguments, today=TODAY)) is fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tomorrow", Fault.INSTANT_MALFORMED),
        ("2026-11-22T10:00", Fault.OVER),
        ("2028-11-22T10:00", Fault.TOO_FAR),
    ],
)
def test_end_of_a_pause_is_read_by_the_schools_clock(house: House, text: str, fault: Fault) -> None:
    """A time without a zone is the school's; nothing means until it is lifted."""
    zone, now = house.services.config.controller.time_zone, datetime(2026, 11, 23, 12, tzinfo=house.clock.now.tzinfo)
    assert read_until(" ", now, zone) is None
    assert read_until("2026-11-24T06:00", now, zone) == datetime(2026, 11, 24, 5, tzinfo=now.tzinfo)
    assert refused(read_until, text, now, zone) is fault


def test_caps_allowances_and_labels_are_read_or_refused() -> None:
    """Form, number, and hours in which nothing would be allowed."""
    assert refused(read_caps, ["22:00-06:00"]) is Fault.CAP_MALFORMED
    assert refused(read_caps, ["22:00-06:00=0"]) is Fault.CAP_MALFORMED
    assert refused(read_caps, ["always=1M"] * (MOST_CAPS + 1)) is Fault.TOO_MANY_CAPS
    assert refused(read_trickle, "closed", "1M") is Fault.TRICKLE_CLOSED
    assert refused(read_trickle, "8-15", "1M") is Fault.HOURS_MALFORMED
    assert refused(read_trickle, "08:00-15:00", "fast") is Fault.RATE_MALFORMED
    assert read_label("  Día de la Constitución ") == "Día de la Constitución"

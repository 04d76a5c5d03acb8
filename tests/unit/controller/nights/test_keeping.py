"""The rows of the nights: plan, parts, what became of them, and that a plan never tells of a few rooms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from controller.calendar.models import OtherHours
from controller.devices.models import Device, DeviceState, Health
from controller.nights.models import LineUse, Night, Outcome, UnitNight
from controller.nights.told import Phase, find_last, find_report, find_tonight
from tests.house import House, make_house
from tests.nights import (
    CLOSES,
    EVENING,
    GB,
    MORNING,
    NOON,
    OPENS,
    keep_at,
    live_through,
    lose_touch,
    populate,
    say,
    send,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller at noon."""
    made = make_house(tmp_path)
    made.clock.now = NOON
    yield made
    made.services.database.close()


def test_plan_is_a_sum_with_an_expected_end(house: House) -> None:
    """Six rooms with 3 GB each at 100 Mbit/s are there 24 minutes after the window opens."""
    rooms = populate(house, {"": 6})
    say(house, {room.device: 3 * GB for room in rooms})
    keep_at(house, NOON)
    with house.services.database.reading() as session:
        told = find_tonight(house.services, session)
    assert told
    assert told.total
    assert (told.phase, told.opens_at, told.closes_at) == (Phase.AHEAD, OPENS, CLOSES)
    assert (told.total.rooms, told.total.planned_bytes, told.total.due_bytes) == (6, 18 * GB, 6 * GB)
    assert told.total.expected_end_at == OPENS + timedelta(minutes=24)
    assert told.total.margin == timedelta(hours=7, minutes=36)


def test_four_rooms_are_told_hours_and_no_figure(house: House) -> None:
    """Of a school of four rooms there is no part, only that there is room for a full day of all of them."""
    live_through(house, populate(house, {"": 4}))
    with house.services.database.reading() as session:
        tonight, last = find_tonight(house.services, session), find_last(house.services, session)
    assert tonight
    assert last
    assert tonight.total is None is last.total
    assert tonight.parts == () == last.parts
    assert tonight.has_room


def test_plan_waits_for_five_rooms(house: House) -> None:
    """What one to four rooms say anew changes nothing that is shown; the fifth brings all of it."""
    rooms = populate(house, {"": 8})
    say(house, {room.device: GB for room in rooms})
    keep_at(house, NOON)
    house.clock.pass_time(timedelta(hours=1))
    for number, room in enumerate(rooms[:5], start=1):
        say(house, {room.device: 2 * GB})
        keep_at(house, house.clock())
        with house.services.database.reading() as session:
            told = find_tonight(house.services, session)
        assert told
        assert told.total
        assert told.total.planned_bytes == (8 * GB if number < 5 else 13 * GB)


def test_what_came_counts_while_it_runs(house: House) -> None:
    """Taken and what still waits together are the plan of a night that runs."""
    rooms = populate(house, {"": 6})
    say(house, {room.device: 3 * GB for room in rooms})
    keep_at(house, EVENING)
    send(house, OPENS, OPENS + timedelta(minutes=10), {"": 80e6})
    house.clock.now = OPENS + timedelta(minutes=11)
    say(house, {room.device: 2 * GB for room in rooms})
    keep_at(house, house.clock())
    with house.services.database.reading() as session:
        told = find_tonight(house.services, session)
        taken = session.scalar(select(func.sum(LineUse.taken_bytes)))
    assert told
    assert told.total
    assert told.phase is Phase.RUNNING
    assert told.total.taken_bytes == taken
    assert told.total.planned_bytes == taken + 12 * GB


def test_morning_closes_the_night(house: House) -> None:
    """Two minutes after the window the rows say what came, what was left, and when the last byte had come."""
    rooms = populate(house, {"North": 30})
    live_through(house, rooms)
    with house.services.database.reading() as session:
        report = find_report(house.services, session)
        kept = session.scalar(select(func.count()).select_from(UnitNight))
        tonight = find_tonight(house.services, session)
    assert report.night
    assert report.night.total
    assert report.night.phase is Phase.OVER
    assert report.night.total.left_bytes == 9 * GB
    assert report.night.total.ended_at
    assert OPENS < report.night.total.ended_at <= CLOSES
    assert {fault.outcome for fault in report.faults} == {Outcome.UNREACHABLE, Outcome.CUT_OFF, Outcome.STUCK}
    assert (report.normal, kept) == (27, 30)
    assert [place.days_left for place in report.space] == [1]
    assert tonight
    assert tonight.day == report.night.day + timedelta(days=1)


def test_rooms_that_were_away_are_nothing_to_hide_behind(house: House) -> None:
    """A part in which four rooms were reached is told with another one."""
    rooms = populate(house, {"North": 5, "South": 7})
    keep_at(house, NOON)
    lose_touch(house, rooms[0].device, OPENS - timedelta(minutes=1))
    keep_at(house, MORNING)
    with house.services.database.reading() as session:
        told = find_last(house.services, session)
    assert told
    assert told.total
    assert (told.parts, told.total.rooms) == ((), 11)


@pytest.mark.parametrize("reason", ["school_refuses", "certificate_ended"])
def test_rooms_that_are_kept_out_are_nothing_to_hide_behind(house: House, reason: str) -> None:
    """Of five rooms in touch, four of which IT reads are refused, no sum is told: it would be the fifth's."""
    rooms = populate(house, {"": 5})
    keep_at(house, NOON)
    _give_reason(house, [room.device for room in rooms[:4]], reason)
    keep_at(house, MORNING)
    with house.services.database.reading() as session:
        report = find_report(house.services, session)
    assert report.night
    assert report.night.total is None
    assert len(report.faults) == 4


def _give_reason(house: House, devices: list[str], reason: str) -> None:
    with house.services.database.writing() as session:
        for device in devices:
            session.get_one(Health, device).reason = reason


def test_rooms_that_were_cut_off_are_nothing_to_hide_behind(house: House) -> None:
    """Where the power of four rooms of five is cut when the night begins, no sum is told."""
    rooms = populate(house, {"": 5})
    keep_at(house, NOON)
    for room in rooms[:4]:
        lose_touch(house, room.device, OPENS + timedelta(minutes=1))
    keep_at(house, MORNING)
    with house.services.database.reading() as session:
        told = find_last(house.services, session)
    assert told
    assert told.total is None


def test_progress_stands_still_while_four_of_five_rooms_are_away(house: House) -> None:
    """What one room brings moves no bar and no figure, in its own part and in the one that could be told with it."""
    rooms = populate(house, {"North": 5, "South": 5, "West": 9})
    say(house, {room.device: 3 * GB for room in rooms})
    keep_at(house, EVENING)
    for room in rooms[:4]:
        lose_touch(house, room.device, OPENS + timedelta(minutes=5))
    send(house, OPENS, OPENS + timedelta(minutes=10), {"North": 10e6, "South": 10e6, "West": 10e6})
    keep_at(house, OPENS + timedelta(minutes=11))
    with house.services.database.reading() as session:
        told = find_tonight(house.services, session)
    assert told
    assert told.phase is Phase.RUNNING
    assert not told.is_followed
    assert {part.sites: part.taken_bytes > 0 for part in told.parts} == {
        ("North",): False,
        ("South",): False,
        ("West",): True,
    }


def test_site_that_appears_in_the_night_is_not_told(house: House) -> None:
    """Its sum would be the difference between the figures before and after."""
    populate(house, {"North": 6})
    keep_at(house, NOON)
    populate(house, {"South": 6})
    keep_at(house, NOON + timedelta(minutes=1))
    with house.services.database.reading() as session:
        parts = {row.site: row.part for row in session.scalars(select(Night))}
        told = find_tonight(house.services, session)
    assert parts == {"North": "North", "South": None}
    assert told
    assert told.total
    assert told.total.rooms == 6


def test_night_that_is_taken_away_is_none(house: House) -> None:
    """A day that is closed by name has no night, also where one was planned already."""
    populate(house, {"": 6})
    keep_at(house, NOON)
    with house.services.database.writing() as session:
        session.add(OtherHours(site="", day=NOON.date(), window="closed", label="power cut"))
    keep_at(house, NOON + timedelta(minutes=1))
    with house.services.database.reading() as session:
        days = [row.day for row in session.scalars(select(Night))]
    assert days == [NOON.date() + timedelta(days=1)]


def test_quarantined_unit_is_named_and_no_room_of_a_sum(house: House) -> None:
    """It delivers nothing, so that it hides nobody; why is said."""
    rooms = populate(house, {"": 5})
    with house.services.database.writing() as session:
        session.get_one(Device, rooms[0].device).state = DeviceState.QUARANTINED
    keep_at(house, NOON)
    keep_at(house, MORNING)
    with house.services.database.reading() as session:
        report = find_report(house.services, session)
    assert report.night
    assert report.night.total is None
    assert [fault.outcome for fault in report.faults] == [Outcome.QUARANTINED]


def test_old_nights_are_forgotten(house: House) -> None:
    """After the days of the setting neither a night nor a slot of it is left."""
    rooms = populate(house, {"": 6})
    live_through(house, rooms)
    keep_at(house, MORNING + timedelta(days=house.services.config.nights.kept_days))
    with house.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(LineUse)) == 0
        assert session.scalar(select(func.min(Night.day))) == MORNING.date()  # that of the 9th is gone
        assert session.scalar(select(func.count()).select_from(UnitNight)) == 6

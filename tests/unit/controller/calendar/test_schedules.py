"""Schedules issued: what is in them, when they are renewed, whom a change reaches, and which units have none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from controller.bridge.models import Outbox
from controller.bridge.said import say_all_again
from controller.calendar.models import OtherHours, SiteHours, UploadPause
from controller.calendar.policy import DAY, Cap, Trickle, default_hours
from controller.calendar.repo import write_hours
from controller.calendar.schedules import AT_A_TIME, AT_ONCE, SHORTEST, issue_due, make_basis
from controller.calendar.window import parse_day, parse_window
from controller.devices.models import Device, DeviceState
from protocol.documents import verify_document
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.schedule import OpeningKind, Schedule
from tests.house import NIGHT, House, Teacher, house
from tests.school import new_id

__all__ = ["house"]
NIGHTLY = default_hours(parse_window("22:00-06:00"), 100_000_000)


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher with an active unit."""
    return house.add_teacher()


def held(house: House, device: str) -> Schedule:
    """Give the schedule that a unit would believe."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, device).schedule_line
    assert line
    trust = house.services.keys.trust
    return verify_document(Schedule, line, trust)


def set_unit(house: House, device: str, **columns: object) -> None:
    """Change a unit's row."""
    with house.services.database.writing() as session:
        row = session.get_one(Device, device)
        for name, value in columns.items():
            setattr(row, name, value)


def set_hours(house: House, site: str, hours: object) -> None:
    """Give a site hours of its own."""
    with house.services.database.writing() as session:
        row = session.get(SiteHours, site) or SiteHours(site=site)
        write_hours(row, hours)  # type: ignore[arg-type]
        row.changed_at, row.changed_by = NIGHT, "operator"
        session.add(row)


def test_schedule_reaches_three_weeks_and_begins_with_the_units_offset(house: House, teacher: Teacher) -> None:
    """Signed by the lease key, for this unit, with every night of 21 days, none of them before 22:00 or after 06:00."""
    assert issue_due(house.services) == 1
    schedule, zone = held(house, teacher.device), house.services.config.controller.time_zone
    assert (schedule.device, schedule.version) == (teacher.device, 1)
    assert schedule.expires_at - house.clock() >= timedelta(days=21)
    assert len(schedule.openings) >= 21
    shown = [(each.begins_at.astimezone(zone), each.ends_at.astimezone(zone)) for each in schedule.openings[:-1]]
    assert all(begins.hour == 22 and begins.minute <= 30 and ends.hour == 6 for begins, ends in shown)


def test_schedule_is_issued_once_and_renewed_after_a_day(house: House, teacher: Teacher) -> None:
    """Nothing changed: nothing is issued; the next day everybody's is renewed with the next version."""
    assert [issue_due(house.services), issue_due(house.services)] == [1, 0]
    house.clock.pass_time(DAY)
    assert issue_due(house.services) == 1
    assert held(house, teacher.device).version == 2


def test_change_reaches_the_units_whose_openings_it_changes(house: House, teacher: Teacher) -> None:
    """Hours of one site concern its units alone; a label or a pause without end concern nobody's schedule."""
    other = house.add_teacher("Bea New", "Room 14")
    set_unit(house, other.device, site="annex")
    assert issue_due(house.services) == 2
    set_hours(house, "annex", replace(NIGHTLY, weekly=(parse_day("20:00-06:00"),) * 7))
    assert issue_due(house.services) == 1
    assert (held(house, other.device).version, held(house, teacher.device).version) == (2, 1)
    with house.services.database.writing() as session:
        session.add(UploadPause(site="", since=NIGHT, until=None, by="operator"))
    assert issue_due(house.services) == 0
    with house.services.database.writing() as session:
        session.add(OtherHours(site="", day=(NIGHT + 3 * DAY).date(), window="closed", label="works"))
    assert issue_due(house.services) == 2


def test_allowance_by_day_is_in_the_schedules_of_units_that_may_use_it(house: House, teacher: Teacher) -> None:
    """Others never learn of it; it is switched on for a unit and a site by a person."""
    other = house.add_teacher("Bea New", "Room 14")
    set_unit(house, other.device, sends_by_day=True)
    set_hours(house, "", replace(NIGHTLY, trickle=Trickle(parse_day("08:00-15:00"), 1_000_000)))
    issue_due(house.services)
    kinds = [{each.kind for each in held(house, unit.device).openings} for unit in (teacher, other)]
    assert kinds == [{OpeningKind.NIGHT}, {OpeningKind.NIGHT, OpeningKind.TRICKLE}]


@pytest.mark.parametrize(
    ("state", "openings"),
    [
        (DeviceState.RETIRED, True),
        (DeviceState.QUARANTINED, False),
        (DeviceState.PENDING, None),
        (DeviceState.LOST, None),
    ],
)
def test_schedule_fits_the_state_of_a_unit(
    house: House,
    teacher: Teacher,
    state: DeviceState,
    openings: bool | None,  # noqa: FBT001
) -> None:
    """A retired unit delivers as before, a quarantined one is told that nothing is open, others are told nothing."""
    set_unit(house, teacher.device, state=state)
    assert issue_due(house.services) == (0 if openings is None else 1)
    if openings is not None:
        assert bool(held(house, teacher.device).openings) is openings


def test_unit_that_comes_back_hears_its_schedule(house: House, teacher: Teacher) -> None:
    """It is retained at the broker, and said again after a birth."""
    issue_due(house.services)
    with house.services.database.writing() as session:
        say_all_again(house.services, session, session.get_one(Device, teacher.device))
    with house.services.database.reading() as session:
        rows = session.scalars(select(Outbox).where(Outbox.topic.endswith("/down/schedule"))).all()
    assert [(row.retain, row.payload) for row in rows] == [(True, rows[0].payload)]


def test_more_units_than_one_transaction_takes_are_all_told(house: House, teacher: Teacher) -> None:
    """Units are taken in batches, and some in each go of the job, so that leases never wait long; none is left out."""
    with house.services.database.writing() as session:
        first = session.get_one(Device, teacher.device)
        copies = [
            Device(id=new_id(), label=f"{n}", owner=first.owner, state=first.state, added_at=NIGHT)
            for n in range(AT_ONCE)
        ]
        session.add_all(copies)
    assert issue_due(house.services) == AT_ONCE + 1
    assert issue_due(house.services) == 0
    house.clock.pass_time(DAY)
    with house.services.database.writing() as session:
        session.add_all(
            Device(id=new_id(), label=f"{n}", owner=first.owner, state=first.state, added_at=NIGHT)
            for n in range(AT_A_TIME)
        )
    assert [issue_due(house.services) for _ in range(3)] == [AT_A_TIME, AT_ONCE + 1, 0]


def test_schedule_of_many_changes_is_shorter_and_can_be_sent(house: House, teacher: Teacher) -> None:
    """As many windows and caps as there may be: fourteen days, and no more than a broker carries."""
    caps = tuple(Cap(parse_window(f"{3 * n:02}:30-{3 * n + 1:02}:30"), 1_000 + n) for n in range(8))
    day = parse_day(", ".join(f"{4 * n:02}:10-{4 * n + 3:02}:50" for n in range(6)))
    set_hours(house, "", replace(NIGHTLY, weekly=(day,) * 7, caps=caps))
    issue_due(house.services)
    schedule = held(house, teacher.device)
    assert SHORTEST <= schedule.expires_at - house.clock() < SHORTEST + 2 * DAY
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).schedule_line
    assert line
    assert len(line) <= MESSAGE_LIMIT_BYTES


def test_openings_of_a_site_are_worked_out_once_for_all_its_units(house: House) -> None:
    """Ten thousand units of one site cost one calculation of the calendar."""
    for number in range(3):
        house.add_teacher(f"T{number} Moreno", f"Room {number}")
    make_basis.cache_clear()
    issue_due(house.services)
    assert make_basis.cache_info().misses == 1

"""The use of the line: counted in memory, written by site and slot, and of no unit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from controller.calendar.policy import default_hours
from controller.calendar.window import parse_window
from controller.devices.models import Device
from controller.nights.line import SLOT, LineLog, LineMeter, allowed_bps, flushing, forget_line_use, slot_of
from controller.nights.models import LineUse
from tests.controller_process import make_controller
from tests.house import House, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment

AT = datetime(2026, 11, 9, 23, 1, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller, in whose zone it is night."""
    made = make_house(tmp_path)
    made.clock.now = AT
    yield made
    made.services.database.close()


def _add_unit(house: House, site: str, name: str) -> str:
    teacher = house.add_teacher(name)
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).site = site
    return teacher.device


def _rows(house: House) -> list[tuple[str, datetime, int, int]]:
    with house.services.database.reading() as session:
        rows = session.scalars(select(LineUse).order_by(LineUse.slot_at, LineUse.site))
        return [(row.site, row.slot_at, row.taken_bytes, row.cap_bps) for row in rows]


def test_line_use_is_added_up_by_site_and_slot(house: House) -> None:
    """Units of one site are one row, flushes of one slot add up, the next slot is another row."""
    first, second = _add_unit(house, "North", "Ada Moreno"), _add_unit(house, "North", "Bea New")
    third = _add_unit(house, "South", "Cy Old")
    meter = LineMeter()
    log = LineLog(house.services, meter)
    for _ in range(2):
        meter.count(first, 1000)
        meter.count(second, 10)
        meter.count(third, 1)
        house.clock.pass_time(timedelta(minutes=1))
        log.flush()
    house.clock.pass_time(timedelta(minutes=3))
    log.flush()
    meter.count(third, 5)
    log.flush()
    slot = datetime(2026, 11, 9, 23, tzinfo=UTC)
    cap = house.services.config.uploads.rate_bps
    assert _rows(house) == [
        ("North", slot, 2020, cap),
        ("South", slot, 2, cap),
        ("South", slot + SLOT, 5, cap),
    ]


def test_line_use_names_no_unit(house: House) -> None:
    """A site, a time, bytes and a cap: there is no column for a unit."""
    assert [column.name for column in LineUse.__table__.columns] == ["site", "slot_at", "taken_bytes", "cap_bps"]


def test_count_that_cannot_be_written_is_written_later(house: House) -> None:
    """While the table cannot be written nothing is lost but the minute at which it was."""
    unit = _add_unit(house, "", "Ada Moreno")
    meter = LineMeter()
    log = LineLog(house.services, meter)
    meter.count(unit, 7)
    with house.services.database.writing() as session:
        session.execute(text("ALTER TABLE line_use RENAME TO elsewhere"))
    log.flush()
    with house.services.database.writing() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO line_use"))
    log.flush()
    assert [row[2] for row in _rows(house)] == [7]


def test_last_minute_is_written_at_the_end(house: House) -> None:
    """A controller that is stopped in order loses nothing."""
    unit = _add_unit(house, "", "Ada Moreno")
    meter = LineMeter()
    with flushing(house.services, meter):
        meter.count(unit, 9)
    assert [row[2] for row in _rows(house)] == [9]


def test_cap_of_a_slot_is_what_could_be_used_of_it() -> None:
    """A window that opens in the middle of a slot, or closes, allows a part of the rate on average."""
    hours = default_hours(parse_window("22:01-06:00"), 1_000_000)
    first = datetime(2026, 11, 9, 22, tzinfo=UTC)
    assert allowed_bps(hours, UTC, first) == 800_000
    assert allowed_bps(hours, UTC, first + SLOT) == 1_000_000
    assert allowed_bps(replace(hours, rate_bps=5), UTC, first - SLOT) == 0


def test_slot_holds_its_beginning() -> None:
    """A slot begins on the full five minutes and holds that instant."""
    assert slot_of(datetime(2026, 11, 9, 23, 4, 59, 999, tzinfo=UTC)) == datetime(2026, 11, 9, 23, tzinfo=UTC)
    assert slot_of(datetime(2026, 11, 9, 23, 5, tzinfo=UTC)) == datetime(2026, 11, 9, 23, 5, tzinfo=UTC)


def test_old_slots_are_forgotten(house: House) -> None:
    """What is older than the setting goes."""
    with house.services.database.writing() as session:
        for slot in (AT - timedelta(days=2), AT):
            session.add(LineUse(site="", slot_at=slot_of(slot), taken_bytes=1, cap_bps=1))
        session.flush()
        forget_line_use(session, AT - timedelta(days=1))
    assert len(_rows(house)) == 1


def test_real_controller_counts_what_it_takes(tmp_path: Path) -> None:
    """A process of its own takes a manifest over TLS and is stopped in order: the manifest's bytes are in the table."""
    with closing(make_controller(tmp_path)) as controller:
        controller.start()
        lesson = controller.make_lesson(made_up_segment(50_000))
        controller.put_manifest(controller.session(), lesson)
        assert controller.stop() == 0
        with controller.services.database.reading() as session:
            taken = session.scalar(select(func.sum(LineUse.taken_bytes)))
    assert taken == len(lesson.manifest)

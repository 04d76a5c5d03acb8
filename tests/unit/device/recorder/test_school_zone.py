"""The school's clock in the recorder: by `[device] timezone` a day begins and a discard can be undone no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device.spool.days import name_day
from tests.fakes.camera import FakeCamera
from tests.recorder_room import DISCARD_S, FAST, Room, TrustedClock, draw_footage, open_room
from tests.school import School, make_school


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_school_day_is_the_configured_zones(school: School, tmp_path: Path, zone: str) -> None:
    """The space of the day is told for the day that the school has; these two zones never have the same one."""
    unit = school.make_unit(tmp_path / "unit", tables={"device": {"timezone": zone}, "timings": FAST})
    days = unit.data / "recorder" / "days"
    with open_room(school, unit, FakeCamera(), clock=TrustedClock()) as room:
        room.wait_until(days.exists, "the recorder has looked ahead")
    told = json.loads(days.read_bytes())["said_on"]
    assert told == name_day(datetime.now(UTC), ZoneInfo(zone))


def test_undo_ends_by_the_configured_zone(school: School, tmp_path: Path) -> None:
    """A discard is destroyed when its hour strikes in the school, five hours and a half before it does in UTC."""
    india = ZoneInfo("Asia/Kolkata")
    limits = {"segment_s": 2.0, "undo_grace_s": 0.0, "undo_until": _clock_in(india, hours=12)}
    unit = school.make_unit(
        tmp_path / "unit", tables={"device": {"timezone": india.key}, "timings": FAST, "limits": limits}
    )
    with open_room(school, unit, FakeCamera(draw_footage(3.0), endless=True), clock=TrustedClock()) as room:
        _discard(room)
    soon = _clock_in(india, seconds=1)
    unit.config.write_text(unit.config.read_text("utf-8").replace(f"{limits['undo_until']}", f"{soon}"), "utf-8")
    with open_room(school, unit, FakeCamera(), clock=TrustedClock()) as room:
        room.wait_until(lambda: not unit.recordings(), "the discarded recording is destroyed")


def _clock_in(zone: ZoneInfo, **later: float) -> time:
    return (datetime.now(zone) + timedelta(**later)).time()


def _discard(room: Room) -> None:
    room.wait_for("ready")
    room.tap()
    room.wait_for("recording")
    room.wait_until(lambda: any((room.unit.data / "spool").glob("*/0*.age")), "media are durable")
    shown = len(room.lamp.shown)
    room.hold(DISCARD_S)
    room.wait_for("ready", after=shown)
    (folder,) = room.unit.recordings()
    assert room.unit.manifest(folder).discarded

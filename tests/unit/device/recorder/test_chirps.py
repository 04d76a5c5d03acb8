"""The buzzer beside the recorder: it tells the room, and its loss costs nothing but the sound."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.hardware.ports import BuzzerFault, Tune
from tests.fakes.buzzer import FakeBuzzer
from tests.fakes.camera import FakeCamera
from tests.recorder_room import STOP_S, Item, draw_footage, make_fast_unit, open_room
from tests.school import School, UnitBundle, make_school


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """A second."""
    return draw_footage(1.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures."""
    return make_fast_unit(school, tmp_path / "unit")


def _record(school: School, unit: UnitBundle, footage: tuple[Item, ...], buzzer: FakeBuzzer) -> None:
    with open_room(school, unit, FakeCamera(footage, endless=True), buzzer=buzzer) as room:
        shown = room.wait_for("ready")
        room.tap()
        room.wait_for("recording")
        room.hold(STOP_S)
        room.wait_for("ready", after=shown)


def test_buzzer_chirps_at_start_and_stop_and_is_closed(
    school: School, unit: UnitBundle, footage: tuple[Item, ...]
) -> None:
    """The room hears when it begins to be recorded and when that has ended."""
    buzzer = FakeBuzzer()
    _record(school, unit, footage, buzzer)
    assert buzzer.played == [Tune.START, Tune.STOP]
    assert buzzer.closed


def test_buzzer_that_fails_is_one_line_and_stops_nothing(
    school: School, unit: UnitBundle, footage: tuple[Item, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """A recording is whole without its chirps, and the log tells the fault once, not at each lesson (P7)."""
    buzzer = FakeBuzzer(fault=BuzzerFault("FAKE buzzer: pulled out"))
    with caplog.at_level(logging.INFO):
        _record(school, unit, footage, buzzer)
    (folder,) = unit.recordings()
    assert unit.manifest(folder).closed is not None
    assert caplog.messages == ["FAKE buzzer: pulled out"]

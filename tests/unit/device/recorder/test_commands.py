"""What the school's commands do at the recorder: a blink at rest, once; and a retirement that loses no lesson."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.hardware.clock import SystemClock
from device.recorder.epochs import LAST_WORD
from protocol.commands import Task
from tests.fakes.camera import FakeCamera
from tests.recorder_room import (
    STOP_S,
    Item,
    Room,
    TrustedClock,
    draw_footage,
    make_fast_unit,
    make_room,
    open_room,
)
from tests.school import WEEK, School, UnitBundle, make_school, new_id

LOOKS_S = 0.5  # several looks through the spool


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Three seconds."""
    return draw_footage(3.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC) - timedelta(seconds=1))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures."""
    return make_fast_unit(school, tmp_path / "unit")


class PassingClock(TrustedClock):
    """A clock that the network has set, and that a test lets pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = timedelta(0)

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return super().now_at() + self.passed


@pytest.fixture
def clock() -> PassingClock:
    """The unit's clock."""
    return PassingClock()


@pytest.fixture
def room(school: School, unit: UnitBundle, footage: tuple[Item, ...], clock: PassingClock) -> Iterator[Room]:
    """A ready recorder with an endless camera and a clock that the network has set."""
    with open_room(school, unit, FakeCamera(footage, endless=True), clock=clock) as opened:
        opened.wait_for("ready")
        yield opened


class AheadClock(SystemClock):
    """A clock that nobody has set, and that is two days ahead."""

    def is_trusted(self) -> bool:
        """See `Clock.is_trusted`."""
        return False

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return super().now_at() + timedelta(days=2)


def _shown(room: Room) -> list[str]:
    return [pattern.name for pattern in room.lamp.shown]


def _identify(room: Room, **more: int) -> None:
    room.unit.put_state("commands/identify", room.school.issue_command(room.unit.device, **more))


def test_unit_at_rest_blinks_for_ten_seconds(room: Room) -> None:
    """The command is in the folder, the lamp shows the pattern; it passes by itself after ten seconds."""
    _identify(room)
    room.wait_for("identify")
    pattern = next(each for each in room.lamp.shown if each.name == "identify")
    assert pattern.plays is not None
    assert 10 <= pattern.plays * sum(beat.duration_s for beat in pattern.beats) < 12


def test_unit_blinks_once_for_a_command(room: Room) -> None:
    """However often it looks, also when the process is started again; a newer command is performed again."""
    _identify(room)
    room.wait_for("identify")
    time.sleep(LOOKS_S)
    assert _shown(room).count("identify") == 1
    room.end()
    again = make_room(room.school, room.unit, room.camera, clock=TrustedClock())
    again.recorder.terminate()  # after the first look, which comes before anything else
    again.run()
    assert "identify" not in _shown(again)
    _identify(again, version=2)
    with open_room(room.school, room.unit, room.camera, clock=TrustedClock()) as third:
        third.wait_for("identify")


def test_unit_that_records_shows_nothing_but_that(room: Room) -> None:
    """P1: the recording pattern stays, and the command is not performed late."""
    room.tap()
    room.wait_for("recording")
    before = len(room.lamp.shown)
    _identify(room)
    time.sleep(LOOKS_S)
    room.hold(STOP_S)
    room.wait_for("ready", after=before)
    time.sleep(LOOKS_S)
    assert "identify" not in _shown(room)


def test_press_in_a_blink_is_answered_at_once(room: Room) -> None:
    """P1: whoever presses while IT looks for the unit is recorded under the recording pattern."""
    _identify(room)
    after = room.wait_for("identify")
    room.tap()
    room.wait_for("recording", after=after)


@pytest.mark.parametrize("fault", ["over", "foreign", "forged"])
def test_command_that_is_over_foreign_or_forged_does_nothing(school: School, room: Room, fault: str) -> None:
    """The recorder verifies by itself: that a network process laid the file there counts for nothing."""
    device = room.unit.device
    lines = {
        "over": school.issue_command(device, issued_at=school.now - WEEK),
        "foreign": school.issue_command(new_id()),
        "forged": make_school(room.unit.folder / "strangers", now=school.now).issue_command(device),
    }
    room.unit.put_state("commands/identify", lines[fault])
    time.sleep(LOOKS_S)
    assert "identify" not in _shown(room)


def test_command_for_one_task_is_none_for_another(school: School, room: Room) -> None:
    """A retirement under the name of a blink is neither."""
    line = school.issue_command(room.unit.device, Task.RETIRE, lasts=WEEK, not_before=school.now)
    room.unit.put_state("commands/identify", line)
    time.sleep(LOOKS_S)
    assert _shown(room)[-1] == "ready"


def _retire(room: Room, *, not_before: datetime) -> None:
    line = room.school.issue_command(room.unit.device, Task.RETIRE, lasts=52 * WEEK, not_before=not_before)
    room.unit.put_state("commands/retire", line)


def _marker(room: Room) -> Path:
    return room.unit.data / "recorder" / "retired"


def test_retired_unit_records_no_more_and_says_so(room: Room) -> None:
    """The press is refused, the lamp says that the unit is not set up, and IT reads why."""
    _retire(room, not_before=room.school.now + timedelta(days=1))
    after = room.wait_for("not_set_up")
    room.tap()
    room.wait_for("refused", after=after)
    assert json.loads((room.unit.data / "recorder" / "status").read_text())["reasons"] == ["unit_retired"]
    assert room.unit.recordings() == []


def test_lesson_that_is_being_recorded_is_not_cut_by_a_retirement(room: Room) -> None:
    """It goes on to its own end, stays on the card until it is delivered, and the unit is not let be wiped."""
    room.tap()
    room.wait_for("recording")
    _retire(room, not_before=room.school.now)
    time.sleep(LOOKS_S)
    assert room.lamp.shown[-1].name == "recording"
    room.hold(STOP_S)
    room.wait_for("not_set_up")
    time.sleep(LOOKS_S)
    assert len(room.unit.recordings()) == 1
    assert not _marker(room).exists()


def test_wipe_waits_for_the_receipt_of_the_last_lesson(room: Room, clock: PassingClock) -> None:
    """P5: only when the controller has signed for everything may the unit be wiped, and its last word is out."""
    room.tap()
    after = room.wait_for("recording")
    time.sleep(1.0)
    room.hold(STOP_S)
    room.wait_for("ready", after=after)
    _retire(room, not_before=room.school.now)
    (folder,) = room.unit.recordings()
    time.sleep(LOOKS_S)
    assert not _marker(room).exists()
    room.unit.put_state(f"receipts/{folder.name}", room.school.issue_receipt(room.unit.manifest(folder)))
    room.wait_until(lambda: room.unit.recordings() == [], "the lesson is released")
    time.sleep(LOOKS_S)
    assert not _marker(room).exists(), "what it last said of its epochs may not have arrived yet"
    clock.passed = LAST_WORD
    room.wait_until(_marker(room).exists, "the unit may be wiped")


def test_wipe_waits_for_its_time_also_with_an_empty_spool(room: Room, clock: PassingClock) -> None:
    """P7: the end of a unit that never recorded comes no sooner than that of one that did."""
    _retire(room, not_before=room.school.now + timedelta(hours=24))
    room.wait_for("not_set_up")
    time.sleep(LOOKS_S)
    for hours in (7, 23):
        clock.passed = timedelta(hours=hours)
        time.sleep(LOOKS_S)
        assert not _marker(room).exists()
    clock.passed = timedelta(hours=24)
    room.wait_until(_marker(room).exists, "the unit may be wiped")


def test_clock_that_nobody_set_wipes_nothing(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> None:
    """A clock that is ahead is no proof that the time has come."""
    with open_room(school, unit, FakeCamera(footage), clock=AheadClock()) as room:
        _retire(room, not_before=school.now + timedelta(days=1))
        room.wait_for("not_set_up")
        time.sleep(LOOKS_S)
        assert not _marker(room).exists()


def test_retirement_signed_by_somebody_else_changes_nothing(room: Room) -> None:
    """A thief on the network cannot take a unit out of use."""
    strangers = make_school(room.unit.folder / "strangers", now=room.school.now)
    line = strangers.issue_command(room.unit.device, Task.RETIRE, lasts=WEEK, not_before=room.school.now)
    room.unit.put_state("commands/retire", line)
    time.sleep(LOOKS_S)
    assert _shown(room)[-1] == "ready"

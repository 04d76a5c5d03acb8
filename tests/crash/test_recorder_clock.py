"""A wrong clock spoils no lesson: order and length come from the monotonic clock; times are mended when possible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.hardware.ports import VideoPacket
from device.recorder.begin import CannotBegin
from protocol.durable import REAL
from protocol.manifest import TICKS_PER_SECOND, Manifest
from tests.crash.lessons import SECONDS, Item, Lesson, check_order, film
from tests.fakes.clock import ManualClock
from tests.school import make_school

TODAY = datetime(2027, 1, 12, 9, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_AHEAD = TODAY + timedelta(days=3652)


class WallClock(ManualClock):
    """A monotonic clock that the test moves, and a wall clock that can be set to anything."""

    def __init__(self, wall_at: datetime, *, trusted: bool) -> None:
        super().__init__()
        self.set(wall_at, trusted=trusted)

    def set(self, wall_at: datetime, *, trusted: bool) -> None:
        """Let the wall clock go on from `wall_at`."""
        self._set_at, self._set_s, self.trusted = wall_at, self.monotonic_s(), trusted

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return self._set_at + timedelta(seconds=self.monotonic_s() - self._set_s)


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """A lesson's pictures and sound."""
    return film(200_000)


def record(folder: Path, footage: tuple[Item, ...], clock: WallClock, *, later: Callable[[], None]) -> Manifest:
    """Record while the clock goes with the film; half-way something happens to it."""
    school = make_school(folder / "school", now=TODAY)
    lesson = Lesson(school, school.make_unit(folder / "unit"), REAL, clock)
    lesson.record(_while_time_passes(footage, clock, later))
    check_order(lesson, given_s=SECONDS)
    (recording,) = lesson.unit.recordings()
    return lesson.unit.manifest(recording)


def _while_time_passes(footage: tuple[Item, ...], clock: WallClock, later: Callable[[], None]) -> Iterator[Item]:
    passed, halves = 0.0, [later]
    for item in footage:
        if isinstance(item, VideoPacket):
            clock.advance(item.dts / TICKS_PER_SECOND - passed)
            passed = item.dts / TICKS_PER_SECOND
        if halves and passed > SECONDS / 2:
            halves.pop()()
        yield item


@pytest.mark.parametrize("wrong_at", [EPOCH, TODAY - HOUR, TODAY + HOUR])
def test_time_that_arrives_in_mid_lesson_mends_the_beginning(
    tmp_path: Path, footage: tuple[Item, ...], wrong_at: datetime
) -> None:
    """A clock that nobody has set says so in every line; once it is set, the press has its true time."""
    clock = WallClock(wrong_at, trusted=False)

    def arrive() -> None:
        clock.set(TODAY + timedelta(seconds=clock.monotonic_s() - began_s), trusted=True)

    began_s = clock.monotonic_s()
    manifest = record(tmp_path, footage, clock, later=arrive)
    trusted = [line.moment.wall_trusted for line in manifest.lines]
    assert trusted == sorted(trusted)
    assert {False, True} == set(trusted)
    assert abs(manifest.began_at - TODAY) < timedelta(milliseconds=10)


@pytest.mark.parametrize("jump", [HOUR, -HOUR, FAR_AHEAD - TODAY, EPOCH - TODAY])
def test_clock_that_jumps_in_mid_lesson_changes_neither_order_nor_length(
    tmp_path: Path, footage: tuple[Item, ...], jump: timedelta
) -> None:
    """The manifest verifies, lasts as long as the film, and its monotonic times rise; the press keeps its time."""
    clock = WallClock(TODAY, trusted=True)
    manifest = record(tmp_path, footage, clock, later=lambda: clock.set(clock.now_at() + jump, trusted=True))
    monotonic = [line.moment.monotonic_ms for line in manifest.lines]
    assert monotonic == sorted(monotonic)
    assert manifest.closed is not None
    assert manifest.closed.duration_ticks == SECONDS * TICKS_PER_SECOND
    assert manifest.began_at == TODAY


def test_clock_far_ahead_refuses_and_erases_nothing(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """Ten years on every document would have ended: no press is allowed until the time arrives, and then one is."""
    school, clock = make_school(tmp_path / "school", now=TODAY), WallClock(TODAY, trusted=True)
    lesson = Lesson(school, school.make_unit(tmp_path / "unit"), REAL, clock)
    lesson.record(footage)
    clock.set(FAR_AHEAD, trusted=False)
    with pytest.raises(CannotBegin):
        lesson.record(footage)
    assert len(lesson.unit.recordings()) == 1
    clock.set(TODAY + HOUR, trusted=True)
    lesson.record(footage)
    assert len(lesson.unit.recordings()) == 2

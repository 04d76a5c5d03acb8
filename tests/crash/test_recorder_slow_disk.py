"""A card that takes seconds for a sync now and then costs no picture."""

from __future__ import annotations

import queue
from pathlib import Path

from device.consent import PressDecision
from device.hardware.clock import SystemClock
from device.hardware.ports import PictureFacts
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.media.segments import SegmentLimits
from device.recorder.media import MediaWriter
from device.recorder.states import Event, Kind, TakeEnd
from device.recorder.take import Take
from protocol.manifest import TICKS_PER_SECOND, CloseReason, EventName, Sealed
from tests.crash.lessons import NOW, Lesson, check_order
from tests.fakes.slowfiles import SlowFiles
from tests.school import make_school

SECONDS = 8.0
SLOW_S = 2.0
EVERY = 9


def test_syncs_of_two_seconds_cost_no_picture(tmp_path: Path) -> None:
    """Every ninth sync takes 2 s while the camera goes on: all of it is sealed, and no fault is noted."""
    school = make_school(tmp_path / "school", now=NOW)
    files = SlowFiles(lambda number: SLOW_S if number % EVERY == 0 else 0.0)
    lesson = Lesson(school, school.make_unit(tmp_path / "unit"), files)
    lesson.store.prepare()
    permit = PressDecision(allowed=True, reason="", owner=lesson.unit.owner, policy_generation=1, policy_version=1)
    recording = lesson.beginner.begin(permit)
    settings = SyntheticSettings(width=320, height=180, fps=25, bit_rate_bps=400_000, seconds=SECONDS)
    said: queue.SimpleQueue[Event] = queue.SimpleQueue()
    camera = SyntheticCamera(clock=SystemClock(), settings=settings)
    writer = MediaWriter(recording, PictureFacts(), SegmentLimits(target_s=2.0, bound_s=4.0))
    take = Take(camera, None, writer=writer, clock=SystemClock(), post=said.put)
    take.start()
    while (event := said.get(timeout=60)).kind is not Kind.TAKE_ENDED:
        pass
    take.dispose()
    lesson.keeper.end(recording.name, CloseReason.STOPPED)

    assert event.cause is TakeEnd.FINISHED
    assert files.syncs > 2 * EVERY
    check_order(lesson, given_s=SECONDS)
    (folder,) = lesson.unit.recordings()
    manifest = lesson.unit.manifest(folder)
    sealed = [segment.ended for segment in manifest.segments if isinstance(segment.ended, Sealed)]
    assert sum(each.duration_ticks for each in sealed) == SECONDS * TICKS_PER_SECOND
    assert EventName.FAULT not in [line.content.name for line in manifest.events]

"""Every operation on the disk fails in turn, from the press to the last line: killed, without power, refused, full.

The real spool, sealing, manifest and muxer write real media of the synthetic camera; the door to the disk is the only
thing that is not the real one.
"""

from __future__ import annotations

import os
import queue
from dataclasses import dataclass
from pathlib import Path

import pytest

from device.consent import PressDecision
from device.hardware.disk import SystemDisk
from device.hardware.ports import AudioFrame, CameraEnd, HardwareError, PictureFacts, VideoPacket
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.identity import DocumentStore
from device.media.segments import SegmentLimits
from device.recorder.begin import Beginner, CannotBegin, SpoolLimits
from device.recorder.media import MediaWriter
from device.recorder.moments import Moments
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.recording import OpenRecording
from device.spool.store import SpoolStore
from protocol.durable import REAL, Files
from protocol.manifest import TICKS_PER_SECOND, CloseReason
from tests.fakes.clock import BEGAN_AT, LeapingClock
from tests.fakes.cutfiles import CountingFiles, Cut, FullFiles, KilledFiles, PoweredFiles, RefusingFiles
from tests.school import School, UnitBundle, make_school
from tests.unsealed import find_plaintext, open_recording

NOW = BEGAN_AT
SECONDS = 4.0
LOST_S = 2.0
MEBIBYTE = 1024 * 1024

Item = VideoPacket | AudioFrame


class _Collector:
    """Takes what a camera gives."""

    def __init__(self) -> None:
        self.items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()

    def on_video(self, packet: VideoPacket) -> None:
        self.items.put(packet)

    def on_audio(self, frame: AudioFrame) -> None:
        self.items.put(frame)

    def on_end(self, _reason: CameraEnd) -> None:
        self.items.put(None)

    def on_fault(self, _error: HardwareError) -> None:
        self.items.put(None)


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Four seconds of picture and sound."""
    settings = SyntheticSettings(
        width=320, height=180, fps=25, bit_rate_bps=400_000, speed=float("inf"), seconds=SECONDS
    )
    camera, sink = SyntheticCamera(clock=LeapingClock(), settings=settings), _Collector()
    camera.start(sink)
    items: list[Item] = []
    while (item := sink.items.get()) is not None:
        items.append(item)
    camera.stop()
    return tuple(items)


@dataclass
class Lesson:
    """One lesson on one unit: from the press to the last line, through `files`."""

    school: School
    unit: UnitBundle
    files: Files
    given_s: float = 0.0

    def __post_init__(self) -> None:
        root = self.school.root.verifying
        documents = DocumentStore(self.unit.data / "state", device=self.unit.device, root=root, files=REAL)
        moments = Moments(LeapingClock(), NOW)
        self.store = SpoolStore(self.unit.data / "spool", self.files)
        self.signer = Signer(key=self.unit.recorder, moment=moments.moment, files=self.files)
        self.keeper = SpoolKeeper(self.store, self.signer)
        self.beginner = Beginner(
            device=self.unit.device,
            camera="synthetic",
            store=self.store,
            signer=self.signer,
            documents=documents,
            moments=moments,
            disk=SystemDisk(),
            limits=SpoolLimits(lesson_bytes=MEBIBYTE, reserve_bytes=MEBIBYTE),
            random_bytes=os.urandom,
        )

    def record(self, footage: tuple[Item, ...]) -> None:
        """Begin, write all the footage, end; like the recorder, end as a fault what the disk refuses."""
        self.store.prepare()
        permit = PressDecision(allowed=True, reason="", owner=self.unit.owner, policy_generation=1, policy_version=1)
        recording = self.beginner.begin(permit)
        reason = CloseReason.STOPPED if self._write(recording, footage) else CloseReason.FAULT
        self.keeper.end(recording.name, reason)

    def _write(self, recording: OpenRecording, footage: tuple[Item, ...]) -> bool:
        writer = MediaWriter(recording, PictureFacts(), SegmentLimits(target_s=1.5, bound_s=3.0))
        try:
            for item in footage:
                if isinstance(item, VideoPacket):
                    self.given_s = (item.dts + item.duration) / TICKS_PER_SECOND
                writer.add(item)
            writer.finish("")
        except OSError:
            return False
        finally:
            writer.abandon()
        return True


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """One school for all lessons."""
    return make_school(tmp_path_factory.mktemp("school"), now=NOW)


def _lesson(school: School, folder: Path, files: Files) -> Lesson:
    return Lesson(school, school.make_unit(folder), files)


@pytest.fixture(scope="module")
def operations(school: School, footage: tuple[Item, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The operations of an undisturbed lesson, in order."""
    files = CountingFiles()
    lesson = _lesson(school, tmp_path_factory.mktemp("whole"), files)
    lesson.record(footage)
    (folder,) = lesson.unit.recordings()
    assert open_recording(school, lesson.unit, folder).seconds == pytest.approx(SECONDS, abs=0.1)
    return tuple(files.names)


def _recover(lesson: Lesson) -> Lesson:
    """Start again on a disk that works, as the recorder does, and close what is open."""
    again = Lesson(lesson.school, lesson.unit, REAL)
    for mended in again.keeper.mend_all():
        assert mended.problems == ()
        if mended.is_open:
            again.keeper.end(mended.recording, CloseReason.INTERRUPTED)
    return again


def _check_order(lesson: Lesson, *, given_s: float) -> None:
    """Nothing in the clear, every file named by a manifest that verifies, at most 2 s lost, and no hand needed."""
    assert find_plaintext(lesson.unit.data / "spool") == []
    folders = lesson.unit.recordings()
    assert len(folders) <= 1
    if not folders:
        assert given_s == 0.0
        return
    opened = open_recording(lesson.school, lesson.unit, folders[0])
    assert opened.manifest.closed is not None
    assert opened.seconds >= given_s - LOST_S
    named = {"manifest", "key.age", *(f"{index:06d}.age" for index in opened.manifest.objects()[1:])}
    assert {path.name for path in folders[0].iterdir()} == named


def test_kill_at_every_operation_is_recovered(
    school: School, footage: tuple[Item, ...], operations: tuple[str, ...], tmp_path: Path
) -> None:
    """P2, P4: kill -9 at each write, sync and rename, a write being half done: the next start brings all into order."""
    for at in range(1, len(operations) + 1):
        lesson = _lesson(school, tmp_path / str(at), KilledFiles(at))
        with pytest.raises(Cut):
            lesson.record(footage)
        _check_order(_recover(lesson), given_s=lesson.given_s)


def test_power_cut_at_every_operation_is_recovered(
    school: School, footage: tuple[Item, ...], operations: tuple[str, ...], tmp_path: Path
) -> None:
    """P4: the power goes at each operation and takes everything that was not synced: at most 2 s of media are lost."""
    for at in range(1, len(operations) + 1):
        folder = tmp_path / str(at)
        unit = school.make_unit(folder)
        files = PoweredFiles(unit.data / "spool", at)
        lesson = Lesson(school, unit, files)
        with pytest.raises(Cut):
            lesson.record(footage)
        files.leave()
        _check_order(_recover(lesson), given_s=lesson.given_s)


def test_recovery_that_is_cut_off_itself_is_recovered(
    school: School, footage: tuple[Item, ...], operations: tuple[str, ...], tmp_path: Path
) -> None:
    """A second cut at any operation of the recovery loses nothing more: trying again brings the same order."""
    middle = max(at for at, name in enumerate(operations, 1) if name == "write" and at < 0.7 * len(operations))
    for at in range(1, 40):
        lesson = _lesson(school, tmp_path / str(at), KilledFiles(middle))
        with pytest.raises(Cut):
            lesson.record(footage)
        again = Lesson(school, lesson.unit, KilledFiles(at))
        try:
            for mended in again.keeper.mend_all():
                again.keeper.end(mended.recording, CloseReason.INTERRUPTED)
        except Cut:
            _check_order(_recover(lesson), given_s=lesson.given_s)
        else:
            return
    raise AssertionError("the recovery never ran through")


def test_refused_operation_ends_the_lesson_in_order(
    school: School, footage: tuple[Item, ...], operations: tuple[str, ...], tmp_path: Path
) -> None:
    """A disk that refuses any one operation ends the recording: what was durable stays, closed, and nothing is torn."""
    for at in range(1, len(operations) + 1):
        lesson = _lesson(school, tmp_path / str(at), RefusingFiles(at))
        try:
            lesson.record(footage)
        except (OSError, CannotBegin):
            lesson = _recover(lesson)
            _check_order(lesson, given_s=0.0)
        else:
            _check_order(lesson, given_s=lesson.given_s)


def test_full_disk_at_every_operation_ends_the_lesson_with_the_reserve(
    school: School, footage: tuple[Item, ...], operations: tuple[str, ...], tmp_path: Path
) -> None:
    """P5: the disk is full from any operation on: the reserve ends the recording well, and no restart is needed."""
    first = operations.index("allocate") + 2
    begun = operations.index("open manifest") + 3  # from here on the first line is written
    for at in range(first, len(operations) + 1):
        lesson = _lesson(school, tmp_path / str(at), FullFiles(at))
        if at < begun:
            with pytest.raises(OSError, match="no space left"):
                lesson.record(footage)
            assert lesson.unit.recordings() == []
            continue
        lesson.record(footage)
        _check_order(lesson, given_s=lesson.given_s)

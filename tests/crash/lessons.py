"""One lesson on a unit whose disk fails: recorded from the press to the last line, recovered, and looked through.

The real spool, sealing, manifest and muxer write real media of the synthetic camera; the door to the disk is the only
thing that is not the real one.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterable
from dataclasses import dataclass, field

from device.consent import PressDecision
from device.hardware.disk import SystemDisk
from device.hardware.ports import AudioFrame, CameraEnd, HardwareError, PictureFacts, VideoPacket
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.identity import DocumentStore
from device.media.segments import SegmentLimits
from device.recorder.begin import Beginner, SpoolLimits
from device.recorder.media import MediaWriter
from device.recorder.moments import Moments
from device.spool.keeping import SpoolKeeper
from device.spool.manifest import Signer
from device.spool.recording import OpenRecording
from device.spool.store import SpoolStore
from protocol.durable import REAL, Files
from protocol.manifest import TICKS_PER_SECOND, CloseReason
from tests.fakes.clock import BEGAN_AT, LeapingClock, ManualClock
from tests.school import School, UnitBundle
from tests.unsealed import find_plaintext, open_recording

NOW = BEGAN_AT
SECONDS = 4.0
LOST_S = 2.0
MEBIBYTE = 1024 * 1024
HIGH_RATE_BPS = 1_000_000

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


def film(bit_rate_bps: int) -> tuple[Item, ...]:
    """Four seconds of picture and sound, the picture at about this rate."""
    width, height = (320, 180) if bit_rate_bps < HIGH_RATE_BPS else (1280, 720)
    settings = SyntheticSettings(
        width=width, height=height, fps=25, bit_rate_bps=bit_rate_bps, speed=float("inf"), seconds=SECONDS
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
    clock: ManualClock = field(default_factory=LeapingClock)
    given_s: float = 0.0

    def __post_init__(self) -> None:
        root = self.school.root.verifying
        documents = DocumentStore(self.unit.data / "state", device=self.unit.device, root=root, files=REAL)
        moments = Moments(self.clock, self.school.now)
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

    def record(self, footage: Iterable[Item]) -> None:
        """Begin, write all the footage, end; like the recorder, end as a fault what the disk refuses."""
        self.store.prepare()
        permit = PressDecision(allowed=True, reason="", owner=self.unit.owner, policy_generation=1, policy_version=1)
        recording = self.beginner.begin(permit)
        reason = CloseReason.STOPPED if self._write(recording, footage) else CloseReason.FAULT
        self.keeper.end(recording.name, reason)

    def _write(self, recording: OpenRecording, footage: Iterable[Item]) -> bool:
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


def recover(lesson: Lesson) -> Lesson:
    """Start again on a disk that works, as the recorder does, and close what is open."""
    again = Lesson(lesson.school, lesson.unit, REAL)
    for mended in again.keeper.mend_all():
        assert mended.problems == ()
        if mended.is_open:
            again.keeper.end(mended.recording, CloseReason.INTERRUPTED)
    return again


def check_order(lesson: Lesson, *, given_s: float) -> None:
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

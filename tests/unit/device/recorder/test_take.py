"""One take: camera thread, bounded queue, writer thread, and their ends."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from device.hardware.clock import SystemClock
from device.hardware.ports import AudioFrame, CameraFault, PictureFacts, VideoPacket
from device.media.segments import SegmentLimits
from device.recorder.media import MediaWriter
from device.recorder.sound import SoundKeeper
from device.recorder.states import Event, Kind, TakeEnd
from device.recorder.take import QUEUE_ITEMS, Take
from device.spool.recording import OpenRecording
from protocol.durable import Files
from protocol.manifest import TICKS_PER_SECOND, EventName, Sealed
from tests.fakes.camera import FakeCamera
from tests.fakes.cutfiles import CountingFiles, RefusingFiles
from tests.recorder_room import PATIENCE_S, FakeMicrophone, Item, draw_footage
from tests.unit.device.spool.conftest import SpoolBench

SECONDS = 2.0


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """Two seconds."""
    return draw_footage(SECONDS)


@dataclass
class Stage:
    """A take on a spool of its own, and what it says."""

    folder: Path
    camera: FakeCamera
    files: Files = field(default_factory=CountingFiles)
    writer: type[MediaWriter] = MediaWriter
    microphone: FakeMicrophone | None = None
    said: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self.bench = SpoolBench(self.folder, self.files)
        self.recording: OpenRecording = self.bench.begin()
        self.media = self.writer(self.recording, PictureFacts(), SegmentLimits(target_s=1.0, bound_s=2.0))
        sound = SoundKeeper(self.microphone, SystemClock()) if self.microphone is not None else None
        self.take = Take(self.camera, sound, writer=self.media, clock=SystemClock(), post=self.said.put)

    def run(self) -> list[Event]:
        """Start, and wait until the take has ended by itself."""
        self.take.start()
        return list(self.until_ended())

    def until_ended(self) -> Iterator[Event]:
        """Give what is said, up to the end of the take."""
        while True:
            event = self.said.get(timeout=PATIENCE_S)
            yield event
            if event.kind is Kind.TAKE_ENDED:
                return


def test_take_seals_what_the_camera_gave_and_says_so_once(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """Durable bytes are told as they become so, the end exactly once, and every picture is in the segments."""
    stage = Stage(tmp_path, FakeCamera(footage))
    events = stage.run()
    stage.take.dispose()
    assert [event.kind for event in events].count(Kind.TAKE_ENDED) == 1
    assert events[-1].cause is TakeEnd.FINISHED
    assert [event.kind for event in events].count(Kind.DURABLE) >= 2
    manifest = stage.bench.manifest(stage.recording.name)
    sealed = [segment.ended for segment in manifest.segments if isinstance(segment.ended, Sealed)]
    assert sum(each.duration_ticks for each in sealed) == SECONDS * TICKS_PER_SECOND
    assert stage.said.empty()


def test_stop_seals_what_was_given_before_it(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """After `stop` no picture comes, and none that had come is lost."""
    stage = Stage(tmp_path, FakeCamera(footage, endless=True))
    stage.take.start()
    while stage.said.get(timeout=PATIENCE_S).kind is not Kind.DURABLE:
        pass
    stage.take.stop()
    events = list(stage.until_ended())
    stage.take.dispose()
    assert events[-1].cause is TakeEnd.STOPPED
    assert not stage.camera.is_running
    assert all(segment.ended for segment in stage.bench.manifest(stage.recording.name).segments)


def test_camera_that_cannot_start_ends_the_take(tmp_path: Path) -> None:
    """A refusal at the start is the same to the machine as a failure later."""
    stage = Stage(tmp_path, FakeCamera(refuses=CameraFault("FAKE camera: busy")))
    (ended,) = stage.run()
    stage.take.dispose()
    assert (ended.cause, ended.reason) == (TakeEnd.CAMERA_FAILED, "FAKE camera: busy")
    assert stage.bench.manifest(stage.recording.name).segments == ()


def test_time_that_runs_backwards_is_the_cameras_fault(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """What makes no sense ends the take; everything before it is sealed, and the manifest says what happened."""
    pictures = [item for item in footage if isinstance(item, VideoPacket)]
    broken = [*pictures[:30], replace(pictures[30], dts=0, pts=0), *pictures[31:]]
    stage = Stage(tmp_path, FakeCamera(broken))
    events = stage.run()
    stage.take.dispose()
    assert events[-1].cause is TakeEnd.CAMERA_FAILED
    manifest = stage.bench.manifest(stage.recording.name)
    assert all(segment.ended for segment in manifest.segments)
    assert EventName.FAULT in [line.content.name for line in manifest.events]  # type: ignore[union-attr]


def test_disk_that_fails_lets_a_waiting_camera_go(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """The writer is gone and the queue full: the camera's thread is not left waiting, and the take can be disposed."""
    counted = CountingFiles()
    Stage(tmp_path / "counted", FakeCamera(), counted)
    last = footage[-1].pts
    sound = AudioFrame(bytes(2 * 480), 48_000, last)
    flood = [replace(sound, pts=last + at * 900) for at in range(3 * QUEUE_ITEMS)]
    stage = Stage(tmp_path / "failing", FakeCamera([*footage, *flood]), RefusingFiles(len(counted.names) + 12))
    events = stage.run()
    stage.take.dispose()
    assert events[-1].cause is TakeEnd.DISK_FAILED
    assert "was refused" in events[-1].reason
    assert not stage.camera.is_running


class _HungWriter(MediaWriter):
    """A writer whose card does not answer until the test lets it."""

    def __init__(self, *facts: Any) -> None:
        super().__init__(*facts)
        self.gate = threading.Event()

    def add(self, item: Item) -> bool:
        self.gate.wait(PATIENCE_S)
        return super().add(item)


def test_card_that_hangs_holds_no_microphone_up(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """The camera waits while the queue is full; a microphone cannot, and loses sound instead, and the take goes on."""
    pictures = [item for item in footage if isinstance(item, VideoPacket)]
    flood = tuple(AudioFrame(bytes(960), 48_000, 0) for _ in range(3 * QUEUE_ITEMS))
    microphone = FakeMicrophone(flood)
    stage = Stage(tmp_path, FakeCamera(pictures, endless=True), writer=_HungWriter, microphone=microphone)
    stage.take.start()
    microphone.given.wait(PATIENCE_S)
    assert microphone.given.is_set()
    assert isinstance(stage.media, _HungWriter)
    stage.media.gate.set()
    stage.take.stop()
    assert list(stage.until_ended())[-1].cause is TakeEnd.STOPPED
    stage.take.dispose()


class _MistakenWriter(MediaWriter):
    """A writer with a mistake of ours in it."""

    def add(self, item: Item) -> bool:
        raise AssertionError(f"a mistake of ours with {type(item).__name__}")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_writer_that_dies_says_that_the_take_has_ended(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """Whatever kills the writer, even a mistake of ours, the machine learns of it and the camera is let go."""
    stage = Stage(tmp_path, FakeCamera(footage, endless=True), writer=_MistakenWriter)
    events = stage.run()
    stage.take.dispose()
    assert events[-1].cause is TakeEnd.DISK_FAILED
    assert not stage.camera.is_running


def test_media_time_is_that_of_the_last_picture_before_the_tap(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """A bookmark's place is found by when the pictures came, and counts from the take's own beginning."""
    stage = Stage(tmp_path, FakeCamera(footage))
    before_s = SystemClock().monotonic_s()
    stage.run()
    after_s = SystemClock().monotonic_s()
    assert stage.take.ticks_at(before_s) == 0
    assert stage.take.ticks_at(after_s) == pytest.approx(SECONDS * TICKS_PER_SECOND, abs=TICKS_PER_SECOND / 20)
    stage.take.dispose()


class _SlowCamera(FakeCamera):
    """A camera that takes its time to let go, as an encoder does."""

    def stop(self) -> None:
        """See `Camera.stop`."""
        if self.is_running:
            time.sleep(3)
        super().stop()


def test_sound_ends_at_once_although_the_camera_is_slow_to_stop(tmp_path: Path, footage: tuple[Item, ...]) -> None:
    """From the moment of the stop nobody's voice is kept, however long the camera's encoder needs."""
    pictures = [item for item in footage if isinstance(item, VideoPacket)]
    microphone = FakeMicrophone()
    stage = Stage(tmp_path, _SlowCamera(pictures, endless=True), microphone=microphone)
    stage.take.start()
    microphone.given.wait(PATIENCE_S)
    stopping = threading.Thread(target=stage.take.stop)
    stopping.start()
    while microphone.running:
        time.sleep(0.005)
    assert stopping.is_alive()
    stopping.join()
    stage.take.dispose()

"""A recorder in this process, in a room of fakes: the test is the finger, the eye and the camera's film.

Everything between the fakes is real: gestures, machine, journal, spool, sealing. Gestures are several times as fast.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from device.config import load_config
from device.hardware.clock import SystemClock
from device.hardware.disk import SystemDisk
from device.hardware.ports import (
    AudioFrame,
    AudioSink,
    Buzzer,
    Camera,
    CameraEnd,
    Clock,
    HardwareError,
    Microphone,
    PartFacts,
    VideoPacket,
)
from device.hardware.synthetic import SyntheticCamera, SyntheticSettings
from device.masking.veil import Veil
from device.recorder.performer import Hardware
from device.recorder.service import Inbox, Recorder
from device.wiring.recorder import make_recorder
from protocol.durable import REAL, Files
from tests.fakes.button import FakeButton
from tests.fakes.clock import LeapingClock
from tests.fakes.lamp import FakeLamp
from tests.school import School, UnitBundle

PATIENCE_S = 60.0
STOP_S, DISCARD_S, STUCK_S = 0.4, 1.6, 2.6
FAST = {
    "debounce_s": 0.002,
    "double_tap_s": 0.02,
    "stop_s": 0.2,
    "stop_until_s": 1.0,
    "discard_s": 1.2,
    "stuck_s": 2.5,
    "settle_s": 0.0,
    "release_every_s": 0.1,
    "retry_min_s": 0.05,
}

Item = VideoPacket | AudioFrame


class TrustedClock(SystemClock):
    """The machine's clock, as one that the network has set."""

    def is_trusted(self) -> bool:
        """See `Clock.is_trusted`."""
        return True


class Collector:
    """A sink that keeps what a camera gives, until its end."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.ended = threading.Event()

    def on_video(self, packet: VideoPacket) -> None:
        """See `CameraSink`."""
        self.items.append(packet)

    def on_audio(self, frame: AudioFrame) -> None:
        """See `CameraSink`."""
        self.items.append(frame)

    def on_end(self, _reason: CameraEnd) -> None:
        """See `CameraSink`."""
        self.ended.set()

    def on_fault(self, error: HardwareError) -> None:
        """See `CameraSink`."""
        raise AssertionError(f"the synthetic camera failed: {error}")


def draw_footage(seconds: float) -> tuple[Item, ...]:
    """Let the synthetic camera draw some seconds of picture and sound, as fast as it can."""
    settings = SyntheticSettings(
        width=320, height=180, fps=25, bit_rate_bps=400_000, speed=float("inf"), seconds=seconds
    )
    camera, sink = SyntheticCamera(clock=LeapingClock(), settings=settings), Collector()
    camera.start(sink)
    assert sink.ended.wait(PATIENCE_S)
    camera.stop()
    return tuple(sink.items)


class FakeMicrophone:
    """A microphone that gives `frames` at every start, and then a fault, if there is one."""

    def __init__(self, frames: tuple[AudioFrame, ...] = (), *, fault: HardwareError | None = None) -> None:
        self._frames = frames
        self._fault = fault
        self.running = False
        self.given = threading.Event()

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE microphone of a test", is_production=False)

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`; gives everything at once."""
        self.running = True
        for frame in self._frames:
            sink.on_audio(frame)
        self.given.set()
        if self._fault is not None:
            sink.on_fault(self._fault)

    def stop(self) -> None:
        """See `Microphone.stop`."""
        self.running = False


@dataclass
class Room:
    """One unit with a running recorder, and what the test does there."""

    school: School
    unit: UnitBundle
    recorder: Recorder
    inbox: Inbox
    button: FakeButton
    lamp: FakeLamp
    camera: Camera
    thread: threading.Thread | None = None
    status: list[int] = field(default_factory=list)
    failure: list[BaseException] = field(default_factory=list)

    def tap(self) -> None:
        """A short press."""
        self.hold(0.01)

    def hold(self, seconds: float) -> None:
        """Press, hold and let go."""
        self.button.press()
        time.sleep(seconds)
        self.button.release()
        time.sleep(0.02)  # no finger is back within the time in which a contact bounces

    def wait_for(self, pattern: str, *, after: int = 0) -> int:
        """Wait until the lamp has shown a pattern after the `after` first ones; give how many it had shown then."""
        self.wait_until(lambda: pattern in [each.name for each in self.lamp.shown[after:]], f"the lamp shows {pattern}")
        return after + [each.name for each in self.lamp.shown[after:]].index(pattern) + 1

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something; fails with what the lamp has shown."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"in vain waited until {what}; {[p.name for p in self.lamp.shown]}"
            assert not self.failure, self.failure
            time.sleep(0.01)

    def end(self) -> int:
        """Terminate in order, and give the exit status."""
        self.recorder.terminate()
        return self.join()

    def join(self) -> int:
        """Wait for the process's end."""
        assert self.thread is not None
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        assert not self.failure, self.failure
        return self.status[0]

    def run(self) -> None:
        """The recorder's life, on a thread of the test."""
        try:
            self.status.append(self.recorder.run())
        except BaseException as error:  # noqa: BLE001 the test looks at it
            self.failure.append(error)


def make_room(
    school: School,
    unit: UnitBundle,
    camera: Camera,
    *,
    microphone: Microphone | None = None,
    buzzer: Buzzer | None = None,
    clock: Clock | None = None,
    files: Files = REAL,
    veil: Veil | None = None,
) -> Room:
    """Put a recorder into a room of fakes; it does not run yet."""
    clock, inbox, lamp = clock or SystemClock(), Inbox(), FakeLamp()
    button = FakeButton(clock=clock)
    hardware = Hardware(
        button=button,
        camera=camera,
        microphone=microphone,
        lamp=lamp,
        clock=clock,
        disk=SystemDisk(),
        buzzer=buzzer,
        veil=veil,
    )
    recorder = make_recorder(load_config(unit.config), hardware, inbox, files)
    return Room(school, unit, recorder, inbox, button, lamp, camera)


@contextmanager
def open_room(
    school: School,
    unit: UnitBundle,
    camera: Camera,
    *,
    microphone: Microphone | None = None,
    buzzer: Buzzer | None = None,
    clock: Clock | None = None,
    files: Files = REAL,
    veil: Veil | None = None,
) -> Iterator[Room]:
    """Run a recorder in a room of fakes; at the end it is terminated, whatever happened."""
    room = make_room(school, unit, camera, microphone=microphone, buzzer=buzzer, clock=clock, files=files, veil=veil)
    room.thread = threading.Thread(target=room.run, name="recorder-under-test")
    room.thread.start()
    try:
        yield room
    finally:
        room.recorder.terminate()
        room.thread.join(PATIENCE_S)


def make_fast_unit(school: School, folder: Path, **limits: float) -> UnitBundle:
    """Lay out a unit whose gestures are fast."""
    return school.make_unit(folder, tables={"timings": FAST, "limits": {"segment_s": 2.0, **limits}})

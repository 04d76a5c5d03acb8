"""A time of aiming on a thread, with fakes for button, lamp and screen; used to aim and to confirm a mask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from device.aim import Aim, AimParts, Ending
from device.aiming import Looking
from device.claims import CAMERA, Claim
from device.hardware.claimed import ClaimedViewfinder
from device.hardware.ports import CameraFault, PartFacts
from device.identity import DocumentStore
from device.recorder.gestures import GestureTimings
from device.recorder.hands import Hands
from device.recorder.moments import Moments
from device.recorder.permission import Permission
from device.recorder.service import Inbox
from protocol.durable import REAL
from tests.fakes.button import FakeButton
from tests.fakes.clock import ManualClock
from tests.fakes.lamp import FakeLamp
from tests.school import School, UnitBundle, make_school

PATIENCE_S = 20.0
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


class TermClock(ManualClock):
    """A clock in the school's term."""

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return NOW


@dataclass
class FakeViewfinder:
    """Remembers what the lamp showed when it was started; set `fault` to break it."""

    lamp: FakeLamp
    began_under: list[str] = field(default_factory=list)
    running: bool = False
    fault: CameraFault | None = None

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE viewfinder of a test", is_production=False)

    def start(self) -> None:
        """See `Viewfinder.start`."""
        self.began_under.append(self.lamp.now.name)
        self.running = True

    def check(self) -> None:
        """See `Viewfinder.check`."""
        if self.fault is not None:
            raise self.fault

    def stop(self) -> None:
        """See `Viewfinder.stop`."""
        if self.running:
            assert self.lamp.now.may_record, "the lamp was dark while the camera ran"
        self.running = False


@dataclass
class Scene:
    """One time of aiming on a thread, and what the test does there."""

    school: School
    unit: UnitBundle
    clock: TermClock
    button: FakeButton
    lamp: FakeLamp
    viewfinder: FakeViewfinder
    inbox: Inbox
    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)
    ending: list[Ending | BaseException] = field(default_factory=list)
    thread: threading.Thread | None = None
    make: Callable[[AimParts, threading.Event, Callable[[str], None]], Aim] = Aim

    def begin(self) -> None:
        """Start aiming."""
        documents = DocumentStore(
            self.unit.data / "state", device=self.unit.device, root=self.school.root.verifying, files=REAL
        )
        moments = Moments(self.clock, None)
        parts = AimParts(
            button=self.button,
            lamp=self.lamp,
            viewfinder=ClaimedViewfinder(self.viewfinder, Claim(self.unit.data / "recorder" / CAMERA)),
            hands=Hands(self.button, GestureTimings(), self.clock),
            inbox=self.inbox,
            clock=self.clock,
            moments=moments,
            permission=Permission(documents, moments, Looking()),
        )
        self.thread = threading.Thread(target=self._run, args=(self.make(parts, self.stop, self.said.append),))
        self.thread.start()
        self.wait_until(lambda: bool(self.said))

    def _run(self, aim: Aim) -> None:
        try:
            self.ending.append(aim.run())
        except BaseException as error:  # noqa: BLE001 the test looks at it
            self.ending.append(error)

    def press(self) -> None:
        """A short press; the clock stands until each edge has been taken, which no real clock would need."""
        self.hold(0.2)

    def hold(self, seconds: float) -> None:
        """Press, hold for so long by the clock, and let go."""
        for move, lasts in ((self.button.press, seconds), (self.button.release, 0.2)):
            move()
            self.wait_until(lambda: self.inbox.is_empty)
            time.sleep(0.05)
            self.clock.advance(lasts)

    def wait_until(self, holds: object) -> None:
        """Wait for something that must come."""
        deadline = time.monotonic() + PATIENCE_S
        while not (holds() if callable(holds) else holds):
            assert time.monotonic() < deadline, (self.said, self.ending)
            time.sleep(0.005)

    def end(self) -> Ending | BaseException:
        """Wait for the end that must have been brought about."""
        assert self.thread is not None
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        return self.ending[0]

    def leave(self) -> None:
        """End whatever still runs."""
        self.stop.set()
        if self.thread is not None:
            self.thread.join(PATIENCE_S)


def make_scene(folder: Path) -> Scene:
    """A unit whose policy allows; nobody has pressed."""
    school = make_school(folder / "school", now=NOW)
    unit, clock, lamp = school.make_unit(folder / "unit"), TermClock(), FakeLamp()
    return Scene(school, unit, clock, FakeButton(clock=clock), lamp, FakeViewfinder(lamp), Inbox())

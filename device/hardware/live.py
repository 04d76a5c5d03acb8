"""A camera that nobody can hold back: its pictures wait in a bounded queue, its silence and its errors become faults.

One thread opens the device, watches it and closes it; another hands the pictures on. What the device's own threads
call (`Intake`) never raises and never waits. Which device it is, is not known here: device/hardware/picam.py.
Why it is built like this: docs/adr/0012-our-own-output-and-event-loop-around-picamera2.md.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from device.hardware.ports import (
    TICKS_PER_S,
    CameraFault,
    CameraSink,
    Clock,
    PartFacts,
    PictureFacts,
    VideoPacket,
)

ITEM_BYTES = 300
"""What a picture costs beside its own bytes; keeps a flood of empty pictures bounded too."""

BELIEVED_S = 5.0
"""A picture reaches us within this after it was exposed; libcamera's time since boot is the unit's monotonic one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What the camera is (`description`, for people), how its picture is turned, and what is borne of it.

    The device gives `fps` pictures a second, of which `queue_bytes` may wait. It has failed when its first picture
    comes later than `first_s`, or another later than `stall_s` after the one before. When it is not closed after
    `leave_s`, it is stuck.
    """

    description: str
    fps: int
    queue_bytes: int
    picture: PictureFacts = field(default_factory=PictureFacts)
    first_s: float = 5.0
    stall_s: float = 2.0
    leave_s: float = 5.0
    look_every_s: float = 0.2


class Device(Protocol):
    """A camera that runs."""

    def close(self) -> None:
        """Stop it, hand over what its encoder still holds, let go of it."""


class Intake:
    """What a running device gives, until it is taken; the device's threads call `picture` and `broke`."""

    def __init__(self, settings: LiveSettings, clock: Clock) -> None:
        self._duration = TICKS_PER_S // settings.fps
        self._queue_bytes = settings.queue_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._packets: deque[VideoPacket] = deque()
        self._waiting_bytes = 0
        self._last_ticks = -1
        self._last_s: float | None = None
        self._trouble: str | None = None
        self._over = False

    def picture(self, data: bytes, *, at_us: int, keyframe: bool, captured_us: int | None = None) -> None:
        """Keep a picture taken `at_us` microseconds after the first one; `captured_us` is that in the kernel's time.

        Its ticks rise even where the device's clock stands still or steps back: a picture lost breaks all that follow.
        """
        with self._changed:
            if self._over or self._trouble is not None:
                return
            if self._waiting_bytes + len(data) + ITEM_BYTES > self._queue_bytes:
                self._trouble = f"{len(self._packets)} pictures wait to be written; the disk has not kept up"
                return
            ticks = max(round(at_us * TICKS_PER_S / 1_000_000), self._last_ticks + 1)
            captured_s = self._believe(captured_us)
            self._packets.append(VideoPacket(data, ticks, ticks, self._duration, keyframe, captured_s))
            self._waiting_bytes += len(data) + ITEM_BYTES
            self._last_ticks, self._last_s = ticks, self._clock.monotonic_s()
            self._changed.notify()

    def _believe(self, captured_us: int | None) -> float | None:
        """Give the second of the unit's clock; None for a time that was not just now, so that it is another clock's."""
        if captured_us is None or not 0 <= self._clock.monotonic_s() - captured_us / 1e6 <= BELIEVED_S:
            return None
        return captured_us / 1e6

    def broke(self, words: str) -> None:
        """Remember what went wrong in a thread of the device's; the first error is the one that is told."""
        with self._changed:
            self._trouble = self._trouble or words

    @property
    def trouble(self) -> str | None:
        """What went wrong, if anything did."""
        with self._changed:
            return self._trouble

    @property
    def last_s(self) -> float | None:
        """When the newest picture came (monotonic seconds); None before the first."""
        with self._changed:
            return self._last_s

    def end(self) -> None:
        """Take no more pictures; those that wait can still be taken."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def abandon(self) -> None:
        """Nobody wants what waits."""
        with self._changed:
            self._over = True
            self._packets.clear()
            self._changed.notify()

    def take(self) -> VideoPacket | None:
        """Give the oldest picture that waits, or wait for one; None when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._packets or self._over)
            if not self._packets:
                return None
            packet = self._packets.popleft()
            self._waiting_bytes -= len(packet.data) + ITEM_BYTES
            return packet


OpenDevice = Callable[[Intake], Device]


class LiveCamera:
    """A camera of the `Camera` port around a device that gives encoded pictures, and no sound.

    `open_device` starts the device, which then calls the intake; it raises `CameraFault`. `on_stuck` is told of a
    device that does not let go: nothing in this process can free it, so the process had better end.
    """

    def __init__(
        self,
        open_device: OpenDevice,
        *,
        settings: LiveSettings,
        clock: Clock,
        on_stuck: Callable[[CameraFault], None],
    ) -> None:
        self.facts = PartFacts(settings.description, is_production=True)
        self.picture = settings.picture
        self._open_device = open_device
        self._settings = settings
        self._clock = clock
        self._on_stuck = on_stuck
        self._run: _Run | None = None

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`; a device that cannot be opened is told to the sink, so that nothing here waits for it."""
        if self._run is not None and not self._run.is_over:
            raise CameraFault(f"{self.facts.description}: {self._run.why_not_over}")
        intake = Intake(self._settings, self._clock)
        watch = _Watch(self._open_device, intake, settings=self._settings, clock=self._clock)
        self._run = _Run(watch, intake, sink=sink, description=self.facts.description)
        self._run.start()

    def stop(self) -> None:
        """See `Camera.stop`; a device that does not let go is left behind and told, once, and not waited for again."""
        if self._run is None or self._run.is_left_behind:
            return
        self._run.stop(self._settings.leave_s)
        if self._run.is_left_behind:
            self._on_stuck(CameraFault(f"{self.facts.description}: {self._run.why_not_over}"))


class _Watch:
    """Opens the device, looks whether pictures come, and closes it."""

    def __init__(self, open_device: OpenDevice, intake: Intake, *, settings: LiveSettings, clock: Clock) -> None:
        self._open_device = open_device
        self._intake = intake
        self._settings = settings
        self._clock = clock

    def run(self, cancel: threading.Event, fail: Callable[[str], None]) -> None:
        """Run the device until it is cancelled or fails; `fail` is told first, since closing a device may hang."""
        device = self._open_device(self._intake)
        try:
            trouble = self._wait_for_trouble(cancel)
            if trouble is not None:
                fail(trouble)
        finally:
            device.close()

    def _wait_for_trouble(self, cancel: threading.Event) -> str | None:
        opened_s = self._clock.monotonic_s()
        while (trouble := self._intake.trouble) is None:
            now_s = self._clock.monotonic_s()
            if self._clock.wait_until(now_s + self._settings.look_every_s, cancel):
                return None
            trouble = self._judge_silence(opened_s, now_s)
            if trouble is not None:
                return trouble
        return trouble

    def _judge_silence(self, opened_s: float, now_s: float) -> str | None:
        last_s = self._intake.last_s
        silent_s = now_s - (opened_s if last_s is None else last_s)
        if silent_s <= (self._settings.first_s if last_s is None else self._settings.stall_s):
            return None
        return f"no picture for {silent_s:.1f} s; look at the camera and its cable"


class _Run:
    """One start of a live camera: the thread that owns the device and the one that hands its pictures on."""

    def __init__(self, watch: _Watch, intake: Intake, *, sink: CameraSink, description: str) -> None:
        self._watch = watch
        self._intake = intake
        self._sink = sink
        self._description = description
        self._cancel = threading.Event()
        self._fault: CameraFault | None = None
        self.is_left_behind = False
        self._owner = threading.Thread(target=self._own, name="camera-owner", daemon=True)
        self._giver = threading.Thread(target=self._give, name="camera-giver", daemon=True)

    @property
    def is_over(self) -> bool:
        """Whether the device was let go and everything was said."""
        return not self._owner.is_alive() and not self._giver.is_alive()

    @property
    def why_not_over(self) -> str:
        """Say what stands in the way of another start."""
        if not self._cancel.is_set():
            return "is running already; stop it before starting it again"
        if self._owner.is_alive():
            return "has not let go since it was stopped; only a restart of this process frees it"
        return "its last picture is still being written; try again when the disk has answered"

    def start(self) -> None:
        """Begin to open the device."""
        self._giver.start()
        self._owner.start()

    def stop(self, leave_s: float) -> None:
        """End both threads; after `leave_s` seconds each is left behind, and calls the sink no more."""
        self._cancel.set()
        for thread in (self._owner, self._giver):
            if thread is not threading.current_thread():
                thread.join(leave_s)
        if not self.is_over:
            self._intake.abandon()
        self.is_left_behind = self._owner.is_alive()

    def _own(self) -> None:
        try:
            self._watch.run(self._cancel, self._fail)
        except CameraFault as fault:
            self._fail(str(fault))
        except Exception as error:  # noqa: BLE001 whatever it is, a camera that has stopped must say so
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            self._intake.end()

    def _fail(self, words: str) -> None:
        if self._fault is None and not self._cancel.is_set():
            self._fault = CameraFault(f"{self._description}: {words}")
        self._intake.end()

    def _give(self) -> None:
        try:
            while (packet := self._intake.take()) is not None:
                self._sink.on_video(packet)
            if self._fault is not None and not self._cancel.is_set():
                self._sink.on_fault(self._fault)
        finally:
            self._cancel.set()  # a camera that nobody listens to does not run

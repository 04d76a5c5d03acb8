"""The ports: what the recorder asks of a camera, a microphone, a button, a lamp, a clock and a disk.

Each comment says who validates, which thread calls, and which error is owed. Nothing here touches hardware; the
implementations are its neighbours, `device/wiring` chooses among them, and `tests/contract` holds all of them to
these words. Times of media are ticks of 1/90000 s. A camera chooses their origin freely for each start, and says of
each picture when it was captured; a microphone counts them from the origin of the unit's monotonic clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

from protocol.room.lamp import LampPattern

TICKS_PER_S = 90_000
SOUND_RATE_HZ = 48_000


class HardwareError(Exception):
    """A part of the unit did not do what its port promises."""


class CameraFault(HardwareError):
    """The camera stopped giving pictures."""


class MicrophoneFault(HardwareError):
    """The microphone stopped giving sound."""


class ButtonFault(HardwareError):
    """The button cannot be read."""


class LampFault(HardwareError):
    """The lamp cannot be set, so that it may show something that is not true."""


class BuzzerFault(HardwareError):
    """The buzzer cannot be sounded."""


class DiskFault(HardwareError):
    """The card refused a write, a sync, or the question for its free space."""


class PartsClaimed(HardwareError):
    """Another process of the unit holds button, lamp and camera."""


class NotForProduction(HardwareError):
    """A made-up camera, button or lamp stands in a unit whose configuration says production."""


class Purpose(Enum):
    """What a unit is configured for; only `DEMO` (which includes tests) may use made-up parts."""

    PRODUCTION = "production"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class PartFacts:
    """What a part says about itself: `description` for people, and whether a classroom may rely on it."""

    description: str
    is_production: bool


class Part(Protocol):
    """Anything that can say what it is."""

    @property
    def facts(self) -> PartFacts: ...


def require_fit(part: Part, purpose: Purpose) -> None:
    """Refuse a made-up part in a production unit.

    Raises NotForProduction; called by `device/wiring` for every part, before anything starts.
    """
    if purpose is Purpose.PRODUCTION and not part.facts.is_production:
        raise NotForProduction(
            f"{part.facts.description}: made up, and this unit's configuration says production; "
            "connect the real part, or set the unit's purpose to demo"
        )


@dataclass(frozen=True, slots=True)
class VideoPacket:
    """One encoded picture.

    `data` is an H.264 access unit in Annex-B form (ITU-T H.264 annex B); `pts`, `dts` and `duration` are ticks.
    Within one start of a camera `dts` rises strictly and `pts >= dts`; the camera validates both.
    `captured_s`: the second of the unit's monotonic clock at which the picture was exposed; sound of a microphone of
    its own is put in step by it. None when the camera cannot say: then the instant counts at which it was given.
    """

    data: bytes
    pts: int
    dts: int
    duration: int
    keyframe: bool
    captured_s: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A stretch of sound: mono, signed 16-bit little-endian samples; `pts` is the ticks of the first sample.

    Of a `Microphone` the ticks are those of the unit's monotonic clock at which the sound was made (the microphone's
    latency is taken off already); of a camera's own sound those of its pictures.
    `rate_hz` is SOUND_RATE_HZ for every source: a source of another rate resamples, the muxer refuses the rest.
    """

    samples: bytes
    rate_hz: int
    pts: int

    @property
    def sample_count(self) -> int:
        """Number of samples (two bytes each)."""
        return len(self.samples) // 2


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What the packets alone do not say about the picture.

    `display_matrix`: nine integers as in a `tkhd` box (ISO/IEC 14496-12, 8.3.2), None for upright.
    `parameter_sets`: Annex-B SPS and PPS, used only when the first keyframe does not carry its own.
    `pixel_aspect`: a pixel's width and height in proportion, None for what the packets say.
    """

    display_matrix: tuple[int, ...] | None = None
    parameter_sets: bytes = field(default=b"", repr=False)
    pixel_aspect: tuple[int, int] | None = None


class EndReason(Enum):
    """Why a camera that was not told to stop came to its end."""

    FINISHED = "finished"
    CUT_OFF = "cut off"


@dataclass(frozen=True, slots=True)
class CameraEnd:
    """The natural end of a source that has one (a replayed file); `detail` is one sentence for people."""

    reason: EndReason
    detail: str


class AudioSink(Protocol):
    """Takes sound; called from the source's thread, in order of time."""

    def on_audio(self, frame: AudioFrame) -> None: ...

    def on_fault(self, error: HardwareError) -> None:
        """The source is broken; called at most once per start, and it is the last call."""


class CameraSink(AudioSink, Protocol):
    """Takes what a camera gives; called from the camera's own thread(s), never after `stop` has returned.

    A method may block for a moment to hold the source back (a replay waits; a live camera must keep a bounded queue
    of its own and owes a CameraFault when that is full). It must not raise.
    """

    def on_video(self, packet: VideoPacket) -> None: ...

    def on_end(self, reason: CameraEnd) -> None:
        """The footage is over; called at most once per start, and it is the last call."""


class Camera(Part, Protocol):
    """A source of encoded pictures, and of sound when it has its own.

    It never runs before `start`. Both methods are called from one thread, the recorder's.
    """

    @property
    def picture(self) -> PictureFacts:
        """Facts for the muxer; valid before the first `start`."""

    def start(self, sink: CameraSink) -> None:
        """Begin to call `sink` from a thread of the camera's own.

        Raises CameraFault when it cannot begin or is running already; later faults go to `sink.on_fault`.
        """

    def stop(self) -> None:
        """End the thread and let go of the device; returns when no further call to the sink can come.

        Idempotent, also before any start. A stopped camera may be started again.
        """


class Viewfinder(Part, Protocol):
    """The unit's own screen with what the camera sees, for aiming: it gives pictures to nobody and keeps none.

    All methods are called from one thread.
    """

    def start(self) -> None:
        """Run the camera and show its picture; raises CameraFault when that cannot be done, and nothing runs then."""

    def check(self) -> None:
        """Raise CameraFault when the picture is known to be gone; cheap, asked each second."""

    def stop(self) -> None:
        """Stop the camera; the screen shows nothing of it when this returns. Idempotent, also before any start."""


class Microphone(Part, Protocol):
    """A source of sound that is not part of the camera, and is used instead of the camera's own.

    It never runs before `start`. Both methods are called from one thread, that of `device/recorder/sound.py`, which
    starts it again when it fails.
    """

    def start(self, sink: AudioSink) -> None:
        """Begin to call `sink.on_audio` from a thread of its own; its times never run backwards.

        Raises MicrophoneFault when it cannot begin or is running already; later faults go to `sink.on_fault`.
        """

    def stop(self) -> None:
        """Return soon, also when the driver hangs; no call to the sink comes after. Idempotent."""


@dataclass(frozen=True, slots=True)
class ButtonEdge:
    """The button's contact was seen `down` (pressed) or up at `at_s` seconds of the unit's monotonic clock."""

    down: bool
    at_s: float


class Button(Part, Protocol):
    """A push button, raw: no debounce and no meaning, both are `device/recorder/gestures.py`.

    `on_edge` is called from a thread of the library's; it must only put the edge into a queue. Edges may be missed
    or repeated (bounce): the reader asks `is_down` again while it believes that the button is held.
    """

    def start(self, on_edge: Callable[[ButtonEdge], None]) -> None:
        """Begin to report edges; raises ButtonFault when the pin cannot be had."""

    def is_down(self) -> bool:
        """Read the contact now; raises ButtonFault when it cannot be read."""

    def stop(self) -> None:
        """Report nothing further and free the pin; idempotent."""


class Lamp(Part, Protocol):
    """The lamp; dark until the first `show`."""

    def show(self, pattern: LampPattern) -> None:
        """Show `pattern` from its first beat, which is lit before this returns (promise P1).

        A lasting pattern replaces what was shown. A passing one (`pattern.plays` is a number) is played that often,
        then the last lasting pattern goes on. Raises LampFault when the pins cannot be set.
        """

    def close(self) -> None:
        """Go dark, end the thread, free the pins; idempotent."""


class Tune(Enum):
    """What the buzzer tells the room; each must be told from the others by ear alone."""

    START = "start"
    STOP = "stop"
    REMIND = "remind"


class Buzzer(Part, Protocol):
    """A small sounder beside the lamp; silent until the first `play`."""

    def play(self, tune: Tune) -> None:
        """Begin to play `tune` and return at once; one that still plays is cut short.

        Raises BuzzerFault when the pin cannot be set; the recorder logs that and records on.
        """

    def close(self) -> None:
        """Fall silent, end the thread, free the pin; idempotent."""


class Cancel(Protocol):
    """What a wait can be ended by; `threading.Event` is one."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Clock(Protocol):
    """Time, as far as the unit knows it."""

    @property
    def boot_id(self) -> str:
        """Names this run of the kernel; monotonic seconds compare only within one."""

    def monotonic_s(self) -> float:
        """Seconds that never jump; comparable between the unit's processes."""

    def now_at(self) -> datetime:
        """The wall clock, aware UTC; believe it only when `is_trusted`."""

    def is_trusted(self) -> bool:
        """Whether the wall clock was set from the network since boot."""

    def wait_until(self, deadline_s: float, cancel: Cancel) -> bool:
        """Sleep until monotonic `deadline_s`; returns True at once when `cancel` is set."""


class Disk(Protocol):
    """The card under the spool; every method raises DiskFault with the path and the system's own words."""

    def free_bytes(self, folder: Path) -> int:
        """Bytes that the calling user may still write below `folder`."""

"""A camera that plays a video file: the same pictures, not re-encoded, at the file's own pace.

Ships with the product for the demo, tests and load; a production configuration refuses it. It owns one thread
while it runs; reading the file is `device/media/demux.py`, refusing one is `device/media/inputs.py`.
"""

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from device.hardware.filming import FilmingThread
from device.hardware.ports import (
    TICKS_PER_S,
    AudioFrame,
    CameraEnd,
    CameraFault,
    CameraSink,
    Clock,
    EndReason,
    PartFacts,
    PictureFacts,
    VideoPacket,
)
from device.media.demux import Footage, footage_ticks, read_footage
from device.media.errors import InputBroken, InputRefused, MediaError
from device.media.inputs import InputFacts, inspect_input

__all__ = ["AS_FAST_AS_TAKEN", "InputFacts", "InputRefused", "ReplayCamera", "ReplaySettings", "inspect_input"]

AS_FAST_AS_TAKEN = math.inf


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """`speed`: 1 is the file's pace, AS_FAST_AS_TAKEN does not wait; `plays`: how often, None for ever."""

    speed: float = 1.0
    plays: int | None = 1

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError(f"speed {self.speed}: expected more than 0 (AS_FAST_AS_TAKEN for no waiting)")
        if self.plays is not None and self.plays < 1:
            raise ValueError(f"plays {self.plays}: expected 1 or more, or None for ever")


class ReplayCamera:
    """Plays one file from its beginning at every start.

    Raises InputRefused when it is made from a file that cannot be recorded.
    """

    def __init__(self, path: Path, *, clock: Clock, settings: ReplaySettings | None = None) -> None:
        self.input = inspect_input(path)
        self._clock = clock
        self._settings = settings or ReplaySettings()
        self._thread = FilmingThread("replay-camera")

    @property
    def facts(self) -> PartFacts:
        """Says loudly that this is a file."""
        return PartFacts(f"REPLAY camera, not a classroom: plays {self.input.path}", is_production=False)

    @property
    def picture(self) -> PictureFacts:
        """How the file says that its pictures are turned."""
        return self.input.picture

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        self._thread.start(lambda cancel: self._run(sink, cancel), self.facts.description)

    def stop(self) -> None:
        """See `Camera.stop`."""
        self._thread.stop()

    def _run(self, sink: CameraSink, cancel: threading.Event) -> None:
        try:
            self._play(sink, cancel)
        except InputBroken as broken:
            if not cancel.is_set():
                sink.on_end(CameraEnd(EndReason.CUT_OFF, str(broken)))
        except Exception as error:
            # Whatever it is, a camera that has stopped must say so: the lamp depends on it.
            sink.on_fault(CameraFault(f"{self.facts.description}: stopped: {error}"))
            if not isinstance(error, MediaError):
                raise

    def _play(self, sink: CameraSink, cancel: threading.Event) -> None:
        pace = _Pace(self._clock, self._settings.speed)
        for item in _plays(self.input.path, self._settings.plays):
            if pace.wait(item, cancel):
                return
            if isinstance(item, VideoPacket):
                sink.on_video(replace(item, captured_s=pace.due_s(item.pts)))
            else:
                sink.on_audio(item)
        if not cancel.is_set():
            sink.on_end(CameraEnd(EndReason.FINISHED, f"{self.input.path}: played to its end"))


class _Pace:
    """Holds each item back until it is due, counted from the first one."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._origin: tuple[float, int] | None = None

    def wait(self, item: Footage, cancel: threading.Event) -> bool:
        """Return True when the camera was stopped meanwhile."""
        ticks = footage_ticks(item)
        if self._origin is None:
            self._origin = (self._clock.monotonic_s(), ticks)
        due_s = self.due_s(ticks)
        return cancel.is_set() if due_s is None else self._clock.wait_until(due_s, cancel)

    def due_s(self, ticks: int) -> float | None:
        """Give the monotonic second that belongs to a time of the file; None when nothing is held back."""
        if self._origin is None or math.isinf(self._speed):
            return None
        began_s, first = self._origin
        return began_s + (ticks - first) / TICKS_PER_S / self._speed


def _plays(path: Path, times: int | None) -> Iterator[Footage]:
    """The file's items, again and again; each time begins where the time before ended."""
    shift, played = 0, 0
    while times is None or played < times:
        end: int | None = None
        first: int | None = None
        for item in read_footage(path):
            if first is None:
                first = footage_ticks(item)
                shift = shift - first if played else 0
            moved = _moved(item, shift)
            end = max(_end_of(moved), end or _end_of(moved))
            yield moved
        if end is None:
            return
        shift, played = end, played + 1


def _moved(item: Footage, shift: int) -> Footage:
    if isinstance(item, VideoPacket):
        return replace(item, pts=item.pts + shift, dts=item.dts + shift)
    return replace(item, pts=item.pts + shift)


def _end_of(item: Footage) -> int:
    if isinstance(item, AudioFrame):
        return item.pts + item.sample_count * TICKS_PER_S // item.rate_hz
    return item.pts + item.duration

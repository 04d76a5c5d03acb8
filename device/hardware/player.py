"""Plays lamp patterns beat by beat on a thread of its own, whatever the lamp is made of.

The first beat is set by the caller's own thread, so that it shines before `show` returns. No PWM: only on and off.
It never decides what to show.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.hardware.ports import Clock, LampFault
from protocol.room.lamp import DARK, LampPattern, Light

_LATE_S = 0.05

LightSetter = Callable[[LampPattern, Light], None]
"""Sets the lamp to one light; raises LampFault."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which pattern the player stands, since when."""

    pattern: LampPattern
    beat: int
    played: int
    began_s: float

    @property
    def light(self) -> Light:
        return self.pattern.beats[self.beat].light

    @property
    def ends_s(self) -> float:
        return self.began_s + self.pattern.beats[self.beat].duration_s


class PatternPlayer:
    """Shows one pattern at a time; a passing one gives way to the last lasting one.

    `on_fault` is called, on the player's thread and once, when a later beat cannot be set; `show` raises from then on.
    """

    def __init__(self, set_light: LightSetter, *, clock: Clock, on_fault: Callable[[LampFault], None]) -> None:
        self._set_light = set_light
        self._clock = clock
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._lasting = DARK
        self._place: _Place | None = None
        self._fault: LampFault | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="lamp", daemon=True)
        self._thread.start()

    def show(self, pattern: LampPattern) -> None:
        """See `Lamp.show`."""
        with self._lock:
            if self._closed:
                raise LampFault(f"cannot show {pattern.name!r}: the lamp is closed")
            if self._fault is not None:
                raise self._fault
            if pattern.plays is None:
                self._lasting = pattern
            self._go_to(_Place(pattern, 0, 0, self._clock.monotonic_s()))
        self._changed.set()

    def close(self) -> None:
        """Stop the thread and go dark; idempotent. Raises LampFault when the lamp cannot be put out."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._changed.set()
        self._thread.join()
        self._set_light(DARK, Light.DARK)

    def _go_to(self, place: _Place) -> None:
        self._set_light(place.pattern, place.light)
        self._place = place

    def _run(self) -> None:
        while True:
            with self._lock:
                self._changed.clear()
                place, closed = self._place, self._closed
            if closed:
                return
            if place is None or _is_still(place.pattern) or self._fault is not None:
                self._changed.wait()
            elif not self._clock.wait_until(place.ends_s, self._changed):
                self._advance(place)

    def _advance(self, place: _Place) -> None:
        with self._lock:
            if self._place is not place or self._closed:
                return
            try:
                self._go_to(self._following(place))
                return
            except LampFault as fault:
                self._fault = fault
        self._on_fault(self._fault)

    def _following(self, place: _Place) -> _Place:
        began_s = self._next_beat_s(place)
        if place.beat + 1 < len(place.pattern.beats):
            return _Place(place.pattern, place.beat + 1, place.played, began_s)
        played = place.played + 1
        if place.pattern.plays is not None and played >= place.pattern.plays:
            return _Place(self._lasting, 0, 0, began_s)
        return _Place(place.pattern, 0, played, began_s)

    def _next_beat_s(self, place: _Place) -> float:
        """Beats follow each other without drift; a thread that was held up never catches up by flashing faster."""
        now_s = self._clock.monotonic_s()
        return place.ends_s if now_s - place.ends_s < _LATE_S else now_s


def _is_still(pattern: LampPattern) -> bool:
    return len(pattern.beats) == 1 and pattern.plays is None

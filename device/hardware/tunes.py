"""What the buzzer plays for each tune, and the thread that plays it, whatever the buzzer is made of.

The tunes differ in rhythm, so that a buzzer with one tone of its own tells them apart too; the room card names them.
It never decides what to play.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.hardware.ports import BuzzerFault, Clock, Tune


@dataclass(frozen=True, slots=True)
class Note:
    """A sound of `sound_s` seconds at `tone_hz` (where the buzzer can), and the silence after it."""

    tone_hz: int
    sound_s: float
    rest_s: float = 0.0


TUNES: dict[Tune, tuple[Note, ...]] = {
    Tune.START: (Note(1047, 0.12, 0.1), Note(1568, 0.12)),
    Tune.STOP: (Note(784, 0.6),),
    Tune.REMIND: (Note(1047, 0.06),),
}

Sounder = Callable[[Note | None], None]
"""Begins to sound a note, or falls silent with None; raises BuzzerFault."""


class TunePlayer:
    """Plays one tune at a time. The first note is begun by the caller's own thread, so that its fault is the caller's.

    A fault in a later note is kept and raised by the next `play`: the tune is lost, nothing else.
    """

    def __init__(self, sound: Sounder, *, clock: Clock) -> None:
        self._sound = sound
        self._clock = clock
        self._lock = threading.Lock()
        self._cut = threading.Event()
        self._thread: threading.Thread | None = None
        self._fault: BuzzerFault | None = None

    def play(self, tune: Tune) -> None:
        """Begin a tune and return; raises BuzzerFault."""
        with self._lock:
            self._silence()
            fault, self._fault = self._fault, None
            if fault is not None:
                raise fault
            began_s = self._clock.monotonic_s()
            self._sound(TUNES[tune][0])
            self._cut = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(TUNES[tune], began_s, self._cut), name="buzzer", daemon=True
            )
            self._thread.start()

    def close(self) -> None:
        """Fall silent and end the thread; idempotent."""
        with self._lock:
            self._silence()

    def _silence(self) -> None:
        """Cut what still plays; its thread puts the sound out."""
        if self._thread is not None:
            self._cut.set()
            self._thread.join()
            self._thread = None

    def _run(self, notes: tuple[Note, ...], at_s: float, cut: threading.Event) -> None:
        try:
            for place, note in enumerate(notes):
                if place:
                    self._sound(note)
                at_s += note.sound_s
                was_cut = self._clock.wait_until(at_s, cut)
                self._sound(None)
                at_s += note.rest_s
                if was_cut or self._clock.wait_until(at_s, cut):
                    return
        except BuzzerFault as fault:
            self._fault = fault

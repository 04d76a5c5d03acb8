"""A microphone with a crystal of its own that is a little off, and a thread that reads late now and then.

Its sound goes the way of a real one's (`SoundClock`, then `Stretcher`); what it hears is the synthetic beep at each
full second of the unit's clock.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from device.hardware.listening import Gate, ListeningThread
from device.hardware.ports import SOUND_RATE_HZ, AudioSink, Clock, PartFacts
from device.hardware.tones import Tones
from device.media.soundclock import SoundClock
from device.media.stretcher import Stretcher

_STEP_S = 0.1
_HELD_UP_S = 0.03


@dataclass(frozen=True)
class Crystal:
    """`drift_ppm`: how much faster its samples come; `late_ms`: when they can be read; `latency_ms`: as configured."""

    drift_ppm: float = 0.0
    late_ms: float = 0.0
    latency_ms: float = 0.0


class CrystalMicrophone:
    """Hears the beeps through its own crystal."""

    def __init__(self, crystal: Crystal, clock: Clock) -> None:
        self._crystal = crystal
        self._clock = clock
        self._thread = ListeningThread("crystal-microphone")

    @property
    def facts(self) -> PartFacts:
        """A fake, and it says so."""
        return PartFacts("FAKE microphone with a crystal of its own", is_production=False)

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`."""
        self._thread.start(self._run, sink, self.facts.description)

    def stop(self) -> None:
        """See `Microphone.stop`."""
        self._thread.stop()

    def _run(self, gate: Gate) -> None:
        rate_hz = SOUND_RATE_HZ * (1 + self._crystal.drift_ppm / 1e6)
        held_up = random.Random(1)  # noqa: S311  the same delays every time
        sound_clock = SoundClock(rate_hz=SOUND_RATE_HZ)
        stretcher = Stretcher(rate_hz=SOUND_RATE_HZ, layout="mono")
        room = _Room(began_s=self._clock.monotonic_s() - self._crystal.late_ms / 1000, rate_hz=rate_hz)
        while not self._clock.wait_until(self._clock.monotonic_s() + _STEP_S, gate):
            now_s = self._clock.monotonic_s()
            samples = room.hear_until(now_s - self._crystal.late_ms / 1000)
            count = len(samples) // 2
            read_s = now_s + (_HELD_UP_S if held_up.random() < 0.1 else 0.0)
            heard_s = sound_clock.place(count, read_s=read_s) - self._crystal.latency_ms / 1000
            for frame in stretcher.stretch(samples, count=count, heard_s=heard_s):
                gate.on_audio(frame)


class _Room:
    """What sounds in the room, taken at the crystal's own rate: a sample of the true sound for each of its ticks."""

    def __init__(self, *, began_s: float, rate_hz: float) -> None:
        self._tones = Tones(rate_hz=SOUND_RATE_HZ)
        self._began_s = began_s
        self._rate_hz = rate_hz
        self._taken = 0

    def hear_until(self, at_s: float) -> bytes:
        """Give the samples up to a true second, of which there are more or fewer than the true sound has."""
        first, self._taken = self._taken, math.floor((at_s - self._began_s) * self._rate_hz)
        count = self._taken - first
        start = round((self._began_s + first / self._rate_hz) * SOUND_RATE_HZ)
        return self._tones.samples(start, count)

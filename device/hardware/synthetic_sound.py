"""A microphone that makes its own sound: a beep at each full second of the unit's clock over a hum like speech.

Ships with the product for the demo, tests and load; a production configuration refuses it. With a synthetic camera
that has no sound of its own, each beep falls on a flash.
"""

import math
from dataclasses import dataclass

from device.hardware.listening import Gate, ListeningThread
from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, AudioSink, Clock, PartFacts
from device.hardware.tones import Tones

_STEP_S = 0.1


@dataclass(frozen=True, slots=True)
class SyntheticSound:
    """`latency_ms` is what the microphone is believed to be late, as in AlsaSettings; `late_ms` how late it is."""

    latency_ms: float = 0.0
    late_ms: float = 0.0


class SyntheticMicrophone:
    """Gives what is due ten times a second, at the clock's pace."""

    def __init__(self, *, clock: Clock, settings: SyntheticSound | None = None) -> None:
        self._clock = clock
        self._settings = settings or SyntheticSound()
        self._thread = ListeningThread("synthetic-microphone")

    @property
    def facts(self) -> PartFacts:
        """Says loudly that nobody is heard."""
        return PartFacts("SYNTHETIC microphone, not a classroom: a beep each second", is_production=False)

    def start(self, sink: AudioSink) -> None:
        """See `Microphone.start`."""
        self._thread.start(self._run, sink, self.facts.description)

    def stop(self) -> None:
        """See `Microphone.stop`."""
        self._thread.stop()

    def _run(self, gate: Gate) -> None:
        clock, tones = self._clock, Tones(rate_hz=SOUND_RATE_HZ)
        late_s = self._settings.late_ms / 1000
        correction = round((late_s - self._settings.latency_ms / 1000) * TICKS_PER_S)
        position = self._sample_at(clock.monotonic_s() - late_s)
        while not clock.wait_until(clock.monotonic_s() + _STEP_S, gate):
            end = self._sample_at(clock.monotonic_s() - late_s)
            pts = position * TICKS_PER_S // SOUND_RATE_HZ + correction
            gate.on_audio(AudioFrame(tones.samples(position, end - position), SOUND_RATE_HZ, pts))
            position = end

    def _sample_at(self, made_s: float) -> int:
        """Number the sample that is made at a second of the clock."""
        return math.floor(made_s * SOUND_RATE_HZ)

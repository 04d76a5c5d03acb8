"""How loud the sound is, second by second, and whether a lesson's sound is any good.

Pure and cheap: looks at every eighth sample (the RMS of speech stays within a fraction of a decibel, see the test).
It keeps numbers, never sound. Levels are dBFS: 0 is the loudest that 16 bits hold, silence is `FLOOR_DBFS`.
"""

import math
import sys
from array import array
from dataclasses import dataclass
from enum import Enum
from operator import mul

FLOOR_DBFS = -96.0
_STRIDE = 8
_FULL_SCALE = 32768


class Verdict(Enum):
    """One word for a stretch of sound."""

    GOOD = "good"
    QUIET = "quiet"
    SILENT = "silent"
    CLIPPING = "clipping"


@dataclass(frozen=True, slots=True)
class LevelLimits:
    """Where words begin to apply.

    `silent_dbfs` and `quiet_dbfs`: an RMS level below; `clipping_share`: of samples at the limit of the scale;
    `silence_share`: of silent seconds.
    """

    silent_dbfs: float = -60.0
    quiet_dbfs: float = -42.0
    clipping_share: float = 0.01
    silence_share: float = 0.9


@dataclass(frozen=True, slots=True)
class SecondLevel:
    """One second of sound: the RMS and peak level, and the share of samples at the limit of the scale."""

    rms_dbfs: float
    peak_dbfs: float
    clipping_share: float


@dataclass(frozen=True, slots=True)
class SoundMeasures:
    """A stretch of whole seconds; shares are 0 to 1."""

    seconds: int
    rms_dbfs: float
    peak_dbfs: float
    silence_share: float
    clipping_share: float
    verdict: Verdict


class LevelMeter:
    """Collects sound into measures of whole seconds; memory does not grow."""

    def __init__(self, *, rate_hz: int, limits: LevelLimits | None = None) -> None:
        if rate_hz < _STRIDE:
            raise ValueError(f"rate_hz {rate_hz}: expected a sample rate of at least {_STRIDE}")
        self._limits = limits or LevelLimits()
        self._per_second = rate_hz // _STRIDE
        self._phase = 0
        self._pending = array("h")
        self._totals = _Totals()

    def add(self, samples: bytes) -> tuple[SecondLevel, ...]:
        """Take mono signed 16-bit little-endian samples; return the seconds that became whole.

        Raises ValueError when the bytes end within a sample.
        """
        self._pending += self._thinned(samples)
        seconds = []
        while len(self._pending) >= self._per_second:
            second = measure_second(self._pending[: self._per_second])
            del self._pending[: self._per_second]
            self._totals.add(second, self._limits)
            seconds.append(second)
        return tuple(seconds)

    def measures(self) -> SoundMeasures:
        """Everything so far; with no whole second yet it is silence."""
        return self._totals.measures(self._limits)

    def _thinned(self, samples: bytes) -> "array[int]":
        values = array("h")
        values.frombytes(samples)
        if sys.byteorder == "big":
            values.byteswap()
        kept = values[self._phase :: _STRIDE]
        self._phase = (self._phase - len(values)) % _STRIDE
        return kept


class SoundWatch:
    """Says, while sound comes in, when it has been silent or distorted for `after_s` seconds, and when it is good.

    A single second with sound ends silence. Distortion counts second by second: one that is loud and clean takes one
    that clips back, pauses change nothing; it ends when a quarter of `after_s` has been taken back.
    """

    def __init__(self, *, rate_hz: int, after_s: float, limits: LevelLimits | None = None) -> None:
        self._rate_hz = rate_hz
        self._after_s = after_s
        self._limits = limits or LevelLimits()
        self._missed = 0
        self._silent_s = 0
        self._clipped_s = 0.0
        self._is_distorted = False

    @property
    def warning(self) -> Verdict | None:
        """SILENT, CLIPPING, or None."""
        if self._silent_s >= self._after_s:
            return Verdict.SILENT
        return Verdict.CLIPPING if self._is_distorted else None

    def hear(self, second: SecondLevel) -> None:
        """Take a second of sound."""
        verdict = judge(second, self._limits)
        self._silent_s = self._silent_s + 1 if verdict is Verdict.SILENT else 0
        if verdict is Verdict.CLIPPING:
            self._clipped_s = min(self._after_s, self._clipped_s + 1)
        elif verdict is Verdict.GOOD:
            self._clipped_s = max(0, self._clipped_s - 1)
        if self._clipped_s >= self._after_s:
            self._is_distorted = True
        elif self._clipped_s <= self._after_s * 3 / 4:
            self._is_distorted = False

    def miss(self, samples: int) -> None:
        """Take note of samples that never came: silence stands in their place."""
        self._missed += samples
        seconds, self._missed = divmod(self._missed, self._rate_hz)
        for _ in range(seconds):
            self.hear(SecondLevel(FLOOR_DBFS, FLOOR_DBFS, 0.0))


def measure_second(values: "array[int]") -> SecondLevel:
    """Measure one stretch of 16-bit values."""
    if not values:
        return SecondLevel(FLOOR_DBFS, FLOOR_DBFS, 0.0)
    peak = max(max(values), -min(values))
    mean_square = sum(map(mul, values, values)) / len(values)
    at_limit = values.count(32767) + values.count(-32768) if peak >= 32767 else 0
    return SecondLevel(to_dbfs(math.sqrt(mean_square)), to_dbfs(peak), at_limit / len(values))


def judge(second: SecondLevel, limits: LevelLimits) -> Verdict:
    """One word for one second."""
    if second.clipping_share > limits.clipping_share:
        return Verdict.CLIPPING
    if second.rms_dbfs < limits.silent_dbfs:
        return Verdict.SILENT
    return Verdict.QUIET if second.rms_dbfs < limits.quiet_dbfs else Verdict.GOOD


def to_dbfs(value: float) -> float:
    """A linear 16-bit level in decibels below full scale, not under FLOOR_DBFS."""
    return max(FLOOR_DBFS, 20 * math.log10(value / _FULL_SCALE)) if value > 0 else FLOOR_DBFS


class _Totals:
    """Running sums over seconds."""

    def __init__(self) -> None:
        self.seconds = 0
        self.silent = 0
        self.clipping = 0.0
        self.power = 0.0
        self.peak_dbfs = FLOOR_DBFS

    def add(self, second: SecondLevel, limits: LevelLimits) -> None:
        self.seconds += 1
        self.silent += judge(second, limits) is Verdict.SILENT
        self.clipping += second.clipping_share
        self.power += 10 ** (second.rms_dbfs / 10)
        self.peak_dbfs = max(self.peak_dbfs, second.peak_dbfs)

    def measures(self, limits: LevelLimits) -> SoundMeasures:
        if not self.seconds:
            return SoundMeasures(0, FLOOR_DBFS, FLOOR_DBFS, 1.0, 0.0, Verdict.SILENT)
        rms_dbfs = max(FLOOR_DBFS, 10 * math.log10(self.power / self.seconds))
        silence, clipping = self.silent / self.seconds, self.clipping / self.seconds
        whole = judge(SecondLevel(rms_dbfs, self.peak_dbfs, clipping), limits)
        verdict = Verdict.SILENT if silence > limits.silence_share and whole is not Verdict.CLIPPING else whole
        return SoundMeasures(self.seconds, rms_dbfs, self.peak_dbfs, silence, clipping, verdict)

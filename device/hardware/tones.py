"""The synthetic camera's sound: a beep with each flash, its pitch tells the seconds apart, over a hum like speech.

Pure: mono signed 16-bit samples for any stretch of the take. Each second begins with 0.1 s of tone.
"""

import math
from array import array

CYCLE_S = 16
_BEEP_S = 0.1
_BEEP_LEVEL, _HUM_LEVEL = 9000, 2500


class Tones:
    """Sound at `rate_hz`, made second by second when first asked for, and kept: sixteen seconds that repeat."""

    def __init__(self, *, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._hum = array("h", (_hum(sample / rate_hz) for sample in range(rate_hz)))
        self._seconds: dict[int, bytes] = {}

    def samples(self, start: int, count: int) -> bytes:
        """Return `count` samples from sample `start` of the take."""
        parts = []
        while count > 0:
            second, offset = divmod(start, self._rate_hz)
            piece = min(count, self._rate_hz - offset)
            parts.append(self._second(second % CYCLE_S)[2 * offset : 2 * (offset + piece)])
            start, count = start + piece, count - piece
        return b"".join(parts)

    def _second(self, number: int) -> bytes:
        if number not in self._seconds:
            values = self._hum[:]
            for sample in range(round(_BEEP_S * self._rate_hz)):
                values[sample] += round(_BEEP_LEVEL * math.sin(2 * math.pi * beep_hz(number) * sample / self._rate_hz))
            self._seconds[number] = _little_endian(values)
        return self._seconds[number]


def _hum(at_s: float) -> int:
    """A vowel-like hum of three harmonics, four syllables a second."""
    pitch = 2 * math.pi * 140 * at_s
    syllable = 0.5 - 0.5 * math.cos(2 * math.pi * 4 * at_s)
    return round(
        _HUM_LEVEL * syllable * (math.sin(pitch) + 0.6 * math.sin(3 * pitch) + 0.3 * math.sin(7 * pitch)) / 1.9
    )


def beep_hz(second: int) -> int:
    """The pitch of the beep that begins a second."""
    return 600 + 100 * (second % CYCLE_S)


def _little_endian(values: "array[int]") -> bytes:
    if array("h", [1]).tobytes() != b"\x01\x00":
        values.byteswap()
    return values.tobytes()

"""When sound was heard, from when it could be read: the time of a microphone that has a clock of its own.

Pure. Its samples are counted, and the count is held against the unit's monotonic clock. Reading is late at times and
never early, so an early reading is believed at once and a late one only slowly, as far as a poor crystal can err.
"""

MOST_DRIFT = 500e-6
"""A sound chip's crystal is wrong by less than this share of the time (100 ppm is usual)."""

LOST_S = 0.2
"""A reading that is later than this means that the device has lost samples."""


class SoundClock:
    """Places stretches of sound of one capture in time; all times are seconds of one monotonic clock."""

    def __init__(self, *, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._heard_until_s: float | None = None

    def place(self, count: int, *, read_s: float) -> float:
        """Give when the first of `count` samples was heard; all of them had been heard by `read_s`.

        `count` samples are everything that could be read at `read_s`, so that the last one had only just been heard.
        """
        length_s = count / self._rate_hz
        self._heard_until_s = self._settle(length_s, read_s)
        return self._heard_until_s - length_s

    def _settle(self, length_s: float, read_s: float) -> float:
        if self._heard_until_s is None:
            return read_s
        expected_s = self._heard_until_s + length_s
        late_s = read_s - expected_s
        if late_s < 0 or late_s > LOST_S:
            return read_s
        return expected_s + min(late_s, length_s * MOST_DRIFT)

"""What time it is, as far as the unit may believe it.

Without a trusted clock the time is at least that of the release, of the newest verified document and of the last
checkpoint: a Pi has no battery clock and wakes up in the past. Once the school has told it, signed for this unit and a
nonce of its own, it is that, wherever the clock stands (device/recorder/asking.py). Never sets the clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from device.hardware.ports import Clock
from protocol.manifest import Moment

RELEASED_AT = datetime(2026, 11, 23, tzinfo=UTC)


class Moments:
    """The unit's clock, and the latest instant that is known to have passed."""

    def __init__(self, clock: Clock, *known: datetime | None) -> None:
        self._clock = clock
        self._floor = RELEASED_AT
        self._learned_s = clock.monotonic_s()
        self._is_told = False
        for instant in known:
            self.learn(instant)

    @property
    def trusted(self) -> bool:
        """Tell whether it is known what time it is: the network has set the clock since boot, or the school told it."""
        return self._is_told or self._clock.is_trusted()

    def tell(self, at: datetime) -> None:
        """Take up that it is now at least `at`, and hardly later: the school said so in this boot."""
        self.learn(at)
        self._is_told = True

    def learn(self, instant: datetime | None) -> None:
        """Note an instant that has certainly passed."""
        if instant is not None and instant > self._passed_at():
            self._floor, self._learned_s = instant, self._clock.monotonic_s()

    def now_at(self) -> datetime:
        """Give the clock's time when the network has set it, else what the school told and what went by since.

        Before it has, the time is what the clock says, and at least the latest known instant.
        """
        if self._clock.is_trusted():
            return self._clock.now_at()
        return self._passed_at() if self._is_told else max(self._clock.now_at(), self._passed_at())

    def known_at(self) -> datetime:
        """Give the latest instant that has certainly passed: a clock that nobody set may well be ahead, too."""
        return self._clock.now_at() if self._clock.is_trusted() else self._passed_at()

    def _passed_at(self) -> datetime:
        return self._floor + timedelta(seconds=self._clock.monotonic_s() - self._learned_s)

    def wall_of(self, moment: Moment) -> datetime:
        """Give the wall time of a moment: mended when it lies in this boot and the clock has been set since."""
        if moment.wall_trusted or not self.trusted or moment.boot != self._clock.boot_id:
            return moment.wall_at
        return self.now_at() - timedelta(seconds=self._clock.monotonic_s() - moment.monotonic_ms / 1000)

    def moment(self) -> Moment:
        """Give the moment that a manifest line carries."""
        return Moment(
            wall_at=self.now_at(),
            wall_trusted=self.trusted,
            boot=self._clock.boot_id,
            monotonic_ms=int(self._clock.monotonic_s() * 1000),
        )

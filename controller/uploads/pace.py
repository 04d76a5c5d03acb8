"""How fast a lease's bodies may be read: a token bucket, for all bodies of one unit together. Pure.

A unit paces itself; this is for one that does not. Rates are bits a second, as a lease gives them; the bucket counts
bytes, and time comes in as monotonic seconds. The bound is in docs/adr/0024-the-controller-reads-no-faster.md.
"""

from __future__ import annotations

from dataclasses import dataclass

BITS = 8
BURST_S = 0.1
MOST_BLOCK_BYTES = 1024 * 1024
LEAST_BLOCK_BYTES = 512


@dataclass
class Bucket:
    """`tokens` are bytes that may be read now, as of `at_s`; it begins empty, so that a new one brings no burst."""

    rate_bps: int
    at_s: float
    tokens: float = 0.0

    @property
    def burst_bytes(self) -> float:
        """Give the most that gathers while nothing is read."""
        return max(LEAST_BLOCK_BYTES, self.rate_bps / BITS * BURST_S)

    def block_bytes(self, readers: int) -> int:
        """Give the most that one read may bring, while so many bodies are read: all of them together one burst."""
        return max(LEAST_BLOCK_BYTES, min(MOST_BLOCK_BYTES, int(self.burst_bytes) // readers))

    def wait_s(self, count: int, readers: int, now_s: float) -> float:
        """Give the seconds until each of so many readers may read `count` bytes, so that none overdraws the bucket."""
        self._gain(now_s)
        missing = min(count * readers, self.burst_bytes) - self.tokens
        return missing / (self.rate_bps / BITS) if missing >= 1 else 0.0  # no waits too short for a clock to show

    def take(self, count: int) -> None:
        """Account for bytes that were read."""
        self.tokens -= count

    def set_rate(self, rate_bps: int, now_s: float) -> None:
        """Go on at another rate; what gathered at the old one counts no further than the new one's burst."""
        self._gain(now_s)
        self.rate_bps = rate_bps
        self._gain(now_s)

    def _gain(self, now_s: float) -> None:
        gained = max(0.0, now_s - self.at_s) * self.rate_bps / BITS
        self.tokens, self.at_s = min(self.burst_bytes, self.tokens + gained), max(self.at_s, now_s)

"""A token bucket: how long to wait before the next bytes may leave, so that a lease's rate is kept. Pure.

Rates are bits a second, as a lease gives them; the bucket counts bytes. Time comes in as monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

BITS = 8
BURST_S = 0.25
LEAST_BURST_BYTES = 16 * 1024
PIECE_S = 10
LEAST_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Bucket:
    """`tokens` are bytes that may leave at once; negative ones were lent. `at_s` is when that was true."""

    rate_bps: int
    tokens: float = 0.0
    at_s: float = 0.0

    @property
    def burst_bytes(self) -> float:
        """Give how many bytes may leave at once after a pause."""
        return max(LEAST_BURST_BYTES, self.rate_bps / BITS * BURST_S)

    def take(self, count: int, now_s: float) -> tuple[Bucket, float]:
        """Take `count` bytes and give the seconds to wait before they are sent."""
        per_s = self.rate_bps / BITS
        gained = max(0.0, now_s - self.at_s) * per_s
        tokens = min(self.burst_bytes, self.tokens + gained) - count
        return replace(self, tokens=tokens, at_s=now_s), max(0.0, -tokens / per_s)

    def with_rate(self, rate_bps: int) -> Bucket:
        """Go on at another rate."""
        return self if rate_bps == self.rate_bps else replace(self, rate_bps=rate_bps)


def piece_bytes(rate_bps: int, most_bytes: int) -> int:
    """Give how many bytes one request carries: what the rate allows in about ten seconds, at most `most_bytes`."""
    return min(most_bytes, max(LEAST_PIECE_BYTES, rate_bps // BITS * PIECE_S))

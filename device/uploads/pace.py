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

    @property
    def wait_s(self) -> float:
        """Give how long, in seconds, what was lent takes to come in."""
        return max(0.0, -self.tokens / (self.rate_bps / BITS))

    def take(self, count: int, now_s: float) -> tuple[Bucket, float]:
        """Take `count` bytes and give the seconds to wait before they are sent."""
        taken = self.settle(now_s)
        taken = replace(taken, tokens=taken.tokens - count)
        return taken, taken.wait_s

    def settle(self, now_s: float) -> Bucket:
        """Give it as it is at `now_s`: what came in meanwhile is there, as far as it holds it."""
        gained = max(0.0, now_s - self.at_s) * self.rate_bps / BITS
        return replace(self, tokens=min(self.burst_bytes, self.tokens + gained), at_s=now_s)

    def with_rate(self, rate_bps: int, now_s: float) -> Bucket:
        """Go on at another rate from `now_s` on; what came in before came in at the rate of then."""
        return self if rate_bps == self.rate_bps else replace(self.settle(now_s), rate_bps=rate_bps)


def piece_bytes(rate_bps: int, most_bytes: int) -> int:
    """Give how many bytes one request carries: what the rate allows in about ten seconds, at most `most_bytes`."""
    return min(most_bytes, max(LEAST_PIECE_BYTES, rate_bps // BITS * PIECE_S))

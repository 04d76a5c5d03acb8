"""Makes way when the round trip says that others need the line: a rate below the lease's, and back again. Pure.

After LEDBAT (RFC 6817): what the round trip takes longer than its least of the last minutes is time spent waiting in
queues. Up to a target the rate rises, beyond it the rate falls, never below an eighth of what it was. Known limit: a
queue that stands for longer than the history is taken for the length of the line. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

TARGET_S = 0.06  # of LEDBAT++; at the 100 ms that RFC 6817 (2.4.1) allows, others' TCP still gave way to us
HISTORY = 10  # RFC 6817, 3.4.2: minutes, of each the least
MINUTE_S = 60.0
FILTER = 4  # the least of so many samples counts: one late acknowledgement is no queue
RISE_PER_S = 0.1
MOST_FALL_PER_S = 0.5
LEAST_SHARE = 1 / 8
LEAST_BPS = 64_000
ENOUGH = 1.5
SMOOTHED_S = 4.0


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """What the system knows of a connection, in seconds: its round trip now, and the least that it has seen."""

    now_s: float
    least_s: float


@dataclass(frozen=True, kw_only=True)
class Courtesy:
    """`rate_bps` is what may be sent at the most, None while nobody is in need; `top_bps` was sent before it fell.

    `sent_bps` is what was really sent in the last seconds: a socket takes bytes in gulps, and nothing in between.
    """

    rate_bps: float | None = None
    top_bps: float = 0.0
    sent_bps: float = 0.0
    at_s: float | None = None
    bases: tuple[tuple[int, float], ...] = ()
    recent: tuple[float, ...] = ()

    def limit(self, lease_bps: int) -> int:
        """Give the rate at which to send under a lease, at least one bit a second."""
        return lease_bps if self.rate_bps is None else max(1, min(lease_bps, round(self.rate_bps)))

    def note(self, found: RoundTrip, *, sent_bps: float, now_s: float) -> Courtesy:
        """Note a round trip, and what was really sent since the one before, in bits a second."""
        past_s = min(1.0, now_s - self.at_s) if self.at_s is not None else SMOOTHED_S
        smoothed = self.sent_bps + (sent_bps - self.sent_bps) * past_s / SMOOTHED_S
        seen = replace(self._see(found, now_s), sent_bps=smoothed)
        off = seen.queueing_s / TARGET_S
        return seen._fall(off, past_s) if off > 1 else seen._rise(off, past_s)

    @property
    def queueing_s(self) -> float:
        """Give how long a byte waits in queues on its way."""
        return max(0.0, min(self.recent) - min(base for _, base in self.bases)) if self.recent else 0.0

    def _see(self, found: RoundTrip, now_s: float) -> Courtesy:
        minute, least = int(now_s // MINUTE_S), min(found.now_s, found.least_s)
        known = dict(self.bases)
        known[minute] = min(least, known.get(minute, least))
        bases = tuple(item for item in known.items() if minute - item[0] < HISTORY)
        return replace(self, at_s=now_s, bases=bases, recent=(*self.recent, found.now_s)[-FILTER:])

    def _fall(self, off: float, past_s: float) -> Courtesy:
        """Send less than what was sent: by the share of the target that is too much, in a second at most by half."""
        fallen = replace(self, top_bps=self.sent_bps) if self.rate_bps is None else self
        before = min(fallen.rate_bps or self.sent_bps, self.sent_bps)
        share = max(MOST_FALL_PER_S, 1 - (off - 1)) ** past_s
        return replace(fallen, rate_bps=max(fallen.floor_bps, before * share))

    def _rise(self, off: float, past_s: float) -> Courtesy:
        """Send more again; what is not used is not raised, and far above what there was before nothing is held back."""
        if self.rate_bps is None or self.sent_bps < self.rate_bps / 2:
            return self
        risen = self.rate_bps + RISE_PER_S * max(self.top_bps, self.rate_bps) * past_s * (1 - off)
        return replace(self, rate_bps=None if risen > ENOUGH * self.top_bps else risen)

    @property
    def floor_bps(self) -> float:
        """Give below what the rate never falls: the lesson has to be home by morning all the same."""
        return max(LEAST_BPS, self.top_bps * LEAST_SHARE)

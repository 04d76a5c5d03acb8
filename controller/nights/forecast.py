"""How much a line carries until when: openings of one or several sites, under one total. Pure.

A forecast is of sums: what waits together, over what the line allows, no faster than it was measured. A single slow
link can take longer; that is the allocation's affair (docs/adr/0028-who-sends-and-how-fast.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from protocol.schedule import Opening

BITS = 8
BUSY_SLOTS = 24
"""From so many slots on in which something came a rate counts as measured: two hours of sending."""
USUAL_BEST = 0.95


@dataclass(frozen=True)
class Stretch:
    """A stretch of time with a constant rate."""

    begins_at: datetime
    ends_at: datetime
    rate_bps: float

    @property
    def carries_bytes(self) -> float:
        """Give how much it carries."""
        return self.rate_bps * (self.ends_at - self.begins_at).total_seconds() / BITS


def join(openings: Iterable[Opening], *, total_bps: float, since: datetime) -> tuple[Stretch, ...]:
    """Put openings that may overlap together: at each time the sum of their rates, at most the total, from `since`."""
    found = [each for each in openings if each.ends_at > since]
    edges = sorted({max(since, edge) for each in found for edge in (each.begins_at, each.ends_at)})
    return tuple(
        Stretch(begins, ends, min(total_bps, sum(each.rate_bps for each in found if each.covers(begins))))
        for begins, ends in pairwise(edges)
    )


def carries_bytes(stretches: Iterable[Stretch]) -> int:
    """Give how much stretches carry together."""
    return int(sum(each.carries_bytes for each in stretches))


def end_of(stretches: Sequence[Stretch], waiting_bytes: float) -> datetime | None:
    """Tell when so much is carried; None when it does not fit."""
    left = waiting_bytes
    for each in stretches:
        if left <= each.carries_bytes and each.rate_bps > 0:
            return each.begins_at + timedelta(seconds=left * BITS / each.rate_bps)
        left -= each.carries_bytes
    return None


def measured_bps(slots: Sequence[float]) -> float | None:
    """Give what a line really carries when it is used, out of the rates of slots; None while too few are known."""
    busy = sorted(rate for rate in slots if rate > 0)
    return busy[int(len(busy) * USUAL_BEST)] if len(busy) >= BUSY_SLOTS else None

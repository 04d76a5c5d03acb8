"""The clock on the school's wall, and the instants at which it shows a given time. Pure.

The law, on every night: an instant belongs to a window exactly when the wall clock then shows a time of the window. An
hour that the clock skips is therefore never open, and one that it shows twice is open twice; nothing is moved or made
up for. Half-hour changes (Lord Howe) and a skipped day (Samoa, 2011) are no special cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

Span = tuple[datetime, datetime]
"""From the first instant to the one after the last, in UTC."""

_STEP = timedelta(hours=6)  # no zone has changed its offset twice within so short a time
_SECOND = timedelta(seconds=1)  # the changes of the time zone database lie on whole seconds


@dataclass(frozen=True)
class Stretch:
    """A time in which the wall clock is ahead of UTC by one `offset`."""

    begins_at: datetime
    ends_at: datetime
    offset: timedelta


def read_clock(zone: tzinfo, begins_at: datetime, ends_at: datetime) -> tuple[Stretch, ...]:
    """Give the stretches of equal offset from `begins_at` to `ends_at`, in order and without a gap."""
    begins_at, ends_at = begins_at.astimezone(UTC), ends_at.astimezone(UTC)
    changes = [begins_at, *_changes(zone, begins_at, ends_at), ends_at]
    pairs = pairwise(changes)
    return tuple(Stretch(begin, end, _offset(zone, begin)) for begin, end in pairs if begin < end)


def _changes(zone: tzinfo, begins_at: datetime, ends_at: datetime) -> Iterator[datetime]:
    """Give the first instant of each new offset, after `begins_at` and not after `ends_at`."""
    low = begins_at
    while low < ends_at:
        high = min(low + _STEP, ends_at)
        if _offset(zone, low) != _offset(zone, high):
            yield _first_of_new(zone, low, high)
        low = high


def _first_of_new(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    """Halve until the change is known to the second."""
    before = _offset(zone, low)
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    while high - low > _SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    return high


def _offset(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def instants(shown_from: datetime, shown_until: datetime, stretches: Sequence[Stretch]) -> Iterator[Span]:
    """Give when the wall clock shows times from `shown_from` to before `shown_until` (both naive); often one span."""
    begins, ends = shown_from.replace(tzinfo=UTC), shown_until.replace(tzinfo=UTC)
    found = ((max(s.begins_at, begins - s.offset), min(s.ends_at, ends - s.offset)) for s in stretches)
    yield from union(span for span in found if span[0] < span[1])


def union(spans: Iterable[Span]) -> list[Span]:
    """Put spans in order, and make one of those that meet or overlap."""
    joined: list[Span] = []
    for begins, ends in sorted(spans):
        if joined and begins <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends))
        else:
            joined.append((begins, ends))
    return joined


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Take every hole out of every span."""
    left = list(spans)
    for begins, ends in holes:
        pieces = (piece for a, b in left for piece in ((a, min(b, begins)), (max(a, ends), b)))
        left = [piece for piece in pieces if piece[0] < piece[1]]
    return left

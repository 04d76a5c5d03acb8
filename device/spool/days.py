"""How many school days the card will last, from the days on which the unit recorded so far. Pure.

A day counts by its bytes alone: days without recordings are not known here, so that the answer does not tell how often
a room records (promise P7). A clock that is
wrong and takes several days for one makes the answer smaller as a rule: the careful way to be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from protocol.manifest import Manifest
from protocol.messages import MOST_SCHOOL_DAYS

KEPT_DAYS = 20
KNOWN_FROM_DAYS = 5
LESSONS_PER_SCHOOL_DAY = 5
DAY_BEGINS = timedelta(hours=5)  # after the night's deliveries and before the first press


@dataclass(frozen=True, kw_only=True)
class Day:
    """One school day on which something was recorded, and how much."""

    day: str
    recorded_bytes: int


def name_day(at: datetime, zone: tzinfo) -> str:
    """Name the school day of an instant; it begins at DAY_BEGINS by the school's own clock."""
    return (at.astimezone(zone) - DAY_BEGINS).date().isoformat()


def add_day(days: Iterable[Day], day: str, recorded_bytes: int) -> tuple[Day, ...]:
    """Add bytes to a day, and keep the newest KEPT_DAYS in the order in which they came, whatever they are called.

    The order is not that of the names: a day that a wrong clock put into the future goes like every other.
    """
    sums = {each.day: each.recorded_bytes for each in days}
    sums[day] = sums.get(day, 0) + recorded_bytes
    return tuple(Day(day=name, recorded_bytes=size) for name, size in sums.items())[-KEPT_DAYS:]


def add_manifests(days: Iterable[Day], manifests: Iterable[Manifest], zone: tzinfo) -> tuple[Day, ...]:
    """Add what the spool still holds to the days of what has been erased."""
    known = tuple(days)
    for manifest in sorted(manifests, key=lambda each: each.began.wall_at):
        known = add_day(known, name_day(manifest.began.wall_at, zone), count_bytes(manifest))
    return known


def count_bytes(manifest: Manifest) -> int:
    """Add up what a recording took of the card, whether or not it is still there."""
    named = (manifest.expected(index) for index in manifest.objects())
    return sum(size for _, size in filter(None, named))


def decide_day_bytes(days: Iterable[Day], *, lesson_bytes: int) -> int:
    """Tell how much the next school day may bring: as much as the fullest day that is known.

    Until KNOWN_FROM_DAYS are known, at least LESSONS_PER_SCHOOL_DAY lessons, and never less than one.
    """
    sizes = [each.recorded_bytes for each in days if each.recorded_bytes > 0]
    least = lesson_bytes * (1 if len(sizes) >= KNOWN_FROM_DAYS else LESSONS_PER_SCHOOL_DAY)
    return max(least, *sizes, 0)


def decide_days_left(room_bytes: int, days: Iterable[Day], *, lesson_bytes: int) -> int:
    """Tell for how many whole school days `room_bytes` last if nothing is delivered, at most MOST_SCHOOL_DAYS.

    A school day is one that three of four recorded ones do not exceed; until KNOWN_FROM_DAYS are known, it is at least
    one of LESSONS_PER_SCHOOL_DAY lessons.
    """
    sizes = sorted(each.recorded_bytes for each in days if each.recorded_bytes > 0)
    least = lesson_bytes * (1 if len(sizes) >= KNOWN_FROM_DAYS else LESSONS_PER_SCHOOL_DAY)
    usual = sizes[(3 * len(sizes) - 1) // 4] if sizes else 0
    return max(0, min(MOST_SCHOOL_DAYS, room_bytes // max(usual, least)))

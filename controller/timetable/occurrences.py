"""Makes weekly lessons of single ones: what comes back at the same time of the same weekday becomes one rule. Pure.

So it does not matter how a calendar says that something repeats. Days on which a weekly lesson is left out are kept
with it; what is held less than two weeks of three stays single lessons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from itertools import pairwise
from typing import NamedTuple

from controller.timetable.found import FoundLesson, Place

WEEK = timedelta(days=7)
LONGEST_GAP = 6 * WEEK
OFTEN = (2, 3)
"""At least two weeks of three, so that weeks A and B stay apart."""


class Occurrence(NamedTuple):
    """One event on one day, by the school's clock."""

    day: date
    begins: time
    ends: time
    summary: str


def make_rules(place: Place, found: Iterable[Occurrence], horizon: date) -> list[FoundLesson]:
    """Give the lessons of a room; what still goes on at the horizon has no last day."""
    alike: dict[tuple[int, time, time, str], set[date]] = defaultdict(set)
    for each in found:
        alike[each.day.weekday(), each.begins, each.ends, each.summary].add(each.day)
    return [
        FoundLesson(place, weekday, begins, ends, first, last, without=without, summary=summary)
        for (weekday, begins, ends, summary), days in sorted(alike.items())
        for first, last, without in _spans(sorted(days), horizon)
    ]


def _spans(days: Sequence[date], horizon: date) -> Iterator[tuple[date, date | None, tuple[date, ...]]]:
    for run in _runs(days):
        first, last = run[0], run[-1]
        weeks = (last - first) // WEEK + 1
        if len(run) * OFTEN[1] < weeks * OFTEN[0]:
            yield from ((day, day, ()) for day in run)
            continue
        there = set(run)
        without = tuple(day for day in (first + number * WEEK for number in range(weeks)) if day not in there)
        goes_on = len(run) > 1 and last + WEEK > horizon
        yield first, None if goes_on else last, without


def _runs(days: Sequence[date]) -> Iterator[Sequence[date]]:
    """Cut where nothing is held for more than six weeks."""
    begin = 0
    for number, (before, after) in enumerate(pairwise(days), start=1):
        if after - before > LONGEST_GAP:
            yield days[begin:number]
            begin = number
    yield days[begin:]

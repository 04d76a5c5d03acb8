"""What will really happen on the days ahead: per day what opens, how fast, and why it differs. Pure.

It shows the very openings by which leases are granted, so that a free day, a day that differs, a clock change or a
pause is seen before it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from controller.calendar.clock import read_clock
from controller.calendar.policy import DAY, NOON, DayKind, Hours, openings
from protocol.schedule import Opening, OpeningKind

SHOWN_DAYS = 14


@dataclass(frozen=True)
class Run:
    """Openings of one kind that meet, as one; `rates` are those that it has, in the order in which they come."""

    begins_at: datetime
    ends_at: datetime
    kind: OpeningKind
    rates: tuple[int, ...]


@dataclass(frozen=True)
class DayAhead:
    """One day: the runs that begin on it, until when one of an earlier day goes on, and what differs.

    `clock_change`: by how much the wall clock is put forward (or, below zero, back) from its noon to the next.
    """

    day: date
    kind: DayKind
    label: str
    runs: tuple[Run, ...]
    open_since_before: Run | None
    clock_change: timedelta


def look_ahead(hours: Hours, zone: tzinfo, now: datetime, days: int = SHOWN_DAYS) -> tuple[DayAhead, ...]:
    """Give today and the days after it."""
    today = now.astimezone(zone).date()
    first = _instant(today, zone)
    found = tuple(_runs(openings(hours, zone, first - DAY, first + (days + 2) * DAY)))
    return tuple(_describe(hours, zone, today + number * DAY, found) for number in range(days))


def _instant(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _runs(found: Iterable[Opening]) -> Iterator[Run]:
    last: Run | None = None
    for kind in OpeningKind:
        for each in (opening for opening in found if opening.kind is kind):
            if last and (last.kind, last.ends_at) == (kind, each.begins_at):
                last = Run(last.begins_at, each.ends_at, kind, (*last.rates, each.rate_bps))
                continue
            if last:
                yield last
            last = Run(each.begins_at, each.ends_at, kind, (each.rate_bps,))
    if last:
        yield last


def _describe(hours: Hours, zone: tzinfo, day: date, found: Iterable[Run]) -> DayAhead:
    kind, _, label = hours.of_day(day)
    begins_at, ends_at = _instant(day, zone), _instant(day + DAY, zone)
    night = [run for run in found if run.kind is OpeningKind.NIGHT]
    since_before = next((run for run in night if run.begins_at < begins_at and run.ends_at >= ends_at), None)
    runs = sorted((run for run in found if begins_at <= run.begins_at < ends_at), key=lambda run: run.begins_at)
    clock = read_clock(zone, begins_at + NOON, ends_at + NOON)
    return DayAhead(day, kind, label, tuple(runs), since_before, clock[-1].offset - clock[0].offset)

"""Counts a deadline in school days, which stands still while the controller was down. Pure.

Each school day is worth one day, whatever its clock does; weekends, days without school, and stretches in which nobody
could have answered because the controller was down, are worth nothing. A deadline ends with a school day, so that
nothing is ever over before the number of days that was promised. Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from controller.calendar.clock import Span, union, without

DAY = timedelta(days=1)
SATURDAY = 5
_US = timedelta(microseconds=1)
_DAY_US = DAY // _US
MOST_DAYS = 5 * 366
"""After so many days in which the school days did not come together there is no deadline that could be named."""


@dataclass(frozen=True, kw_only=True)
class SchoolDays:
    """The school's days: its clock, and the days without school of one site (weekends need not be among them)."""

    zone: tzinfo
    free: Collection[date] = ()

    def holds(self, day: date) -> bool:
        """Tell whether there is school on a day."""
        return day.weekday() < SATURDAY and day not in self.free

    def span(self, day: date) -> Span:
        """Give a day from midnight to midnight."""
        return self._midnight(day), self._midnight(day + DAY)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), tzinfo=self.zone).astimezone(UTC)


def deadline(begins_at: datetime, days: int, school: SchoolDays, standstills: Iterable[Span]) -> datetime | None:
    """Give the end of the school day on which `days` school days have passed since an instant.

    `standstills` may overlap, in any order. None when no such day is in sight: then there is no deadline.
    """
    holes = union(span for span in standstills if span[0] < span[1])
    day, worth = begins_at.astimezone(school.zone).date(), timedelta(0)
    for _ in range(MOST_DAYS):
        if school.holds(day):
            worth += _worth(school.span(day), begins_at, holes)
            if worth >= days * DAY:
                return school.span(day)[1]
        day += DAY
    return None


def _worth(day: Span, begins_at: datetime, holes: Sequence[Span]) -> timedelta:
    """Give which part of a day counts: all of it is one day, also on a day of 23 or 25 hours; rounded down."""
    counts = without([(max(day[0], begins_at), day[1])], [hole for hole in holes if hole[0] < day[1]])
    lasted = sum((ends - begins for begins, ends in counts), start=timedelta(0))
    return timedelta(microseconds=_DAY_US * (lasted // _US) // ((day[1] - day[0]) // _US))


@dataclass(frozen=True)
class Beat:
    """What a beat of the jobs' heart finds: the stretch in which nothing ran, if there was one."""

    stood_still: Span | None


LONGEST_PAUSE = timedelta(minutes=15)
"""The jobs look once a minute; who was away for longer was down."""


def judge_beat(last_at: datetime | None, now: datetime) -> Beat:
    """Judge the time since the last beat. A clock that was set back has not stood still."""
    if last_at is None or now - last_at <= LONGEST_PAUSE:
        return Beat(None)
    return Beat((last_at, now))

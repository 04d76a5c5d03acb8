"""What somebody asks of the timetable, as values: a usual lesson, a weekly rule, one day's change, a guest.

Refuses what is wrong in itself (times and days that run backwards, none or the same one twice); what is known of rooms,
classes and people is looked up by writing.py. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from controller.timetable.models import RuleSource
from controller.timetable.policy import SCHOOL_WEEK, WEEKDAYS
from controller.timetable.refusals import Fault, TimetableRefusedError


@dataclass(frozen=True, kw_only=True)
class NewUsual:
    """A room's usual teacher and classes, from a day on, at the wall clock's times."""

    room: str
    teacher: str
    """A person's id, as `classes` are classes'."""
    classes: tuple[str, ...]
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None = None
    weekdays: tuple[int, ...] = SCHOOL_WEEK

    def __post_init__(self) -> None:
        """Refuse what is wrong in itself."""
        require_hours(self.begins, self.ends)
        require_days(self.begins_on, self.ends_on)
        require_each_once(self.classes, "classes")
        require_weekdays(self.weekdays)


@dataclass(frozen=True, kw_only=True)
class NewRule:
    """A lesson that comes back each week; with equal first and last day one that is on that day alone.

    `teachers` in order: the first leads. No class and no teacher is allowed: the room is taken, and nobody records.
    """

    room: str
    weekday: int
    begins: time
    ends: time
    begins_on: date
    ends_on: date | None = None
    classes: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    source: RuleSource = RuleSource.HAND

    def __post_init__(self) -> None:
        """Refuse what is wrong in itself."""
        require_hours(self.begins, self.ends)
        require_days(self.begins_on, self.ends_on)
        require_weekdays((self.weekday,))
        if self.begins_on == self.ends_on and self.begins_on.weekday() != self.weekday:
            raise TimetableRefusedError(Fault.DAY_OTHER, "day", got=self.begins_on.isoformat())
        for each, field in ((self.classes, "classes"), (self.teachers, "teachers")):
            if each:
                require_each_once(each, field)


@dataclass(frozen=True, kw_only=True)
class DayChange:
    """What is different with a rule on one day: cancelled, or another teacher, or another room, or both."""

    rule: str
    day: date
    is_cancelled: bool = False
    teacher: str | None = None
    room: str | None = None

    def __post_init__(self) -> None:
        """Refuse a change that changes nothing."""
        if not (self.is_cancelled or self.teacher or self.room):
            raise TimetableRefusedError(Fault.NOTHING_CHANGES, "change")


@dataclass(frozen=True, kw_only=True)
class NewGuest:
    """Somebody who is in a class, or in a room, from a day until a day, both included."""

    person: str
    begins_on: date
    ends_on: date
    class_id: str | None = None
    room: str | None = None

    def __post_init__(self) -> None:
        """Refuse days that run backwards, and a guest of nothing or of two things."""
        require_days(self.begins_on, self.ends_on)
        if bool(self.class_id) == bool(self.room):
            raise TimetableRefusedError(Fault.GUEST_NOWHERE, "class")


def require_hours(begins: time, ends: time) -> None:
    """Refuse times that run backwards."""
    if ends <= begins:
        raise TimetableRefusedError(Fault.TIMES_REVERSED, "ends", begins=f"{begins:%H:%M}", got=f"{ends:%H:%M}")


def require_days(first: date, last: date | None) -> None:
    """Refuse days that run backwards."""
    if last is not None and last < first:
        raise TimetableRefusedError(Fault.DAYS_REVERSED, "ends_on", first=first.isoformat(), got=last.isoformat())


def require_each_once(values: tuple[str, ...], field: str) -> None:
    """Refuse none, and one twice."""
    if not any(values):
        raise TimetableRefusedError(Fault.BLANK, field)
    if len(set(values)) < len(values):
        raise TimetableRefusedError(Fault.TWICE, field)


def require_weekdays(weekdays: tuple[int, ...]) -> None:
    """Refuse none, one twice, and what is no weekday."""
    if not weekdays or len(set(weekdays)) < len(weekdays) or not all(0 <= each < WEEKDAYS for each in weekdays):
        got = ", ".join(map(str, weekdays))
        raise TimetableRefusedError(Fault.WEEKDAY_MALFORMED, "weekdays", got=got)


def read_time(text: str, field: str) -> time:
    """Read a time of day like 09:45."""
    bare = text.strip()
    try:
        if len(bare) not in (4, 5) or ":" not in bare:
            raise ValueError
        return time.fromisoformat(bare.rjust(5, "0"))
    except ValueError:
        raise TimetableRefusedError(Fault.TIME_MALFORMED, field, got=text[:40]) from None


def read_weekdays(text: str) -> tuple[int, ...]:
    """Read numbers of weekdays with commas between; Monday is 0."""
    try:
        return tuple(int(each) for each in text.split(","))
    except ValueError:
        raise TimetableRefusedError(Fault.WEEKDAY_MALFORMED, "weekdays", got=text[:40]) from None


def read_day(text: str, field: str) -> date:
    """Read a day like 2026-12-24."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise TimetableRefusedError(Fault.DAY_MALFORMED, field, got=text[:40]) from None


def read_day_or_none(text: str, field: str) -> date | None:
    """Read a day like 2026-12-24; nothing gives None."""
    return read_day(text, field) if text.strip() else None

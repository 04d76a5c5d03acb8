"""What people write about the calendar, read into values or refused: days, hours, caps, instants, labels.

One place for command line, pages and imports. Pure; today and the zone come in.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo

from controller.calendar.models import LABEL_CHARS
from controller.calendar.policy import Cap, FreeDay, OtherDay, Trickle
from controller.calendar.rates import parse_rate
from controller.calendar.refusals import CalendarRefusedError, Fault
from controller.calendar.window import DayHours, parse_day, parse_window

MOST_CAPS = 8  # more would make schedules that no broker carries
LONGEST_FREE = timedelta(days=120)
FARTHEST = timedelta(days=1100)
LONGEST_PAUSE = timedelta(days=366)


def read_hours(text: str, field: str) -> DayHours:
    """Read the windows of a day."""
    try:
        return parse_day(text)
    except ValueError:
        raise CalendarRefusedError(Fault.HOURS_MALFORMED, field, got=text[:60]) from None


def read_rate(text: str, field: str = "rate") -> int:
    """Read a rate in bit/s."""
    try:
        return parse_rate(text)
    except ValueError:
        raise CalendarRefusedError(Fault.RATE_MALFORMED, field, got=text[:40]) from None


def read_caps(texts: Iterable[str]) -> tuple[Cap, ...]:
    """Read caps like `22:00-00:00=20M`; blank ones are passed over."""
    caps = tuple(_read_cap(text.strip()) for text in texts if text.strip())
    if len(caps) > MOST_CAPS:
        raise CalendarRefusedError(Fault.TOO_MANY_CAPS, "caps", most=MOST_CAPS, got=len(caps))
    return caps


def _read_cap(text: str) -> Cap:
    hours, _, rate = text.partition("=")
    try:
        return Cap(parse_window(hours.strip()), parse_rate(rate))
    except ValueError:
        raise CalendarRefusedError(Fault.CAP_MALFORMED, "caps", got=text[:60]) from None


def read_trickle(hours: str, rate: str) -> Trickle:
    """Read an allowance by day."""
    windows = read_hours(hours, "hours")
    if not windows:
        raise CalendarRefusedError(Fault.TRICKLE_CLOSED, "hours")
    return Trickle(windows, read_rate(rate))


def read_day(text: str, field: str) -> date:
    """Read a day like 2026-12-24."""
    try:
        if len(text.strip()) != len("2026-12-24"):
            raise ValueError
        return date.fromisoformat(text.strip())
    except ValueError:
        raise CalendarRefusedError(Fault.DAY_MALFORMED, field, got=text[:40]) from None


def read_free_day(first: str, last: str, label: str, *, today: date) -> FreeDay:
    """Read days without school that are not over; without a last day it is one day."""
    first_day = read_day(first, "first_day")
    last_day = read_day(last, "last_day") if last.strip() else first_day
    free = FreeDay(first_day, last_day, read_label(label))
    require_sensible(free, today)
    return free


def read_other_day(day: str, hours: str, label: str, *, today: date) -> OtherDay:
    """Read a day with hours of its own that is not over."""
    named = read_day(day, "day")
    require_to_come(named, today, "day")
    return OtherDay(named, read_hours(hours, "hours"), read_label(label))


def require_sensible(free: FreeDay, today: date) -> None:
    """Refuse days that are reversed, over, very many or very far."""
    length = (free.last_day - free.first_day).days + 1
    if length < 1:
        raise CalendarRefusedError(
            Fault.DAYS_REVERSED, "last_day", first=free.first_day.isoformat(), last=free.last_day.isoformat()
        )
    if length > LONGEST_FREE.days:
        raise CalendarRefusedError(Fault.TOO_LONG, "last_day", most=LONGEST_FREE.days, got=length)
    require_to_come(free.last_day, today, "last_day")


def require_to_come(day: date, today: date, field: str) -> None:
    """Refuse a day that is over or very far."""
    if day < today:
        raise CalendarRefusedError(Fault.OVER, field, got=day.isoformat())
    if day > today + FARTHEST:
        raise CalendarRefusedError(Fault.TOO_FAR, field, most=(today + FARTHEST).isoformat(), got=day.isoformat())


def read_label(text: str) -> str:
    """Read one line that can be shown."""
    label = text.strip()
    if len(label) > LABEL_CHARS or not label.isprintable():
        raise CalendarRefusedError(Fault.LABEL_MALFORMED, "label", most=LABEL_CHARS)
    return label


def read_until(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Read the end of a pause by the school's clock; nothing: until somebody lifts it."""
    if not text.strip():
        return None
    try:
        named = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CalendarRefusedError(Fault.INSTANT_MALFORMED, "until", got=text[:40]) from None
    until = (named if named.tzinfo else named.replace(tzinfo=zone)).astimezone(UTC)
    if until <= now:
        raise CalendarRefusedError(Fault.OVER, "until", got=text[:40])
    if until > now + LONGEST_PAUSE:
        raise CalendarRefusedError(Fault.TOO_FAR, "until", most=(now + LONGEST_PAUSE).date().isoformat(), got=text[:40])
    return until

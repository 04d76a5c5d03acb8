"""How figures of nights are said: sizes, rates and times, rounded as an estimate is. Pure.

An expected end is rounded up to ten minutes: it is made of sums and of what lines gave before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.nights.calculator import Change
from controller.recordings.titles import mark

GRAIN = timedelta(minutes=10)
GB = 1_000_000_000
TB = 1_000 * GB
CHANGES = {
    Change.LINE: mark("With a line of double the speed"),
    Change.HOURS: mark("With four more hours"),
    Change.QUALITY: mark("At half the picture’s bit rate"),
    Change.LESSONS: mark("With one lesson a day fewer"),
}


def about(at: datetime) -> datetime:
    """Round an instant up to ten minutes."""
    rest = timedelta(seconds=at.astimezone(UTC).timestamp() % GRAIN.total_seconds())
    return at + (GRAIN - rest) if rest else at


def size_of(count: int) -> tuple[float, str]:
    """Give a number and `GB` or `TB`, with two digits that count at least."""
    number, unit = (count / TB, "TB") if count >= TB else (count / GB, "GB")
    return round(number, 0 if number >= 100 else 1), unit


def hours_and_minutes(span: timedelta) -> tuple[int, int]:
    """Give a span in whole hours and minutes, rounded down to ten minutes."""
    return divmod(span // GRAIN * 10, 60)

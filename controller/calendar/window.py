"""Windows: the hours of a day, by the clock on the school's wall, in which units may send.

Pure. A window belongs to the day on whose evening (or morning) it begins, and may run over midnight. A day has any
few of them, or none. Which instants that means, controller/calendar/clock.py says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from controller.calendar.clock import Span, instants, read_clock

_FORM = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")
_END_OF_DAY = re.compile(r"-24:00\Z")  # as people write it; spelled 00:00
_DAY = timedelta(days=1)
MOST_WINDOWS = 6
CLOSED = "closed"


@dataclass(frozen=True)
class Window:
    """From `begins` to `ends` by the wall clock, the end excluded; both None: always, from midnight to midnight."""

    begins: time | None = None
    ends: time | None = None

    def on(self, day: date) -> tuple[datetime, datetime]:
        """Give what the wall clock shows at its beginning and at its end, when it begins on `day`."""
        if self.begins is None or self.ends is None:
            midnight = datetime.combine(day, time())
            return midnight, midnight + _DAY
        last = day + _DAY if self.ends <= self.begins else day
        return datetime.combine(day, self.begins), datetime.combine(last, self.ends)

    def span_at(self, now: datetime, zone: tzinfo) -> Span | None:
        """Give the span that covers `now`, in UTC, or None outside of it; `always` gives the day around `now`."""
        if self.begins is None:
            return now - _DAY, now + _DAY
        today = now.astimezone(zone).date()
        stretches = read_clock(zone, now - 2 * _DAY, now + 2 * _DAY)
        spans = (span for back in (2, 1, 0) for span in instants(*self.on(today - back * _DAY), stretches))
        return next((span for span in spans if span[0] <= now < span[1]), None)

    def covers(self, now: datetime, zone: tzinfo) -> bool:
        """Tell whether `now` lies in the window."""
        return self.span_at(now, zone) is not None

    def __str__(self) -> str:
        """Spell it as `parse_window` reads it."""
        if self.begins is None or self.ends is None:
            return "always"
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}"


ALWAYS = Window()
DayHours = tuple[Window, ...]
"""The windows that begin on one day; none: the line stays closed."""


def parse_window(text: str) -> Window:
    """Read `22:00-06:00`, `18:00-24:00` or `always`; raise `ValueError` for any other form."""
    if text in ("always", "00:00-24:00"):
        return ALWAYS
    match = _FORM.fullmatch(_END_OF_DAY.sub("-00:00", text))
    if not match:
        raise ValueError("hours and minutes have two digits each")
    begins_hour, begins_minute, ends_hour, ends_minute = map(int, match.groups())
    begins, ends = time(begins_hour, begins_minute), time(ends_hour, ends_minute)
    if begins == ends:
        raise ValueError("it begins and ends at the same minute; for the whole day write 'always'")
    return Window(begins, ends)


def parse_day(text: str) -> DayHours:
    """Read `closed`, or windows with commas between, `always, 22:00-06:00`; raise `ValueError` that names the part."""
    if text.strip() == CLOSED:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > MOST_WINDOWS:
        raise ValueError(f"expected at most {MOST_WINDOWS} windows for one day, got {len(parts)}")
    return tuple(_parse_part(part) for part in parts)


def _parse_part(part: str) -> Window:
    try:
        return parse_window(part)
    except ValueError as error:
        raise ValueError(
            f"expected a window like 22:00-06:00, 'always' or 'closed', got {part[:40]!r}: {error}"
        ) from None


def spell_day(hours: DayHours) -> str:
    """Spell what `parse_day` reads."""
    return ", ".join(map(str, hours)) or CLOSED

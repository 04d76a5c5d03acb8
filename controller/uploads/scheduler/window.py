"""The upload window: the hours of a day, in the school's time zone, in which units may send.

Pure: the instant and the zone come in. A window may run over midnight; on the nights when clocks change it follows
the wall clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_FORM = re.compile(r"(\d{2}):(\d{2})-(\d{2}):(\d{2})")


@dataclass(frozen=True)
class Window:
    """From `begins` to `ends` by the wall clock, the end excluded; both None means always."""

    begins: time | None = None
    ends: time | None = None

    def span_at(self, now: datetime, zone: tzinfo) -> tuple[datetime, datetime] | None:
        """Give the span that covers `now`, in UTC, or None outside of it; `always` gives the day around `now`."""
        if self.begins is None or self.ends is None:
            return now - timedelta(days=1), now + timedelta(days=1)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            last = day + timedelta(days=1) if self.ends <= self.begins else day
            begins_at = datetime.combine(day, self.begins, zone).astimezone(UTC)
            ends_at = datetime.combine(last, self.ends, zone).astimezone(UTC)
            if begins_at <= now < ends_at:
                return begins_at, ends_at
        return None

    def covers(self, now: datetime, zone: tzinfo) -> bool:
        """Tell whether `now` lies in the window."""
        return self.span_at(now, zone) is not None


ALWAYS = Window()


def parse_window(text: str) -> Window:
    """Read `22:00-06:00` or `always`; raise `ValueError` for any other form."""
    if text == "always":
        return ALWAYS
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError("hours and minutes have two digits each")
    begins_hour, begins_minute, ends_hour, ends_minute = map(int, match.groups())
    begins, ends = time(begins_hour, begins_minute), time(ends_hour, ends_minute)
    if begins == ends:
        raise ValueError("it begins and ends at the same minute; for the whole day write 'always'")
    return Window(begins, ends)

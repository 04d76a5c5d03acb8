"""When a simulated line is open: the calendar's own code for one evening, turned into seconds since the night opens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from controller.calendar.policy import WEEKDAYS, Hours, Trickle, openings
from controller.calendar.window import parse_window
from controller.simulation.workload import Workload
from controller.uploads.scheduler.fleet import Ints
from protocol.schedule import Opening, OpeningKind

ZONE = ZoneInfo("Europe/Madrid")
WINDOW = parse_window("22:00-06:00")
BY_DAY = parse_window("12:00-16:00")
ORDINARY_EVENING = datetime(2026, 11, 24, 22, 0, tzinfo=ZONE)
CLOCKS_GO_FORWARD = datetime(2027, 3, 27, 22, 0, tzinfo=ZONE)
"""A night of seven hours."""
ALLOWED_BY_DAY = 0.15


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time of constant caps, in seconds since the night opens (by day: below 0)."""

    begins_s: float
    ends_s: float
    total_bps: int
    site_bps: Ints
    by_day: bool


def open_stretches(evening: datetime) -> tuple[Opening, ...]:
    """Ask the calendar when a line with these hours is open, from noon of an evening to noon of the next day."""
    hours = Hours(
        weekly=((WINDOW,),) * WEEKDAYS,
        free_day=(WINDOW,),
        rate_bps=1,
        trickle=Trickle(hours=(BY_DAY,), rate_bps=1),
    )
    noon = evening.replace(hour=12)
    return openings(hours, ZONE, noon.astimezone(UTC), (noon + timedelta(days=1)).astimezone(UTC))


def night_seconds(evening: datetime) -> float:
    """Give how long the line is open in the night of an evening."""
    nights = [each for each in open_stretches(evening) if each.kind is OpeningKind.NIGHT]
    return sum((each.ends_at - each.begins_at).total_seconds() for each in nights)


def stretches_of(evening: datetime, load: Workload) -> tuple[Stretch, ...]:
    """Give the stretches of an evening and its night; by day a part of each cap is allowed."""
    opens_at = evening.astimezone(UTC)
    return tuple(_stretch(each, opens_at, load) for each in open_stretches(evening))


def _stretch(opening: Opening, opens_at: datetime, load: Workload) -> Stretch:
    by_day = opening.kind is OpeningKind.TRICKLE
    part = ALLOWED_BY_DAY if by_day else 1.0
    return Stretch(
        begins_s=(opening.begins_at - opens_at).total_seconds(),
        ends_s=(opening.ends_at - opens_at).total_seconds(),
        total_bps=int(load.total_bps * part),
        site_bps=(load.site_bps * part).astype(np.int64),
        by_day=by_day,
    )

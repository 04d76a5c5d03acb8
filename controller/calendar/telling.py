"""What the command line says of the calendar, in English: whether a line is open, and the days ahead. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from controller.calendar.ahead import DayAhead, Run
from controller.calendar.policy import Closed, DayKind, Standing, Why
from controller.calendar.rates import spell_rate
from protocol.schedule import OpeningKind

WHY = {
    Why.HOURS: "it is not the hour",
    Why.FREE_DAY: "a free day",
    Why.OTHER_DAY: "a day with other hours",
    Why.PAUSED: "paused",
}
KIND = {DayKind.ORDINARY: "", DayKind.FREE: "free day", DayKind.OTHER: "other hours"}


def tell_standing(standing: Standing, zone: tzinfo) -> str:
    """Say whether the line is open, and until when."""
    if isinstance(standing, Closed):
        detail = f" ({standing.detail})" if standing.detail else ""
        until = f"; the next night opens on {_when(standing.until, zone)}" if standing.until else ""
        return f"Closed: {WHY[standing.why]}{detail}{until}."
    kind = " for rooms that may send by day" if standing.kind is OpeningKind.TRICKLE else ""
    return f"Open{kind} until {_when(standing.ends_at, zone)}, {spell_rate(standing.rate_bps)} together."


def _when(instant: datetime, zone: tzinfo) -> str:
    return f"{instant.astimezone(zone):%a %Y-%m-%d %H:%M}"


def tell_day(day: DayAhead, zone: tzinfo) -> str:
    """Say in one line what happens on a day, and why it differs."""
    runs = [_tell_run(run, zone) for run in day.runs]
    if day.open_since_before:
        runs.insert(0, "open all day")
    return f"{day.day:%a %Y-%m-%d}  {', '.join(runs) or 'nothing opens':<44} {'; '.join(_differences(day))}".rstrip()


def _tell_run(run: Run, zone: tzinfo) -> str:
    begins, ends = run.begins_at.astimezone(zone), run.ends_at.astimezone(zone)
    end = f"{ends:%H:%M}" if ends - begins <= timedelta(days=1) else f"{ends:%a %H:%M}"
    kind = " by day" if run.kind is OpeningKind.TRICKLE else ""
    return f"{begins:%H:%M}-{end}{kind} at {' / '.join(spell_rate(rate) for rate in dict.fromkeys(run.rates))}"


def _differences(day: DayAhead) -> Iterator[str]:
    if day.kind is not DayKind.ORDINARY:
        yield f"{KIND[day.kind]}: {day.label}" if day.label else KIND[day.kind]
    if day.clock_change:
        minutes = abs(day.clock_change) // timedelta(minutes=1)
        yield f"clocks go {'forward' if day.clock_change > timedelta(0) else 'back'} by {minutes} minutes in this night"

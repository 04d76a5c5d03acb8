"""When the units of a site may send, and how fast: hours, free days, other days, caps and pauses become openings.

Pure: the instants, the zone and what was configured come in. What follows the wall clock is settled in
controller/calendar/clock.py; an opening is a stretch of constant rate in UTC. Nothing here knows a unit or a byte.
Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from controller.calendar.clock import Span, Stretch, instants, read_clock, union, without
from controller.calendar.window import DayHours, Window
from protocol.schedule import Opening, OpeningKind

DAY = timedelta(days=1)
NOON = timedelta(hours=12)
AHEAD = timedelta(days=9)
"""How far somebody is told when a closed line opens: a week, and the night that ends it."""
WEEKDAYS = 7


@dataclass(frozen=True, order=True)
class FreeDay:
    """Days without school, the first and the last included; on them the hours of a free day hold."""

    first_day: date
    last_day: date
    label: str = ""


@dataclass(frozen=True)
class OtherDay:
    """One day whose hours differ; without windows the line stays closed, by day too."""

    day: date
    hours: DayHours = ()
    label: str = ""


@dataclass(frozen=True)
class Cap:
    """The most that all units of a site may send together while the wall clock shows a time in `hours`."""

    hours: Window
    rate_bps: int


@dataclass(frozen=True)
class Trickle:
    """The allowance by day of a site, for the units that may use it."""

    hours: DayHours
    rate_bps: int


@dataclass(frozen=True)
class Pause:
    """Nobody of the site sends from `since` until `until` (None: until somebody lifts it). `by` set it."""

    since: datetime
    until: datetime | None
    by: str

    def holds(self, now: datetime) -> bool:
        """Tell whether it holds at `now`."""
        return self.since <= now and (self.until is None or now < self.until)


class DayKind(StrEnum):
    """Why a day has the hours that it has."""

    ORDINARY = "ordinary"
    FREE = "free"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Hours:
    """All that was configured for one site. `weekly` has a day's windows from Monday to Sunday; a window belongs to
    the day on which it begins. `rate_bps` is the most at any time: the total of `[uploads] rate_bps`.

    Where two caps name the same hour, the lower one holds. `free_days` and `other_days` are in the order of time.
    """

    weekly: tuple[DayHours, ...]
    free_day: DayHours
    rate_bps: int
    free_days: tuple[FreeDay, ...] = ()
    other_days: tuple[OtherDay, ...] = ()
    caps: tuple[Cap, ...] = ()
    trickle: Trickle | None = None
    pauses: tuple[Pause, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a week that has not seven days, and rates at which nothing could be sent."""
        if len(self.weekly) != WEEKDAYS:
            raise ValueError(f"expected the hours of {WEEKDAYS} days, got {len(self.weekly)}")
        rates = [
            self.rate_bps,
            *(cap.rate_bps for cap in self.caps),
            *([self.trickle.rate_bps] if self.trickle else []),
        ]
        if min(rates) < 1:
            raise ValueError(f"expected rates of at least 1 bit/s, got {min(rates)}; to send nothing, close the hours")

    def of_day(self, day: date) -> tuple[DayKind, DayHours, str]:
        """Give why a day has its hours, the windows that begin on it, and the label of the free or other day."""
        other = next((other for other in self.other_days if other.day == day), None)
        if other:
            return DayKind.OTHER, other.hours, other.label
        free = next((free for free in self.free_days if free.first_day <= day <= free.last_day), None)
        if free:
            return DayKind.FREE, self.free_day, free.label
        return DayKind.ORDINARY, self.weekly[day.weekday()], ""

    def ordinary(self) -> Hours:
        """Give the same without free days, other days and pauses: what holds in an ordinary week."""
        return replace(self, free_days=(), other_days=(), pauses=())

    def promised(self) -> Hours:
        """Give what a schedule may promise: a pause that nobody has set an end to is left out.

        A unit that hears no broker would otherwise never ask again, and so never learn that the pause was lifted.
        """
        return replace(self, pauses=tuple(pause for pause in self.pauses if pause.until is not None))


def default_hours(window: Window, rate_bps: int) -> Hours:
    """Give the hours of a site for which nothing was said: the window of `controller.toml` every day."""
    return Hours(weekly=((window,),) * WEEKDAYS, free_day=(window,), rate_bps=rate_bps)


@dataclass(frozen=True)
class _Ground:
    """The days of a range, and how the wall clock runs in it."""

    days: tuple[date, ...]
    clock: tuple[Stretch, ...]

    @classmethod
    def of(cls, zone: tzinfo, begins_at: datetime, ends_at: datetime) -> _Ground:
        """Take two days more at the front: a window that began on one of them may still be open."""
        first = begins_at.astimezone(zone).date() - 2 * DAY
        count = (ends_at.astimezone(zone).date() - first).days + 1
        return cls(tuple(first + number * DAY for number in range(count)), read_clock(zone, begins_at, ends_at))

    def open(self, hours_of: Callable[[date], DayHours]) -> list[Span]:
        """Give when the wall clock shows a time of the windows that begin on these days."""
        shown = (window.on(day) for day in self.days for window in hours_of(day))
        return union(span for begins, ends in shown for span in instants(begins, ends, self.clock))


def openings(hours: Hours, zone: tzinfo, begins_at: datetime, ends_at: datetime) -> tuple[Opening, ...]:
    """Give the stretches of constant rate between two instants, in order and without overlap; the range cuts the edges.

    Windows that meet are one stretch, cut only where the rate changes. The allowance by day is open where the night
    is not.
    """
    ground = _Ground.of(zone, begins_at, ends_at)
    paused = [(pause.since, pause.until or max(ends_at, pause.since)) for pause in hours.pauses]
    caps = [(span, cap.rate_bps) for cap in hours.caps for span in ground.open(_always(cap.hours))]
    night = ground.open(lambda day: hours.of_day(day)[1])
    found = _rated(without(night, paused), caps, hours.rate_bps, OpeningKind.NIGHT)
    if hours.trickle:
        by_day = without(ground.open(_trickle_of(hours, hours.trickle)), [*night, *paused])
        found += _rated(by_day, caps, min(hours.trickle.rate_bps, hours.rate_bps), OpeningKind.TRICKLE)
    return tuple(sorted(found, key=lambda opening: opening.begins_at))


def _always(window: Window) -> Callable[[date], DayHours]:
    return lambda _day: (window,)


def _trickle_of(hours: Hours, trickle: Trickle) -> Callable[[date], DayHours]:
    """Give the allowance of each day but those on which the line was closed by name."""
    closed = {other.day for other in hours.other_days if not other.hours}
    return lambda day: () if day in closed else trickle.hours


def _rated(spans: Iterable[Span], caps: Sequence[tuple[Span, int]], most_bps: int, kind: OpeningKind) -> list[Opening]:
    """Cut spans where a cap begins or ends, and put together again what has the same rate."""
    found: list[Opening] = []
    for span in spans:
        for begins, ends in _cut(span, caps):
            rate_bps = min([most_bps, *(rate for (first, last), rate in caps if first <= begins < last)])
            if found and found[-1].ends_at == begins and found[-1].rate_bps == rate_bps:
                found[-1] = replace(found[-1], ends_at=ends)
            else:
                found.append(Opening(begins_at=begins, ends_at=ends, rate_bps=rate_bps, kind=kind))
    return found


def _cut(span: Span, caps: Sequence[tuple[Span, int]]) -> Iterable[Span]:
    inside = {edge for cap, _ in caps for edge in cap if span[0] < edge < span[1]}
    return pairwise([span[0], *sorted(inside), span[1]])


def opening_at(hours: Hours, zone: tzinfo, now: datetime) -> Opening | None:
    """Give the opening that covers `now`, or None; known a day back and a day ahead, where a longer one is cut."""
    return _covering(openings(hours, zone, now - DAY, now + DAY), now)


def _covering(found: Iterable[Opening], now: datetime) -> Opening | None:
    return next((opening for opening in found if opening.covers(now)), None)


@dataclass(frozen=True)
class Night:
    """What is open in one night of a site, named by the school's date on which it opens; by its wall clock."""

    day: date
    openings: tuple[Opening, ...]

    @property
    def begins_at(self) -> datetime:
        """Give the first instant."""
        return self.openings[0].begins_at

    @property
    def ends_at(self) -> datetime:
        """Give the instant after the last."""
        return self.openings[-1].ends_at


def nights(found: Iterable[Opening], zone: tzinfo) -> tuple[Night, ...]:
    """Put the openings of kind night together to nights, each from noon to noon.

    What opens before noon is of the night before; what lasts over a noon (free days, a line that is always open) is
    two nights from there on, so that every night has its morning.
    """
    by_day: dict[date, list[Opening]] = {}
    for opening in found:
        if opening.kind is OpeningKind.NIGHT:
            for part in _at_noon(opening, zone):
                by_day.setdefault((part.begins_at.astimezone(zone) - NOON).date(), []).append(part)
    return tuple(Night(day, tuple(parts)) for day, parts in by_day.items())


def _at_noon(opening: Opening, zone: tzinfo) -> Iterable[Opening]:
    first = opening.begins_at.astimezone(zone).date()
    count = (opening.ends_at.astimezone(zone).date() - first).days + 1
    noons = (datetime.combine(first + number * DAY, time(12), zone).astimezone(UTC) for number in range(count))
    inside = (noon for noon in noons if opening.begins_at < noon < opening.ends_at)
    edges = pairwise([opening.begins_at, *inside, opening.ends_at])
    return (replace(opening, begins_at=begins, ends_at=ends) for begins, ends in edges)


class Why(StrEnum):
    """Why the line of a site is closed."""

    HOURS = "hours"
    FREE_DAY = "free_day"
    OTHER_DAY = "other_day"
    PAUSED = "paused"


@dataclass(frozen=True)
class Open:
    """Units of the site may send now, `rate_bps` together, until `ends_at` at the latest."""

    rate_bps: int
    ends_at: datetime
    kind: OpeningKind


@dataclass(frozen=True)
class Closed:
    """Nobody of the site may send now; `until` is the beginning of the next night, None when that is not known.

    `detail` is the label of the free or other day, or who paused.
    """

    why: Why
    until: datetime | None
    detail: str = ""


Standing = Open | Closed


def standings(sites: Mapping[str, Hours], zone: tzinfo, now: datetime) -> dict[str, Standing]:
    """Give for every site what holds at `now`: open, how fast and until when; or closed, why and until when."""
    return {site: standing(hours, zone, now) for site, hours in sites.items()}


def standing(hours: Hours, zone: tzinfo, now: datetime) -> Standing:
    """Give what holds at `now` for one site. An opening is known a day ahead at least."""
    found = _week(hours, zone, now.astimezone(UTC).date())
    opening = _covering(found, now)
    if opening:
        return Open(opening.rate_bps, opening.ends_at, opening.kind)
    later = (each.begins_at for each in found if each.begins_at > now and each.kind is OpeningKind.NIGHT)
    why, detail = _why_closed(hours, zone, now)
    return Closed(why, next(later, None), detail)


@lru_cache(maxsize=1024)
def _week(hours: Hours, zone: tzinfo, day: date) -> tuple[Opening, ...]:
    """Give the openings from the day before a UTC date on; every tick of that day asks for the same ones."""
    midnight = datetime.combine(day, time(), UTC)
    return openings(hours, zone, midnight - DAY, midnight + DAY + AHEAD)


def _why_closed(hours: Hours, zone: tzinfo, now: datetime) -> tuple[Why, str]:
    """Find the pause, or the day whose ordinary hours would cover `now`; else it is simply not the hour."""
    pause = next((pause for pause in hours.pauses if pause.holds(now)), None)
    if pause:
        return Why.PAUSED, pause.by
    today = now.astimezone(zone).date()
    for day in (today, today - DAY):
        kind, _, label = hours.of_day(day)
        ordinarily = hours.weekly[day.weekday()]
        if kind is not DayKind.ORDINARY and _would_cover(day, ordinarily, zone, now):
            return (Why.FREE_DAY if kind is DayKind.FREE else Why.OTHER_DAY), label
    return Why.HOURS, ""


def _would_cover(day: date, windows: DayHours, zone: tzinfo, now: datetime) -> bool:
    clock = read_clock(zone, now, now + timedelta(seconds=1))
    return any(True for window in windows for _ in instants(*window.on(day), clock))

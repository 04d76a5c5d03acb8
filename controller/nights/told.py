"""What is told of nights, as one form for pages and command line: tonight's plan, how it goes, the morning's report.

Figures are sums of parts that policy.py allowed, and of all parts together. Where there is no part there is no figure:
only the hours, and whether a full school day of all rooms would fit, which says nothing of what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.calendar import policy as calendar
from controller.calendar.repo import read_calendar
from controller.disk.models import THE_ROW, DiskState
from controller.nights import forecast
from controller.nights.calculator import School
from controller.nights.crowd import large_enough
from controller.nights.models import Night, Outcome, UnitNight
from controller.nights.outcomes import FEW_DAYS
from controller.nights.reasons import Group
from controller.nights.seeing import SeenUnit, see_units
from controller.services import Services
from protocol.schedule import Opening


class Phase(StrEnum):
    """Where a night stands."""

    AHEAD = "ahead"
    RUNNING = "running"
    OVER = "over"


@dataclass(frozen=True, kw_only=True)
class PartTold:
    """The sums of some sites together, of five rooms or more."""

    sites: tuple[str, ...]
    rooms: int
    opens_at: datetime
    closes_at: datetime
    planned_bytes: int
    due_bytes: int
    taken_bytes: int
    left_bytes: int
    unusable: int
    reasons: Mapping[Group, int]
    """How many rooms send or wait, and why, in fives; empty where nothing of it may be told."""
    planned_at: datetime | None
    expected_end_at: datetime | None
    ended_at: datetime | None

    @property
    def margin(self) -> timedelta | None:
        """Give the time between the expected end and the window's; None where not everything fits."""
        return self.closes_at - self.expected_end_at if self.expected_end_at else None

    @property
    def percent(self) -> int:
        """Give how much of what was planned has come, 100 at most."""
        return min(100, self.taken_bytes * 100 // self.planned_bytes) if self.planned_bytes else 100


@dataclass(frozen=True, kw_only=True)
class NightTold:
    """One night: `total` is None, and there are no parts, where fewer than five rooms belong to it."""

    day: date
    phase: Phase
    opens_at: datetime
    closes_at: datetime
    total: PartTold | None
    parts: tuple[PartTold, ...]
    is_followed: bool
    """Whether what comes while it runs is told: not of parts in which fewer than five rooms can send."""
    has_room: bool
    """Whether five lessons of every room would fit, whatever was recorded; asked only where there are no sums."""


@dataclass(frozen=True, kw_only=True)
class FaultTold:
    """A room whose night a fault kept."""

    device: str
    label: str
    site: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class SpaceTold:
    """A room with little space."""

    device: str
    label: str
    site: str
    days_left: int


@dataclass(frozen=True, kw_only=True)
class ReportTold:
    """This morning's report; `night` is None before the first night is over."""

    night: NightTold | None
    faults: tuple[FaultTold, ...]
    normal: int
    """Rooms of which no fault is known, whether or not they had anything to send."""
    space: tuple[SpaceTold, ...]
    least_days: int | None
    full_since: datetime | None


def find_tonight(services: Services, session: Session) -> NightTold | None:
    """Give the night that runs, or else the next one; None while none is known."""
    rows = session.scalars(select(Night).where(Night.closed_at.is_(None)).order_by(Night.day, Night.site)).all()
    mine = [row for row in rows if row.day == rows[0].day]
    return _tell(services, session, mine) if mine else None


def find_last(services: Services, session: Session, day: date | None = None) -> NightTold | None:
    """Give the newest night that is over everywhere, or that of a day."""
    open_days = select(Night.day).where(Night.closed_at.is_(None))
    over = select(Night.day).where(Night.day.not_in(open_days))
    found = session.scalar((over.where(Night.day == day) if day else over).order_by(Night.day.desc()).limit(1))
    rows = session.scalars(select(Night).where(Night.day == found).order_by(Night.site)).all()
    return _tell(services, session, rows) if rows else None


def find_report(services: Services, session: Session) -> ReportTold:
    """Give this morning's report."""
    units = see_units(services, session)
    faults = tuple(_faults(session, units))
    known = [unit for unit in units if unit.days_left is not None]
    state = session.get(DiskState, THE_ROW)
    return ReportTold(
        night=find_last(services, session),
        faults=faults,
        normal=len(units) - len(faults),
        space=tuple(
            SpaceTold(device=unit.id, label=unit.label, site=unit.site, days_left=unit.days_left)
            for unit in sorted(known, key=lambda unit: (unit.days_left, unit.label))
            if unit.days_left is not None and unit.days_left < FEW_DAYS
        ),
        least_days=min((unit.days_left for unit in known if unit.days_left is not None), default=None),
        full_since=state.full_since if state else None,
    )


def _faults(session: Session, units: Iterable[SeenUnit]) -> Iterable[FaultTold]:
    found = select(UnitNight.device, UnitNight.outcome).where(UnitNight.outcome != Outcome.NORMAL)
    outcomes = {device: outcome for device, outcome in session.execute(found)}
    for unit in units:
        if unit.id in outcomes:
            yield FaultTold(device=unit.id, label=unit.label, site=unit.site, outcome=outcomes[unit.id])


def _tell(services: Services, session: Session, rows: Sequence[Night]) -> NightTold:
    now, groups = services.clock(), _groups(rows)
    parts = tuple(_sum_up(group) for group in groups)
    opens_at, closes_at = min(row.opens_at for row in rows), max(row.closes_at for row in rows)
    over = all(row.closed_at is not None for row in rows)
    phase = Phase.OVER if over else Phase.AHEAD if now < opens_at else Phase.RUNNING
    followed = phase is not Phase.RUNNING or len(large_enough(groups, see_units(services, session), now)) == len(groups)
    return NightTold(
        day=rows[0].day,
        phase=phase,
        opens_at=opens_at,
        closes_at=closes_at,
        total=_sum_up([row for group in groups for row in group]) if groups else None,
        parts=parts if len(parts) > 1 else (),
        is_followed=followed,
        has_room=bool(groups) or _has_room(services, session, rows),
    )


def _groups(rows: Iterable[Night]) -> list[list[Night]]:
    groups: dict[str, list[Night]] = {}
    for row in rows:
        if row.part is not None:
            groups.setdefault(row.part, []).append(row)
    return [groups[name] for name in sorted(groups)]


def _sum_up(rows: Sequence[Night]) -> PartTold:
    fits = all(row.expected_end_at for row in rows)
    return PartTold(
        sites=tuple(row.site for row in rows),
        rooms=sum(row.rooms for row in rows),
        opens_at=min(row.opens_at for row in rows),
        closes_at=max(row.closes_at for row in rows),
        planned_bytes=sum(max(row.planned_bytes, row.taken_bytes) for row in rows),
        due_bytes=sum(row.due_bytes for row in rows),
        taken_bytes=sum(row.taken_bytes for row in rows),
        left_bytes=sum(row.left_bytes for row in rows),
        unusable=sum(row.unusable for row in rows),
        reasons=_reasons(rows),
        planned_at=min((row.planned_at for row in rows if row.planned_at), default=None),
        expected_end_at=max(row.expected_end_at for row in rows if row.expected_end_at) if fits else None,
        ended_at=max((row.ended_at for row in rows if row.ended_at), default=None),
    )


def _reasons(rows: Sequence[Night]) -> Mapping[Group, int]:
    """Add up what is told of parts; each of a part's rows has its part's numbers."""
    parts = {row.part: row for row in rows}.values()
    sums = {group: sum(getattr(row, group) for row in parts) for group in Group}
    return {group: number for group, number in sums.items() if number}


def _has_room(services: Services, session: Session, rows: Sequence[Night]) -> bool:
    """Tell whether a full school day of every room fits into a night."""
    openings = [opening for row in rows for opening in openings_of(services, session, row)]
    total_bps = services.config.uploads.rate_bps
    carried = forecast.carries_bytes(forecast.join(openings, total_bps=total_bps, since=rows[0].opens_at))
    rooms = len(see_units(services, session))
    return School(rooms=rooms, line_bps=total_bps, hours=1).day_bytes <= carried


def openings_of(services: Services, session: Session, row: Night) -> tuple[Opening, ...]:
    """Give what is open in a site's night, by the calendar as it stands."""
    hours = read_calendar(session, services.config, row.opens_at).of(row.site)
    zone = services.config.controller.time_zone
    return calendar.openings(hours, zone, row.opens_at, row.closes_at) if row.closes_at > row.opens_at else ()

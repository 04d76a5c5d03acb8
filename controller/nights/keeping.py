"""The job that keeps the nights: their rows and parts, the plan until it runs, and what became of it at its end.

Performs what policy.py, forecast.py and outcomes.py decide. Of a unit only the newest night's outcome is kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.orm import Session

from controller.calendar import policy as calendar
from controller.calendar.repo import read_calendar
from controller.devices.models import Device
from controller.nights import forecast
from controller.nights.crowd import count_senders, large_enough
from controller.nights.line import SLOT, forget_line_use
from controller.nights.models import LineUse, Night, Outcome, UnitNight
from controller.nights.outcomes import SENDING, judge
from controller.nights.policy import Part, coarsen, divide, may_renew
from controller.nights.reasons import keep_reasons
from controller.nights.seeing import SeenUnit, see_units
from controller.recordings.models import HeldObject, LateRecording, Recording
from controller.services import Services
from controller.uploads.models import SpoolReportRow
from protocol.manifest import SoundVerdict
from protocol.schedule import Opening

IN_TOUCH = timedelta(hours=24)
SETTLED = timedelta(minutes=2)
"""After the end of a window, until what came in its last minute has been counted."""
BACK, AHEAD = timedelta(hours=36), timedelta(hours=60)
MEASURED_BACK = timedelta(days=14)
_SOUNDLESS = (SoundVerdict.SILENT.value, SoundVerdict.NONE.value)

SiteNights = Mapping[str, Mapping[date, calendar.Night]]


def keep_nights(services: Services) -> None:
    """Bring the rows of the nights up to now; called once a minute."""
    now = services.clock()
    with services.database.reading() as session:  # what takes long with many units is read before others wait
        units = see_units(services, session)
        found = _read_nights(services, session, {unit.site for unit in units})
    with services.database.writing() as session:
        _open(session, found, units, now)
        _follow(session, found, now)
        parts = _parts(_unclosed(session))
        for rows in large_enough(parts, units, now):
            _count(session, rows)
        for rows in parts:
            _plan(services, session, rows, found)
            keep_reasons(session, rows, rooms=count_senders(units, rows, now), now=now)
        _close(session, units, now)
        before = now - timedelta(days=services.config.nights.kept_days)
        forget_line_use(session, before)
        session.execute(delete(Night).where(Night.closes_at < before))


def _read_nights(services: Services, session: Session, sites: Collection[str]) -> SiteNights:
    now, zone = services.clock(), services.config.controller.time_zone
    held = read_calendar(session, services.config, now)
    return {
        site: {
            night.day: night
            for night in calendar.nights(calendar.openings(held.of(site), zone, now - BACK, now + AHEAD), zone)
        }
        for site in sites
    }


def _open(session: Session, found: SiteNights, units: Sequence[SeenUnit], now: datetime) -> None:
    """Make the rows of the night that runs or comes next, of all sites at once: so they are divided together."""
    ahead = ([day for day, night in nights.items() if night.ends_at > now] for nights in found.values())
    for day in sorted({min(days) for days in ahead if days}):
        entered = set(session.scalars(select(Night.site).where(Night.day == day)))
        missing = [site for site, nights in found.items() if day in nights and site not in entered]
        rooms = {site: _in_touch(units, site, now) for site in missing}
        parts = {} if entered else _part_of(divide(rooms))  # whoever comes later is not told of in this night
        for site in missing:
            night = found[site][day]
            session.add(
                Night(
                    site=site,
                    day=day,
                    part=parts.get(site),
                    opens_at=night.begins_at,
                    closes_at=night.ends_at,
                    rooms=rooms[site],
                )
            )
    session.flush()


def _in_touch(units: Iterable[SeenUnit], site: str, now: datetime) -> int:
    return sum(unit.site == site and unit.may_deliver and unit.seen.was_in_touch(now - IN_TOUCH) for unit in units)


def _part_of(parts: Iterable[Part]) -> dict[str, str]:
    return {site: part.sites[0] for part in parts for site in part.sites}


def _unclosed(session: Session) -> Sequence[Night]:
    return session.scalars(select(Night).where(Night.closed_at.is_(None)).order_by(Night.day, Night.site)).all()


def _follow(session: Session, found: SiteNights, now: datetime) -> None:
    """Follow a calendar that was changed: other hours, a pause, a night that is none."""
    for row in session.scalars(select(Night).where(Night.closes_at > now - IN_TOUCH)):
        night = found.get(row.site, {}).get(row.day)
        if night and (row.closed_at is None or night.ends_at > now):
            row.opens_at, row.closes_at, row.closed_at = night.begins_at, night.ends_at, None
        elif not night and row.closed_at is None and row.opens_at > now:
            session.delete(row)
        elif not night and row.closed_at is None:
            row.closes_at = min(row.closes_at, now)
    session.flush()


def _parts(rows: Iterable[Night]) -> list[list[Night]]:
    """Put the rows together whose sums are shown together."""
    parts: dict[tuple[date, str], list[Night]] = {}
    for row in rows:
        if row.part is not None:
            parts.setdefault((row.day, row.part), []).append(row)
    return list(parts.values())


@dataclass(frozen=True)
class _Waiting:
    """What the units of a site say that waits."""

    waiting_bytes: int
    due_bytes: int


def _count(session: Session, rows: Iterable[Night]) -> None:
    """Count what came to a part so far."""
    for row in rows:
        row.taken_bytes = taken_bytes(session, [row.site], row.opens_at, row.closes_at)


def _plan(services: Services, session: Session, rows: Sequence[Night], found: SiteNights) -> None:
    """Plan a part anew when five of its rooms have said anew what waits."""
    now, sites, planned_at = services.clock(), [row.site for row in rows], rows[0].planned_at
    if planned_at is not None and not may_renew(_fresh_rooms(session, sites, planned_at)):
        return
    waits = {site: _waiting_at(session, site) for site in sites}
    for row in rows:
        row.planned_bytes = row.taken_bytes + waits[row.site].waiting_bytes
        row.due_bytes, row.planned_at = waits[row.site].due_bytes, now
    openings = [opening for row in rows for opening in _openings(found, row)]
    waiting = sum(each.waiting_bytes for each in waits.values())
    total_bps = _share(services, session, waiting)
    stretches = forecast.join(openings, total_bps=total_bps, since=now)
    end = forecast.end_of(stretches, waiting)
    for row in rows:
        row.expected_end_at = end


def _openings(found: SiteNights, row: Night) -> Sequence[Opening]:
    night = found.get(row.site, {}).get(row.day)
    return night.openings if night else ()


def _share(services: Services, session: Session, waiting: int) -> float:
    """Give a part's share of the whole line: by what waits, as the allocation gives it."""
    everywhere = session.scalar(select(func.sum(SpoolReportRow.waiting_bytes))) or 0
    measured = measured_bps(session, services.clock())
    total_bps = min(float(services.config.uploads.rate_bps), measured or math.inf)
    return total_bps * waiting / everywhere if everywhere and waiting else total_bps


def _fresh_rooms(session: Session, sites: Collection[str], since: datetime) -> int:
    fresh = select(func.count()).select_from(SpoolReportRow).join(Device, Device.id == SpoolReportRow.device)
    return session.scalar(fresh.where(Device.site.in_(sites), SpoolReportRow.received_at > since)) or 0


def _waiting_at(session: Session, site: str) -> _Waiting:
    said = select(func.sum(SpoolReportRow.waiting_bytes), func.sum(SpoolReportRow.due_bytes))
    row = session.execute(said.join(Device, Device.id == SpoolReportRow.device).where(Device.site == site)).one()
    return _Waiting(int(row[0] or 0), int(row[1] or 0))


def taken_bytes(session: Session, sites: Collection[str], since: datetime, until: datetime) -> int:
    """Give what was taken from units of some sites in the slots of a night."""
    first = since - SLOT + timedelta(seconds=1)  # the slot in which it opened counts
    slots = (LineUse.site.in_(sites), LineUse.slot_at >= first, LineUse.slot_at < until)
    return int(session.scalar(select(func.sum(LineUse.taken_bytes)).where(*slots)) or 0)


def measured_bps(session: Session, now: datetime) -> float | None:
    """Give what the whole line really gave in the last two weeks; None while that is not known.

    Of one site nothing can be said so: what it got was its share of the line, and not what its own line gives.
    """
    slots = select(func.sum(LineUse.taken_bytes)).where(LineUse.slot_at > now - MEASURED_BACK)
    taken = session.scalars(slots.group_by(LineUse.slot_at)).all()
    return forecast.measured_bps([count * forecast.BITS / SLOT.total_seconds() for count in taken])


def _close(session: Session, units: Sequence[SeenUnit], now: datetime) -> None:
    """Write down what became of the nights that are over, and how the newest one went for each unit."""
    over = [row for row in _unclosed(session) if row.closes_at + SETTLED <= now]
    by_site: dict[str, list[SeenUnit]] = {}
    for unit in units if over else ():
        by_site.setdefault(unit.site, []).append(unit)
    for row in over:
        mine = by_site.get(row.site, [])
        outcomes = {unit.id: judge(unit.seen, opens_at=row.opens_at, closes_at=row.closes_at) for unit in mine}
        row.rooms = min(row.rooms, sum(unit.may_deliver and outcomes[unit.id] in SENDING for unit in mine))
        _close_one(session, row, now)
        _note_outcomes(session, row, outcomes)
    for day in {row.day for row in over}:
        _coarsen(session, day)


def _close_one(session: Session, row: Night, now: datetime) -> None:
    row.closed_at = now
    row.taken_bytes = taken_bytes(session, [row.site], row.opens_at, row.closes_at)
    row.left_bytes = _waiting_at(session, row.site).waiting_bytes
    row.unusable = _unusable(session, row)
    last = select(func.max(LineUse.slot_at)).where(LineUse.site == row.site, LineUse.taken_bytes > 0)
    slot_at = session.scalar(last.where(LineUse.slot_at >= row.opens_at - SLOT, LineUse.slot_at < row.closes_at))
    row.ended_at = min(slot_at + SLOT, row.closes_at) if slot_at else None


def _unusable(session: Session, row: Night) -> int:
    """Count the recordings of a site that came in a night and cannot be watched, are damaged, or have no sound."""
    damaged = select(HeldObject.recording).where(HeldObject.damaged_at.is_not(None))
    came = select(func.count()).select_from(Recording).join(Device, Device.id == Recording.device)
    in_night = (Device.site == row.site, Recording.ready_at >= row.opens_at, Recording.ready_at < row.closes_at)
    bad = or_(Recording.sound_verdict.in_(_SOUNDLESS), Recording.id.in_(damaged))
    late = select(func.count()).select_from(LateRecording).join(Device, Device.id == LateRecording.device)
    learned = (LateRecording.learned_at >= row.opens_at, LateRecording.learned_at < row.closes_at)
    count = session.scalar(came.where(*in_night, bad)) or 0
    return count + (session.scalar(late.where(Device.site == row.site, *learned)) or 0)


def _note_outcomes(session: Session, row: Night, outcomes: Mapping[str, Outcome]) -> None:
    """Put this night in the place of the one before, for all units of a site."""
    session.execute(delete(UnitNight).where(UnitNight.device.in_(select(Device.id).where(Device.site == row.site))))
    told = [{"device": device, "day": row.day, "outcome": outcome} for device, outcome in outcomes.items()]
    if told:
        session.execute(insert(UnitNight), told)


def _coarsen(session: Session, day: date) -> None:
    """Put parts together in which too few rooms were in touch, once all sites of the night have closed."""
    rows = session.scalars(select(Night).where(Night.day == day)).all()
    if any(row.closed_at is None for row in rows):
        return
    shown = _parts(rows)
    parts = _part_of(coarsen(Part(tuple(row.site for row in part), sum(row.rooms for row in part)) for part in shown))
    for row in rows:
        row.part = parts.get(row.site)

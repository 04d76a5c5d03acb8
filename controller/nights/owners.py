"""What is looked up for an owner of recordings that are on their way; prospects.py says what it means.

Only their own units and recordings are asked. The time that the line needs for everybody is taken from what waits
together only where that is a sum of five rooms or more; else every room is reckoned with as much as the owner's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.models import Device, Health, Presence
from controller.devices.policy import DELIVERING
from controller.disk.models import THE_ROW, DiskState
from controller.nights.models import Night
from controller.nights.policy import FEWEST_ROOMS
from controller.nights.prospects import Circumstances, Outlook, look_out
from controller.recordings.models import Recording, RecordingState
from controller.recordings.repo import held_indexes
from controller.services import Services
from controller.uploads import today
from controller.uploads.expecting import Prospect, expected_end
from controller.uploads.models import SpoolReportRow, Upload, UploadState
from controller.uploads.repo import lease_in_force
from controller.uploads.today import WHOLE_UNIT, Wish
from controller.uploads.wishes import find_unit

BITS = 8


def outlooks(services: Services, session: Session, rows: Sequence[Recording]) -> Mapping[str, Outlook]:
    """Give what is said of each of an owner's recordings that is on its way, by its id."""
    now = services.clock()
    arriving = [row for row in rows if row.state is RecordingState.ARRIVING]
    found: dict[str, Outlook] = {}
    ahead: dict[str, int] = {}
    for row in sorted(arriving, key=lambda row: row.began_at):  # the order in which a unit sends
        missing = _missing_bytes(services, session, row)
        ahead[row.device] = ahead.get(row.device, 0) + missing
        by_day = _prospect_by_day(services, session, row, missing=missing, ahead=ahead[row.device])
        comes_today = by_day is not None and expected_end(by_day, now) is not None
        prospect = by_day if comes_today else _prospect(services, session, row.device, ahead[row.device])
        found[row.id] = look_out(_circumstances(session, row), prospect, now)
    return found


def _circumstances(session: Session, row: Recording) -> Circumstances:
    device = session.get_one(Device, row.device)
    presence, health = session.get(Presence, row.device), session.get(Health, row.device)
    said = session.get(SpoolReportRow, row.device)
    disk = session.get(DiskState, THE_ROW)
    damaged = select(func.count()).where(Upload.recording == row.id, Upload.state == UploadState.QUARANTINED)
    away = presence.changed_at if presence and not presence.online else None
    if away and device.asked_at:
        away = max(away, device.asked_at)
    return Circumstances(
        state=device.state,
        server_full=bool(disk and disk.full_since),
        reasons=frozenset(health.reason.split("; ")) if health else frozenset(),
        away_since=away,
        part_quarantined=bool(session.scalar(damaged)),
        reason=said.reason if said else None,
    )


def _missing_bytes(services: Services, session: Session, row: Recording) -> int:
    """Give how much of what its manifest names is not held."""
    try:
        manifest = services.manifests.load(row.id, row.recorder_key)
    except FileNotFoundError:
        return 0
    held = held_indexes(session, row.id)
    expected = (manifest.expected(index) for index in range(len(manifest.segments) + 1) if index not in held)
    return sum(each[1] for each in expected if each)


def _prospect(services: Services, session: Session, device: str, ahead: int) -> Prospect | None:
    now, unit = services.clock(), session.get_one(Device, device)
    mine = select(Night).where(Night.site == unit.site, Night.closed_at.is_(None), Night.closes_at > now)
    night = session.scalars(mine.order_by(Night.day)).first()
    if night is None:
        return None
    said = session.get(SpoolReportRow, device)
    lease = lease_in_force(session, device, now)
    waiting = max(ahead, said.waiting_bytes if said else 0)
    return Prospect(
        ahead_bytes=ahead,
        waiting_bytes=waiting,
        rate_bps=lease.rate_bps if lease else 0,
        line_s=_line_bytes(session, now, waiting) * BITS / services.config.uploads.rate_bps,
        opens_at=night.opens_at,
        closes_at=night.closes_at,
    )


def _prospect_by_day(
    services: Services, session: Session, row: Recording, *, missing: int, ahead: int
) -> Prospect | None:
    """Give what is known of a recording that its owner needs today; None where that is not so, or cannot be.

    What others asked for is not looked at: an owner would read it out of the time.
    """
    now, needed = services.clock(), _needed(session, row, services.clock())
    if needed is Needed.NOT:
        return None
    unit, size = find_unit(services, session, row.device), missing if needed is Needed.FIRST else ahead
    if unit.not_today or not unit.by_day:
        return None
    opening, lease = unit.by_day[0], lease_in_force(session, row.device, now)
    return Prospect(
        ahead_bytes=size,
        waiting_bytes=size,
        rate_bps=lease.rate_bps if lease else 0,
        line_s=size * BITS / opening.rate_bps,
        opens_at=opening.begins_at,
        closes_at=opening.ends_at,
    )


class Needed(Enum):
    """Whether a recording comes by day: not, in its turn, or before all others of its unit."""

    NOT = 0
    IN_TURN = 1
    FIRST = 2


def _needed(session: Session, row: Recording, now: datetime) -> Needed:
    if today.holds(session, Wish(row.device, row.id, row.owner), now):
        return Needed.FIRST
    may = session.get_one(Device, row.device).sends_by_day
    asked = may or today.holds(session, Wish(row.device, WHOLE_UNIT, row.owner), now)
    return Needed.IN_TURN if asked else Needed.NOT


def _line_bytes(session: Session, now: datetime, own_bytes: int) -> int:
    """Give what the line is thought to carry until all is here; a sum of others only where they are enough."""
    rooms = session.scalar(select(func.count()).select_from(Device).where(Device.state.in_(DELIVERING))) or 1
    said = select(func.count(), func.sum(SpoolReportRow.waiting_bytes)).where(SpoolReportRow.received_at <= now)
    count, waiting = session.execute(said).one()
    return max(own_bytes, int(waiting or 0)) if count > FEWEST_ROOMS else own_bytes * rooms

"""What the scheduler knows at a tick, read from the database: units with their leases, and what their sites allow.

Only units that matter are read: those with bytes, with a lease, with one that was taken back just now, and those that
ask. Three queries, plain columns: ten thousand rows a tick. Decides nothing; that is controller/uploads/scheduler/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, case, func, or_, select
from sqlalchemy.orm import Session

from controller.calendar.policy import Open, Standing, standing
from controller.calendar.repo import read_calendar
from controller.config import Config
from controller.devices.models import Device, Presence
from controller.devices.policy import DELIVERING
from controller.uploads import today
from controller.uploads.models import LeaseRow, SpoolReportRow, Upload, UploadState
from controller.uploads.scheduler.measuring import MEASURED_OVER, NOT_MEASURED, measure
from controller.uploads.scheduler.plan import Running, SiteOpening, Unit
from protocol.schedule import OpeningKind

STILL_USED = timedelta(seconds=2)
"""How long bytes may still arrive by a rate that was lowered, or a lease that was taken back: the units' door asks
every half second what holds."""
UNKNOWN_BYTES = 700_000_000
"""What a unit counts with that asks and of which nobody knows how much waits: about one lesson."""


@dataclass(frozen=True)
class HeldLease:
    """The lease in force of a device, as its row says it."""

    id: str
    rate_bps: int
    begins_at: datetime
    ends_at: datetime
    rate_since: datetime
    earlier_bps: int
    earlier_until: datetime | None
    first: str | None


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A device, the newest fence and version that its leases had, and the one in force."""

    device: str
    fence: int
    version: int
    lease: HeldLease | None = None


@dataclass(frozen=True)
class Looked:
    """All that a tick decides by. `granted` counts every version of a lease that was ever signed for any device."""

    units: tuple[Unit, ...]
    holders: Mapping[str, Holder]
    reasons: Mapping[str, int]
    """What was written down for a unit's owner at the tick before; nothing of a unit that never said anything."""
    granted: int


def count_granted(session: Session) -> int:
    """Count the versions of leases that were signed; the number rises with every one."""
    return session.scalar(select(func.sum(Device.lease_version))) or 0


def look(session: Session, now: datetime, lease: timedelta) -> Looked:
    """Read what is known of units; `lease` is how long an asking counts."""
    granted = count_granted(session)
    rows = session.execute(_units(now, lease)).all()
    arrived, lately = _arrived(session), _arrived_lately(session, now)
    used, wishes = _still_used(session, now), today.wished(session, now)
    holders = {row.id: _holder(row) for row in rows}
    seen = _Seen(now, arrived, lately, used, wishes)
    return Looked(
        units=tuple(seen.describe(row, holders[row.id].lease) for row in rows),
        holders=holders,
        reasons={row.id: row.reason for row in rows if row.reason is not None},
        granted=granted,
    )


def _units(now: datetime, lease: timedelta) -> Any:
    """Select the units that matter, ordered by id: the allocation wants the same order at every tick."""
    online = func.coalesce(Presence.online, False)
    asked = and_(Device.asked_at.is_not(None), Device.asked_at > now - lease)
    not_heard = or_(~online, SpoolReportRow.received_at < now - 2 * lease)
    not_said = or_(SpoolReportRow.device.is_(None), and_(SpoolReportRow.received_at < Device.asked_at, not_heard))
    said = func.coalesce(SpoolReportRow.waiting_bytes, 0)
    waiting = case((and_(asked, not_said), UNKNOWN_BYTES), else_=said)
    recently = select(LeaseRow.device).where(LeaseRow.revoked_at > now - STILL_USED)
    return (
        select(
            Device.id,
            Device.site,
            Device.fence,
            Device.lease_version,
            Device.sends_by_day,
            and_(Device.state.in_(DELIVERING), or_(online, asked)).label("may_send"),
            waiting.label("waiting_bytes"),
            SpoolReportRow.due_bytes,
            SpoolReportRow.link_bps,
            SpoolReportRow.reason,
            LeaseRow.id.label("lease"),
            LeaseRow.rate_bps,
            LeaseRow.begins_at,
            LeaseRow.ends_at,
            LeaseRow.rate_since,
            LeaseRow.earlier_bps,
            LeaseRow.earlier_until,
            LeaseRow.first,
        )
        .outerjoin(Presence, Presence.device == Device.id)
        .outerjoin(SpoolReportRow, SpoolReportRow.device == Device.id)
        .outerjoin(LeaseRow, _in_force(now))
        .where(
            or_(
                and_(Device.state.in_(DELIVERING), waiting > 0),
                LeaseRow.id.is_not(None),
                SpoolReportRow.reason != 0,
                Device.id.in_(recently),
            )
        )
        .order_by(Device.id)
    )


def _in_force(now: datetime) -> Any:
    """Say which lease of a device is in force: under the newest fence, neither over nor taken back."""
    newest = and_(LeaseRow.device == Device.id, LeaseRow.fence == Device.fence)
    return and_(newest, LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)


def _holder(row: Row[Any]) -> Holder:
    lease = None
    if row.lease is not None:
        lease = HeldLease(
            row.lease,
            row.rate_bps,
            row.begins_at,
            row.ends_at,
            row.rate_since,
            row.earlier_bps,
            row.earlier_until,
            row.first,
        )
    return Holder(device=row.id, fence=row.fence, version=row.lease_version, lease=lease)


@dataclass(frozen=True)
class _Seen:
    """What belongs to a unit beside its own row, by device."""

    now: datetime
    arrived: Mapping[str, int]
    lately: Mapping[str, int]
    used: Mapping[str, int]
    wishes: Mapping[str, str | None]

    def describe(self, row: Row[Any], lease: HeldLease | None) -> Unit:
        """Give a unit as the scheduler knows it: what has arrived since it spoke waits no more."""
        waiting = max(0, row.waiting_bytes - self.arrived.get(row.id, 0))
        return Unit(
            device=row.id,
            site=row.site,
            waiting_bytes=waiting,
            due_bytes=min(row.due_bytes or 0, waiting),
            link_bps=row.link_bps or 0,
            measured_bps=self._measured(row.id, lease),
            by_day=bool(row.sends_by_day) or row.id in self.wishes,
            off_at_night=bool(row.sends_by_day) and row.id not in self.wishes,
            may_send=bool(row.may_send),
            first=self.wishes.get(row.id),
            running=Running(lease.id, lease.rate_bps, lease.ends_at, lease.first) if lease else None,
            counted_bps=max(counted_bps(lease, self.now), self.used.get(row.id, 0)),
        )

    def _measured(self, device: str, lease: HeldLease | None) -> int:
        if lease is None:
            return NOT_MEASURED
        held_for = self.now - lease.rate_since
        return measure(self.lately.get(device, 0), rate_bps=lease.rate_bps, held_for=held_for)


def counted_bps(lease: HeldLease | None, now: datetime) -> int:
    """Give the most at which bytes under a lease may arrive now, in bit/s: an older version's rate counts a while."""
    if lease is None:
        return 0
    older = lease.earlier_bps if lease.earlier_until and lease.earlier_until > now else 0
    return max(lease.rate_bps, older)


def _still_used(session: Session, now: datetime) -> dict[str, int]:
    """Give the rates of leases that were taken back just now, by device."""
    taken_back = select(LeaseRow.device, func.max(LeaseRow.rate_bps)).where(
        LeaseRow.revoked_at > now - STILL_USED, LeaseRow.ends_at > now
    )
    return {device: rate_bps for device, rate_bps in session.execute(taken_back.group_by(LeaseRow.device))}


def _arrived(session: Session) -> dict[str, int]:
    """Give the bytes of whole objects that came since each unit last said how much waits."""
    since = and_(Upload.device == SpoolReportRow.device, Upload.ended_at > SpoolReportRow.received_at)
    taken = select(Upload.device, func.sum(Upload.size_bytes)).join(SpoolReportRow, since)
    waiting = and_(Upload.state == UploadState.TAKEN_IN, SpoolReportRow.waiting_bytes > 0)
    return {device: size for device, size in session.execute(taken.where(waiting).group_by(Upload.device))}


def _arrived_lately(session: Session, now: datetime) -> dict[str, int]:
    """Give the bytes of whole objects of the last minute, by device, for those that have a lease."""
    lately = and_(Upload.device == LeaseRow.device, Upload.ended_at > now - MEASURED_OVER)
    taken = select(Upload.device, func.sum(Upload.size_bytes)).join(LeaseRow, lately)
    running = and_(LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)
    return {device: size for device, size in session.execute(taken.where(running).group_by(Upload.device))}


def open_sites(
    session: Session, config: Config, sites: Sequence[str] | set[str], now: datetime
) -> dict[str, SiteOpening]:
    """Give the openings that hold now, of those sites that are open."""
    held = read_standings_of(session, config, set(sites), now)
    return {
        site: SiteOpening(each.rate_bps, each.ends_at, each.kind is OpeningKind.TRICKLE)
        for site, each in held.items()
        if isinstance(each, Open)
    }


def read_standings_of(session: Session, config: Config, sites: set[str], now: datetime) -> dict[str, Standing]:
    """Give what holds at `now` for some sites."""
    calendar, zone = read_calendar(session, config, now), config.controller.time_zone
    return {site: standing(calendar.of(site), zone, now) for site in sites}

"""The tick: what is known of units and sites becomes leases, revocations, and a reason for every owner to read.

Looks, decides and signs without a lock, then writes everything in one short transaction, so that a process that is
killed leaves nothing or all of it. Two that tick at once grant nothing twice. See docs/adr/0029-leases-at-a-tick.md.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from controller.disk import services as disk
from controller.disk.policy import Ask, Room, admit, promise_of, time_for
from controller.services import Services
from controller.uploads import repo
from controller.uploads.issuing import Signed, revoke_leases, sign_leases, write_leases
from controller.uploads.looking import Holder, Looked, count_granted, look, open_sites
from controller.uploads.models import SpoolReportRow
from controller.uploads.scheduler.plan import AT_A_TIME, Grant, Limits, Plan, plan_leases

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tick:
    """One tick that has been decided: what it saw, what it does, and the room that is left on the disk."""

    now: datetime
    looked: Looked
    plan: Plan
    room: Room

    @property
    def revoked(self) -> list[Holder]:
        """Give those whose lease is taken back."""
        over = set(self.plan.revocations)
        return [holder for holder in self.looked.holders.values() if holder.lease and holder.lease.id in over]

    @property
    def granted(self) -> list[tuple[Holder, Grant]]:
        """Give the grants with what their devices hold."""
        return [(self.looked.holders[grant.device], grant) for grant in self.plan.grants]


def tick(services: Services) -> Plan:
    """Plan leases by what is known now, and perform the plan; tell what was done."""
    decided = decide(services)
    signed = sign_leases(services, decided.granted, decided.now)
    return perform(services, decided, signed)


def decide(services: Services) -> Tick:
    """Look and decide; writes nothing."""
    now, uploads = services.clock(), services.config.uploads
    lease = timedelta(seconds=uploads.lease_s)
    with services.database.reading() as session:
        looked = look(session, now, lease)
        sites = open_sites(session, services.config, {unit.site for unit in looked.units}, now)
        room = disk.look(services, session, now)
    at_a_time = min(AT_A_TIME, services.config.units.threads * 4 // 5)  # each body holds a thread
    limits = Limits(sites, uploads.rate_bps, lease, _tick(services), not room.is_overdrawn, at_a_time)
    plan = plan_leases(now, looked.units, limits)
    room, granted = _fit(room, plan.grants, looked.holders, now=now, least=2 * _tick(services))
    return Tick(now, looked, replace(plan, grants=granted), room)


def perform(services: Services, decided: Tick, signed: Sequence[Signed]) -> Plan:
    """Write what was decided and signed: taken back first, then granted. Nothing where somebody granted meanwhile."""
    now = decided.now
    with services.database.writing() as session:
        if count_granted(session) != decided.looked.granted:
            log.warning("leases were granted by another process meanwhile: nothing is done at this tick")
            return Plan((), ())
        revoke_leases(session, decided.revoked, now)
        written = {each.device for each in write_leases(session, signed, now)}
        _note_reasons(session, decided)
        disk.remember(session, decided.room, now)
    return replace(decided.plan, grants=tuple(grant for grant in decided.plan.grants if grant.device in written))


def _note_reasons(session: Session, decided: Tick) -> None:
    """Keep for each unit's owner why it sends or waits, where that has changed."""
    held = decided.looked.reasons
    changed = [
        {"device": unit.device, "reason": reason}
        for unit, reason in zip(decided.looked.units, decided.plan.reasons, strict=True)
        if held.get(unit.device, reason) != reason
    ]
    if changed:
        session.execute(update(SpoolReportRow), changed)


def _tick(services: Services) -> timedelta:
    return timedelta(seconds=services.config.uploads.tick_s)


def _fit(
    room: Room, grants: Sequence[Grant], holders: Mapping[str, Holder], *, now: datetime, least: timedelta
) -> tuple[Room, tuple[Grant, ...]]:
    """Shorten grants to what the disk has room for, and leave out those that would be shorter than `least`."""
    asks = [
        Ask(
            promise_bytes=promise_of(grant.rate_bps, ends_at=grant.ends_at, now=now),
            held_bytes=_promised(holders[grant.device], now),
            least_bytes=promise_of(grant.rate_bps, ends_at=now + least, now=now),
        )
        for grant in grants
    ]
    room, shares = admit(room, asks)
    fitted = zip(grants, asks, shares, strict=True)
    return room, tuple(
        replace(grant, ends_at=now + time_for(share, grant.rate_bps)) if share < ask.promise_bytes else grant
        for grant, ask, share in fitted
        if share > 0
    )


def _promised(holder: Holder, now: datetime) -> int:
    lease = holder.lease
    return promise_of(lease.rate_bps, ends_at=lease.ends_at, now=now) if lease else 0


def current_line(session: Session, device: str, now: datetime) -> bytes | None:
    """Give the signed line of the lease in force, or None."""
    row = repo.lease_in_force(session, device, now)
    return row.line if row else None

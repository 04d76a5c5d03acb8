"""Leases performed: what the scheduler planned becomes rows, signed documents and messages, in one transaction.

A renewal and another rate are newer versions of the same lease under the same fence, so that running requests go on.
Another lease of a device has a higher fence, and a revocation takes a fence as well: whoever still shows the older one
is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices.models import Device
from controller.disk import services as disk
from controller.disk.policy import Ask, Room, admit, promise_of, time_for
from controller.services import Services
from controller.uploads import repo
from controller.uploads.models import LeaseRow
from controller.uploads.scheduler.plan import Grant, Limits, Plan, Running, Waiting, plan_leases
from protocol.documents import Lease, issue_document
from protocol.topics import Down


def tick(services: Services) -> Plan:
    """Plan leases by what is known now, and perform the plan; tell what was done."""
    now = services.clock()
    with services.database.writing() as session:
        room = disk.look(services, session, now)
        limits = _limits(services, now, room)
        running = [Running(row.device, row.id, row.rate_bps, row.ends_at) for row in repo.leases_in_force(session, now)]
        waiting = _waiting(session, now, limits.lease)
        plan = plan_leases(now, waiting, running, limits)
        for lease in plan.revocations:
            revoke(session, session.get_one(LeaseRow, lease), now)
        room, granted = _fit(room, plan.grants, running, now=now, least=2 * _tick(services))
        for grant in granted:
            issue_lease(services, session, grant)
        disk.remember(session, room, now)
    return Plan(granted, plan.revocations)


def _tick(services: Services) -> timedelta:
    return timedelta(seconds=services.config.uploads.tick_s)


def _fit(
    room: Room, grants: Sequence[Grant], running: Sequence[Running], *, now: datetime, least: timedelta
) -> tuple[Room, tuple[Grant, ...]]:
    """Shorten grants to what the disk has room for, and leave out those that would be shorter than `least`."""
    held = {lease.device: promise_of(lease.rate_bps, ends_at=lease.ends_at, now=now) for lease in running}
    asks = [
        Ask(
            promise_bytes=promise_of(grant.rate_bps, ends_at=grant.ends_at, now=now),
            held_bytes=held.get(grant.device, 0),
            least_bytes=promise_of(grant.rate_bps, ends_at=now + least, now=now),
        )
        for grant in grants
    ]
    room, shares = admit(room, asks)
    fitted = zip(grants, shares, strict=True)
    return room, tuple(
        replace(grant, ends_at=min(grant.ends_at, now + time_for(share, grant.rate_bps)))
        for grant, share in fitted
        if share > 0
    )


def _waiting(session: Session, now: datetime, lease: timedelta) -> list[Waiting]:
    """Give who said that bytes wait, and who asks while nothing is heard of it: what waits there is not known."""
    said = [
        Waiting(row.device, row.waiting_bytes, row.waiting_since or row.said_at)
        for row in repo.waiting_units(session, asked_after=now - lease)
    ]
    known = {unit.device for unit in said}
    asking = repo.asking_units(session, asked_after=now - lease, said_before=now - 2 * lease)
    return [*said, *(Waiting(row.id, 0, row.asked_at or now) for row in asking if row.id not in known)]


def _limits(services: Services, now: datetime, room: Room) -> Limits:
    uploads = services.config.uploads
    return Limits(
        span=uploads.window.span_at(now, services.config.controller.time_zone),
        rate_bps=uploads.rate_bps,
        lease=timedelta(seconds=uploads.lease_s),
        has_room=not room.is_overdrawn,
    )


def issue_lease(services: Services, session: Session, grant: Grant) -> LeaseRow:
    """Sign a lease, and put it into the outbox; call inside a writing session.

    A device that has a lease keeps it with its fence, and gets a newer version of it: what it is sending goes on at the
    new rate and to the new end. Only a lease that would end *earlier* is another one, with a fence of its own, because
    whoever shows an older version is let in until that one's end.
    """
    device = session.get_one(Device, grant.device, with_for_update=True)
    now = services.clock()
    row = repo.lease_in_force(session, device.id, now)
    if row is None or grant.ends_at < row.ends_at:
        row = _begin_lease(services, session, device, replaced=row)
        row.begins_at, row.granted_at = grant.begins_at, now
    device.lease_version += 1
    row.version, row.rate_bps, row.ends_at, row.first = device.lease_version, grant.rate_bps, grant.ends_at, grant.first
    row.line = issue_document(_describe(row, services.config.controller.generation, now), services.keys.lease)
    session.add(row)
    session.flush()
    outbox.enqueue(session, device=device.id, kind=Down.LEASE, line=row.line, now=now)
    return row


def _begin_lease(services: Services, session: Session, device: Device, *, replaced: LeaseRow | None) -> LeaseRow:
    """Make the row of another lease under the device's next fence."""
    device.fence += 1
    if replaced:
        replaced.revoked_at = services.clock()
    return LeaseRow(id=services.new_id(), device=device.id, fence=device.fence)


def _describe(row: LeaseRow, generation: int, now: datetime) -> Lease:
    return Lease(
        generation=generation,
        version=row.version,
        issued_at=now,
        expires_at=row.ends_at,
        device=row.device,
        lease=row.id,
        fence=row.fence,
        rate_bps=row.rate_bps,
        not_before=row.begins_at,
        first=row.first,
    )


def revoke(session: Session, row: LeaseRow, now: datetime) -> None:
    """Take a lease back: from now on its fence is too old."""
    row.revoked_at = now
    session.get_one(Device, row.device, with_for_update=True).fence += 1


def current_line(session: Session, device: str, now: datetime) -> bytes | None:
    """Give the signed line of the lease in force, or None."""
    row = repo.lease_in_force(session, device, now)
    return row.line if row else None

"""Leases signed and written: first signed, which takes its time and no lock, then all rows in one short transaction.

A renewal and another rate are newer versions of the same lease under the same fence, so that running requests go on.
Another lease of a device has a higher fence, and a revocation takes a fence as well: whoever still shows the older one
is refused. What somebody changed between looking and writing is left as it is. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from controller.bridge.models import Outbox
from controller.devices.models import Device
from controller.devices.policy import DELIVERING
from controller.services import Services
from controller.uploads.looking import STILL_USED, HeldLease, Holder, counted_bps
from controller.uploads.models import LeaseRow
from controller.uploads.scheduler.measuring import GREW
from controller.uploads.scheduler.plan import Grant
from protocol.documents import Lease, issue_document
from protocol.topics import Down, down_topic


@dataclass(frozen=True)
class Signed:
    """A version of a lease: its row, what was known of its device when it was signed, and whether the row is new."""

    row: Mapping[str, Any]
    seen: Holder
    is_new: bool

    @property
    def device(self) -> str:
        """Give the device."""
        return self.seen.device


def sign_leases(services: Services, grants: Iterable[tuple[Holder, Grant]], now: datetime) -> list[Signed]:
    """Sign a version of a lease for each grant; touches no database."""
    key, generation = services.keys.lease, services.config.controller.generation
    signed = []
    for holder, grant in grants:
        row, is_new = _prepare(services, holder, grant, now)
        row["line"] = issue_document(_describe(row, generation, now), key)
        signed.append(Signed(row, holder, is_new))
    return signed


def _prepare(services: Services, holder: Holder, grant: Grant, now: datetime) -> tuple[dict[str, Any], bool]:
    """Make the row: the running lease goes on, unless it would have to end *earlier* than was said.

    Whoever shows an older version is let in until that one's end; so a shorter lease is another one.
    """
    held = holder.lease
    row = {"device": holder.device, "version": holder.version + 1, "rate_bps": grant.rate_bps, "first": grant.first}
    row |= {"ends_at": grant.ends_at, **_rates(held, grant, now)}
    if held and grant.ends_at >= held.ends_at:
        return {**row, "id": held.id, "fence": holder.fence, "begins_at": held.begins_at}, False
    began = {"id": services.new_id(), "fence": holder.fence + 1, "begins_at": grant.begins_at, "granted_at": now}
    return {**row, **began}, True


def _rates(held: HeldLease | None, grant: Grant, now: datetime) -> dict[str, Any]:
    """Give since when it has its rate, and the higher one of before for as long as bytes may arrive by it."""
    if held is None:
        return {"rate_since": now, "earlier_bps": 0, "earlier_until": None}
    counted, grew = counted_bps(held, now), grant.rate_bps > held.rate_bps * GREW
    is_lower = grant.rate_bps < counted
    until = now + STILL_USED if grant.rate_bps < held.rate_bps else held.earlier_until
    return {
        "rate_since": now if grew else held.rate_since,
        "earlier_bps": counted if is_lower else 0,
        "earlier_until": until if is_lower else None,
    }


def _describe(row: Mapping[str, Any], generation: int, now: datetime) -> Lease:
    return Lease(
        generation=generation,
        version=row["version"],
        issued_at=now,
        expires_at=row["ends_at"],
        device=row["device"],
        lease=row["id"],
        fence=row["fence"],
        rate_bps=row["rate_bps"],
        not_before=row["begins_at"],
        first=row["first"],
    )


def write_leases(session: Session, signed: Sequence[Signed], now: datetime) -> list[Signed]:
    """Write leases and put them into the outbox, in their order; call inside a writing session. Give what was written.

    A device that was changed since it was looked at gets nothing: its fence or version is another, or it may not
    deliver any more.
    """
    standing = _standing(session, [each.device for each in signed])
    written = [each for each in signed if standing.get(each.device) == (each.seen.fence, each.seen.version)]
    begun, renewed = [each for each in written if each.is_new], [each for each in written if not each.is_new]
    _take_back(session, [each.seen.lease.id for each in begun if each.seen.lease], now)
    _write(session, update(Device), [_of_device(each.row) for each in written])
    _write(session, insert(LeaseRow), [each.row for each in begun])
    _write(session, update(LeaseRow), [each.row for each in renewed])
    _write(session, insert(Outbox), [_of_outbox(each.row, now) for each in written])
    return written


def _write(session: Session, statement: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        session.execute(statement, rows)


def _of_device(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["device"], "fence": row["fence"], "lease_version": row["version"]}


def _of_outbox(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    topic = down_topic(row["device"], Down.LEASE)
    return {"topic": topic, "payload": row["line"], "retain": False, "made_at": now}


def _standing(session: Session, devices: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Give fence and version of those that may deliver now."""
    known = select(Device.id, Device.fence, Device.lease_version).where(
        Device.id.in_(devices), Device.state.in_(DELIVERING)
    )
    found = session.execute(known.with_for_update()) if devices else ()
    return {device: (fence, version) for device, fence, version in found}


def revoke_leases(session: Session, holders: Collection[Holder], now: datetime) -> None:
    """Take leases back: from now on their fences are too old. Call inside a writing session."""
    _take_back(session, [holder.lease.id for holder in holders if holder.lease], now)
    raised = update(Device).values(fence=Device.fence + 1)
    for holder in holders:
        session.execute(raised.where(Device.id == holder.device, Device.fence == holder.fence))


def _take_back(session: Session, leases: Sequence[str], now: datetime) -> None:
    if leases:
        over = update(LeaseRow).where(LeaseRow.id.in_(leases), LeaseRow.revoked_at.is_(None))
        session.execute(over.values(revoked_at=now))

"""A lease for a test, granted as a tick grants it: signed, written, and put into the outbox."""

from __future__ import annotations

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.services import Services
from controller.uploads import repo
from controller.uploads.issuing import revoke_leases, sign_leases, write_leases
from controller.uploads.looking import HeldLease, Holder
from controller.uploads.models import LeaseRow
from controller.uploads.scheduler.plan import Grant


def holder_of(services: Services, session: Session, device: str) -> Holder:
    """Give what a device holds now."""
    row = session.get_one(Device, device)
    session.refresh(row)
    held = repo.lease_in_force(session, device, services.clock())
    names = HeldLease.__dataclass_fields__
    lease = HeldLease(**{name: getattr(held, name) for name in names}) if held else None
    return Holder(device=device, fence=row.fence, version=row.lease_version, lease=lease)


def issue_lease(services: Services, session: Session, grant: Grant) -> LeaseRow:
    """Grant a lease; call inside a writing session."""
    now = services.clock()
    signed = sign_leases(services, [(holder_of(services, session, grant.device), grant)], now)
    (written,) = write_leases(session, signed, now)
    _forget(session)
    return session.get_one(LeaseRow, written.row["id"])


def revoke(services: Services, session: Session, device: str) -> None:
    """Take a device's lease back; call inside a writing session."""
    revoke_leases(session, [holder_of(services, session, device)], services.clock())
    _forget(session)


def _forget(session: Session) -> None:
    """Let the session read anew what was written past it."""
    for row in session.identity_map.values():
        if inspect(row).persistent:
            session.expire(row)

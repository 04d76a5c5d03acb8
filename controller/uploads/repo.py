"""Reading and writing the tables of the way in. Every function takes the session."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, and_, bindparam, delete, insert, select
from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.devices.policy import DELIVERING
from controller.uploads.models import LeaseRow, Upload, UploadState
from controller.uploads.policy import Standing

_UPLOAD = cast("Table", Upload.__table__)
_ENDED = select(_UPLOAD.c.id).where(_UPLOAD.c.id == bindparam("upload"))
_STANDING = (
    select(
        Device.id,
        Device.state,
        Device.fence,
        LeaseRow.version,
        LeaseRow.rate_bps,
        LeaseRow.ends_at,
        LeaseRow.revoked_at,
    )
    .outerjoin(LeaseRow, and_(LeaseRow.device == Device.id, LeaseRow.fence == Device.fence))
    .where(Device.id.in_(bindparam("devices", expanding=True)))
    .order_by(Device.id, LeaseRow.version)
)


def find_standings(session: Session, devices: Collection[str]) -> dict[str, Standing]:
    """Tell of each device whether it may deliver, its newest fence, and the newest lease under that fence."""
    return {
        device: Standing(
            delivers=state in DELIVERING,
            fence=fence,
            version=None if revoked_at else version,
            rate_bps=None if revoked_at else rate_bps,
            ends_at=None if revoked_at else ends_at,
        )
        for device, state, fence, version, rate_bps, ends_at, revoked_at in session.execute(
            _STANDING, {"devices": sorted(devices)}
        )
    }


def lease_in_force(session: Session, device: str, now: datetime) -> LeaseRow | None:
    """Give the device's lease that is neither over nor revoked; there is at most one, under the newest fence."""
    mine = select(LeaseRow).join(Device, Device.id == LeaseRow.device).where(LeaseRow.device == device)
    standing = mine.where(LeaseRow.fence == Device.fence, LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)
    return session.scalars(standing).first()


def leases_in_force(session: Session, now: datetime) -> Sequence[LeaseRow]:
    """Give all leases in force."""
    running = select(LeaseRow).join(Device, Device.id == LeaseRow.device)
    newest = LeaseRow.fence == Device.fence
    return session.scalars(running.where(newest, LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)).all()


def promises(session: Session, now: datetime) -> Sequence[tuple[int, datetime]]:
    """Give rate (bit/s) and end of all leases in force."""
    running = select(LeaseRow.rate_bps, LeaseRow.ends_at).join(Device, Device.id == LeaseRow.device)
    standing = running.where(LeaseRow.fence == Device.fence, LeaseRow.revoked_at.is_(None), LeaseRow.ends_at > now)
    return [(rate_bps, ends_at) for rate_bps, ends_at in session.execute(standing)]


def forget_leases(session: Session, before: datetime) -> None:
    """Remove the rows of leases that ended before an instant; the newest fence stands at the device."""
    session.execute(delete(LeaseRow).where(LeaseRow.ends_at < before))


def find_upload(session: Session, upload: str, device: str) -> Upload | None:
    """Give an upload of this device that has ended; for every other device it does not exist."""
    row = session.get(Upload, upload)
    return row if row and row.device == device else None


def add_ended(session: Session, upload: Upload) -> None:
    """Write down how an upload ended; one that a killed process had written down already stays."""
    names = ("id", "device", "recording", "object_index", "size_bytes", "state", "ended_at", "detail")
    if session.execute(_ENDED, {"upload": upload.id}).first() is None:
        session.execute(insert(_UPLOAD), {name: getattr(upload, name) for name in names})


def forget_ended(session: Session, state: UploadState, before: datetime) -> None:
    """Remove the rows of uploads that ended so before an instant."""
    session.execute(delete(Upload).where(Upload.state == state, Upload.ended_at < before))

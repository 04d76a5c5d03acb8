"""Tables of the units: the device itself, its presence, its health.

A device belongs to one person (`owner`, an account's id). What IT reads of a device never tells how often it records.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import DIGEST_CHARS, ID_CHARS, Base


class Device(Base):
    """A unit that was added, with the keys that it is known by and the newest policy that was issued to it."""

    __tablename__ = "device"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    label: Mapped[str] = mapped_column(String(120))
    owner: Mapped[str] = mapped_column(String(ID_CHARS), index=True)
    recorder_key: Mapped[str] = mapped_column(String(64))
    certificate_digest: Mapped[str] = mapped_column(String(DIGEST_CHARS))
    certificate_ends_at: Mapped[datetime]
    added_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    policy_version: Mapped[int] = mapped_column(default=0)
    policy_line: Mapped[bytes | None] = mapped_column(LargeBinary)
    policy_ends_at: Mapped[datetime | None]
    room: Mapped[str | None] = mapped_column(Text)
    """JSON: the tables of its device.toml that its room card speaks of, as they were when it was prepared."""
    fence: Mapped[int] = mapped_column(default=0)
    """The newest fence that was given to a lease of this device."""
    receipt_version: Mapped[int] = mapped_column(default=0)
    """The newest version that was given to a receipt of this device, so that an acknowledgement names one receipt."""
    asked_at: Mapped[datetime | None]
    """When it last asked over HTTPS for a lease that there was not; it asks whether or not something waits."""


class Presence(Base):
    """Reachable or not, as the newest birth or its will says."""

    __tablename__ = "presence"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    birth: Mapped[int]
    online: Mapped[bool]
    version: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime]


class Health(Base):
    """Fit or unfit and why, as the unit said last."""

    __tablename__ = "health"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    fit: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    school_days_left: Mapped[int | None]
    said_at: Mapped[datetime]
    received_at: Mapped[datetime]

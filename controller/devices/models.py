"""Tables of the units: the device itself, its presence, its health.

A device belongs to one person (`owner`, an account's id). What IT reads of a device never tells how often it records.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import DIGEST_CHARS, ID_CHARS, Base, ChoiceType


class DeviceState(StrEnum):
    """Where a unit stands in its life; controller/devices/policy.py says what each may."""

    PENDING = "pending"
    ACTIVE = "active"
    QUARANTINED = "quarantined"
    RETIRED = "retired"
    LOST = "lost"
    REMOVED = "removed"
    """Prepared in vain: it never joined, and its row stays for its history alone."""


LIVING = (DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.QUARANTINED)
"""Units that the school still counts as its own."""


class Device(Base):
    """A unit that was added, with the keys that it is known by and the newest policy that was issued to it."""

    __tablename__ = "device"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    label: Mapped[str] = mapped_column(String(120))
    owner: Mapped[str] = mapped_column(String(ID_CHARS), index=True)
    state: Mapped[DeviceState] = mapped_column(ChoiceType(DeviceState), index=True)
    state_reason: Mapped[str] = mapped_column(String(200), default="")
    site: Mapped[str] = mapped_column(String(80), default="")
    room_name: Mapped[str] = mapped_column(String(120), default="")
    tags: Mapped[str] = mapped_column(Text, default="[]")
    """JSON: a list of short texts."""
    model: Mapped[str] = mapped_column(String(120), default="")
    serial: Mapped[str] = mapped_column(String(64), default="")
    software: Mapped[str] = mapped_column(String(64), default="")
    abilities: Mapped[str] = mapped_column(String(400), default="", server_default="")
    """What its release can, as it said last (protocol.abilities)."""
    recorder_key: Mapped[str | None] = mapped_column(String(64))
    """The key that signs its manifests; None until it has enrolled."""
    added_at: Mapped[datetime]
    policy_version: Mapped[int] = mapped_column(default=0)
    policy_line: Mapped[bytes | None] = mapped_column(LargeBinary)
    policy_ends_at: Mapped[datetime | None]
    policy_basis: Mapped[str] = mapped_column(String(DIGEST_CHARS), default="")
    """A digest of what its policy says; another one says that it is due."""
    card: Mapped[str | None] = mapped_column(Text)
    """JSON: the tables of its device.toml that its room card speaks of, as they were when it was prepared."""
    fence: Mapped[int] = mapped_column(default=0)
    """The newest fence that was given to a lease of this device."""
    lease_version: Mapped[int] = mapped_column(default=0)
    """The newest version of its leases; a renewal counts it on, while lease and fence stay."""
    receipt_version: Mapped[int] = mapped_column(default=0)
    """The newest version that was given to a receipt of this device, so that an acknowledgement names one receipt."""
    sends_by_day: Mapped[bool] = mapped_column(default=False)
    """Its room is without power in the evening: it may send in the daytime allowance of its site."""
    schedule_version: Mapped[int] = mapped_column(default=0)
    schedule_line: Mapped[bytes | None] = mapped_column(LargeBinary)
    schedule_ends_at: Mapped[datetime | None]
    schedule_basis: Mapped[str] = mapped_column(String(DIGEST_CHARS), default="")
    """A digest of what its schedule was made from; another one says that it is due."""
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


class DeviceEvent(Base):
    """One line of a unit's history, which IT reads: what was done to it and by whom, never what it recorded."""

    __tablename__ = "device_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(ID_CHARS))
    """An account's id, `unit` or `operator`."""
    detail: Mapped[str] = mapped_column(Text, default="")


class UnitCounter(Base):
    """The highest counters that a unit ever said; a lower one means that its card is an old one."""

    __tablename__ = "unit_counter"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    birth: Mapped[int] = mapped_column(BigInteger)
    boots: Mapped[int] = mapped_column(BigInteger)
    boot: Mapped[str] = mapped_column(String(64))
    """The id of the start that counted so far."""
    noted_at: Mapped[datetime]


class UnitCommand(Base):
    """The newest command to a unit for one task, as it was signed."""

    __tablename__ = "unit_command"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    task: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int]
    line: Mapped[bytes] = mapped_column(LargeBinary)
    ends_at: Mapped[datetime]


class KeyedRequest(Base):
    """What a program asked for under an `Idempotency-Key` of its own, and the answer that it got."""

    __tablename__ = "keyed_request"

    account: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    asked: Mapped[str] = mapped_column(String(64))
    """SHA-256 of address and body, by which another request under the same key is known."""
    at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int | None]
    """None while it is being done, and for ever where the server was killed in the midst of it."""
    answer: Mapped[str | None] = mapped_column(Text)

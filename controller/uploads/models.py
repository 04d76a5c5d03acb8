"""Tables of the way in: uploads that ended, leases, and what units said of their spools."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base, ChoiceType


class UploadState(StrEnum):
    """How an upload ended. Quarantined ones keep their file and their row."""

    TAKEN_IN = "taken_in"
    QUARANTINED = "quarantined"


class Upload(Base):
    """One tus upload of one object that has ended; those that still arrive are known by the store of incoming files."""

    __tablename__ = "upload"
    __table_args__ = (Index(None, "recording", "object_index"), Index(None, "device", "ended_at"))

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"))
    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"))
    object_index: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[UploadState] = mapped_column(ChoiceType(UploadState))
    ended_at: Mapped[datetime]
    detail: Mapped[str] = mapped_column(Text, default="")
    """Why the upload was quarantined."""


class LeaseRow(Base):
    """A lease as its newest version says it; the one in force has the device's newest fence and is not over."""

    __tablename__ = "lease"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), index=True)
    fence: Mapped[int]
    version: Mapped[int]
    rate_bps: Mapped[int] = mapped_column(BigInteger)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    granted_at: Mapped[datetime]
    """When its first version was signed."""
    rate_since: Mapped[datetime]
    """Since when it has had about its present rate; what arrives is measured against the lease from then on."""
    earlier_bps: Mapped[int] = mapped_column(BigInteger, default=0)
    """The higher rate of an older version, by which bytes may still arrive until `earlier_until`."""
    earlier_until: Mapped[datetime | None]
    first: Mapped[str | None] = mapped_column(String(ID_CHARS))
    revoked_at: Mapped[datetime | None] = mapped_column(index=True)
    line: Mapped[bytes] = mapped_column(LargeBinary)


class TodayWish(Base):
    """A lesson is needed today: its unit may send by day, within the allowance of its site.

    Only who asked sees it. Without a `recording` everything that waits on the unit is meant.
    """

    __tablename__ = "today_wish"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    recording: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True, default="")
    asked_by: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    asked_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)


class SpoolReportRow(Base):
    """How many bytes wait on a unit, as it said last; for the scheduler alone."""

    __tablename__ = "spool_report"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    waiting_bytes: Mapped[int] = mapped_column(BigInteger)
    due_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """How much of it must leave before the next school day."""
    measured_bps: Mapped[int] = mapped_column(BigInteger, default=0)
    link_bps: Mapped[int] = mapped_column(BigInteger, default=0)
    oldest_at: Mapped[datetime | None]
    waiting_since: Mapped[datetime | None]
    """When the unit was first seen waiting; first come, first served goes by it."""
    said_at: Mapped[datetime]
    received_at: Mapped[datetime]
    reason: Mapped[int] = mapped_column(default=0)
    """Why it sends or waits, a `scheduler.fleet.Reason` of the newest tick; for its owner to read."""

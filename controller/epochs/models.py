"""Tables of the epochs: when each was, what each unit signed that it holds, who waived a silent one, what has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base

EPOCH_CHARS = 64


class Epoch(Base):
    """An epoch that a list of recipients named: newer lists need not name it any more."""

    __tablename__ = "epoch"

    name: Mapped[str] = mapped_column(String(EPOCH_CHARS), primary_key=True)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class EpochStatement(Base):
    """The newest statement of a unit's recorder: the epochs to which something in its spool is sealed."""

    __tablename__ = "epoch_statement"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    line: Mapped[bytes] = mapped_column(LargeBinary)
    """As it came (protocol.epochs): what it names is read there."""
    counter: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]


class EpochWaiver(Base):
    """A named person let an epoch end without a silent unit, having read what would be lost."""

    __tablename__ = "epoch_waiver"

    epoch: Mapped[str] = mapped_column(String(EPOCH_CHARS), primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    by: Mapped[str] = mapped_column(String(ID_CHARS))
    at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    would_lose: Mapped[str] = mapped_column(Text)


class EpochEnd(Base):
    """An epoch whose identity is destroyed, or is being destroyed since `begun_at`."""

    __tablename__ = "epoch_end"

    epoch: Mapped[str] = mapped_column(String(EPOCH_CHARS), primary_key=True)
    begun_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

"""Tables of the epochs: what each unit signed that it holds, who waived a silent one, what has ended."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base

EPOCH_CHARS = 64


class EpochStatement(Base):
    """The newest statement of a unit's recorder: the epochs to which something in its spool is sealed."""

    __tablename__ = "epoch_statement"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    line: Mapped[bytes] = mapped_column(LargeBinary)
    counter: Mapped[int]
    said_at: Mapped[datetime]
    epochs: Mapped[str] = mapped_column(Text)
    """JSON: a list of names."""
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

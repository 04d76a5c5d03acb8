"""Tables of claims: recordings that nobody owns, who said that they taught, what was said, and when nothing ran.

A recording's own row says how it stands (`Recording.ownership`). `ownership_event` is the history that nothing
overwrites; people are opaque account ids in all of them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.claims.policy import Said
from controller.db import ID_CHARS, Base, ChoiceType

THE_ROW = 1


class Unclaimed(Base):
    """One recording that nobody owns: since when it waits, and whom its manifest names."""

    __tablename__ = "unclaimed"

    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"), primary_key=True)
    since: Mapped[datetime]
    named: Mapped[str] = mapped_column(String(ID_CHARS))
    """The account that its manifest names: it may have answered in a hurry, or stand in no timetable."""


class ClaimState(StrEnum):
    """How a claim stands: it waits for a second person, was vouched for, was refused, or needed nobody."""

    WAITING = "waiting"
    VOUCHED = "vouched"
    REFUSED = "refused"
    ALONE = "alone"


class Claim(Base):
    """Somebody's word that they taught in a room at a time. Whether it fits a recording no second person learns."""

    __tablename__ = "claim"
    __table_args__ = (Index(None, "claimant", "said_at"), Index(None, "state"))

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    claimant: Mapped[str] = mapped_column(String(ID_CHARS))
    room: Mapped[str | None] = mapped_column(ForeignKey("room.id"))
    """None for a room that is not listed."""
    lesson_at: Mapped[datetime]
    """The time that they named, within the lesson."""
    said_at: Mapped[datetime]
    state: Mapped[ClaimState] = mapped_column(ChoiceType(ClaimState))
    recording: Mapped[str | None] = mapped_column(ForeignKey("recording.id"), index=True)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(ID_CHARS))


class OwnershipEvent(Base):
    """One line of a recording's history: what was said of it, when, and by which account (None: by nobody)."""

    __tablename__ = "ownership_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    recording: Mapped[str] = mapped_column(ForeignKey("recording.id"), index=True)
    said: Mapped[Said] = mapped_column(ChoiceType(Said))
    by: Mapped[str | None] = mapped_column(String(ID_CHARS))
    at: Mapped[datetime]


class Heartbeat(Base):
    """When the jobs last looked. It has one row, `THE_ROW`, from the first look on."""

    __tablename__ = "heartbeat"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]


class Standstill(Base):
    """A stretch in which the controller was down: people's deadlines stand still."""

    __tablename__ = "standstill"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)

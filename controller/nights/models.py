"""Tables of the nights: how the school's line was used, what a night was expected to be, and how each unit fared.

Of a unit only the newest night is kept, and nobody is shown its bytes: a history of them would tell how often a room
records (promise P7).
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.calendar.models import SITE_CHARS
from controller.db import Base, ChoiceType


class LineUse(Base):
    """Bytes that were taken from the units of a site in one slot of five minutes."""

    __tablename__ = "line_use"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    slot_at: Mapped[datetime] = mapped_column(primary_key=True)
    taken_bytes: Mapped[int] = mapped_column(BigInteger)
    cap_bps: Mapped[int] = mapped_column(BigInteger)
    """What the site was allowed in that slot."""


class Night(Base):
    """One night of one site, by the local date on which it opened. Its figures are shown of its part alone."""

    __tablename__ = "night"

    site: Mapped[str] = mapped_column(String(SITE_CHARS), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    part: Mapped[str | None] = mapped_column(String(SITE_CHARS))
    """The first site of the part in which its sums are shown; None: they are not shown."""
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    rooms: Mapped[int]
    """Units that counted in it, whether or not they had anything."""
    planned_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    due_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    planned_at: Mapped[datetime | None]
    """When five rooms of its part had last said anew what waits there."""
    expected_end_at: Mapped[datetime | None]
    """Of the whole part; None where not everything fits, or nothing is known yet."""
    taken_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    left_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    unusable: Mapped[int] = mapped_column(default=0)
    """Recordings of which something came and which nobody can watch, or that have no sound."""
    told_sending: Mapped[int] = mapped_column(default=0)
    told_due_first: Mapped[int] = mapped_column(default=0)
    told_turn: Mapped[int] = mapped_column(default=0)
    """How many rooms of the whole part are told to send or wait, in fives, while it runs; `reasons.py` keeps them."""
    ended_at: Mapped[datetime | None]
    """When its last byte had come; None where none came."""
    closed_at: Mapped[datetime | None]
    """When it was written down what became of it."""


class Outcome(StrEnum):
    """How the newest night went for a unit, out of what IT reads of it anyway: a fault, or none that is known."""

    NORMAL = "normal"
    UNREACHABLE = "unreachable"
    CUT_OFF = "cut_off"
    QUARANTINED = "quarantined"
    CERTIFICATE = "certificate"
    REFUSED = "refused"
    STUCK = "stuck"


class UnitNight(Base):
    """How the newest night went for one unit. `NORMAL` is said of one that sent and of one that had nothing."""

    __tablename__ = "unit_night"

    device: Mapped[str] = mapped_column(ForeignKey("device.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
    outcome: Mapped[Outcome] = mapped_column(ChoiceType(Outcome))

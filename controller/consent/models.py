"""Tables of consent: answers, the school's rules, agreements of teachers and principals, blackouts.

Rows are added and never removed: history is the table itself. Nothing in them changes, but that lifting a blackout
writes into its row when and by whom. People are opaque ids; names are in `person_name` alone.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from controller.consent.answers import Giver
from controller.db import ID_CHARS, Base, ChoiceType

SITE_CHARS = 80
REASON_CHARS = 300


class AnswerRow(Base):
    """One whole statement of one giver for one person; `number` is the order in which they were written down."""

    __tablename__ = "answer"
    __table_args__ = (Index(None, "person", "number"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"))
    giver: Mapped[Giver] = mapped_column(ChoiceType(Giver))
    picture: Mapped[str] = mapped_column(String(120))
    """The scopes that are granted, with commas between; empty: none."""
    voice: Mapped[str] = mapped_column(String(120))
    holds_from: Mapped[date]
    holds_until: Mapped[date | None]
    is_withdrawal: Mapped[bool] = mapped_column(default=False)
    form_version: Mapped[int | None]
    """The version of the form that was signed; None for what was said otherwise."""
    basis: Mapped[str] = mapped_column(String(40))
    """On what it rests: `paper`, `table`, `conversation`, `letter`, `carried_over`; `slip` takes a line back."""
    undoes: Mapped[int | None] = mapped_column(ForeignKey("answer.number"), index=True)
    """The number of a line that was written down by mistake: neither of the two counts, and both stay."""
    recorded_by: Mapped[str] = mapped_column(String(ID_CHARS))
    recorded_at: Mapped[datetime]


class RulesVersion(Base):
    """One version of the school's rules; the highest holds. Without any, rooms go by *only adults who accepted*."""

    __tablename__ = "rules_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    settings: Mapped[str] = mapped_column(Text)
    """JSON: every setting, so that a default that changes later changes no older version."""
    reasons: Mapped[str] = mapped_column(Text, default="{}")
    """JSON: why, for each setting in which it asks for less than what held before, and whatever else was said."""
    set_by: Mapped[str] = mapped_column(String(ID_CHARS))
    set_at: Mapped[datetime]


class Who(StrEnum):
    """Who agrees to recording, beside the families."""

    TEACHER = "teacher"
    PRINCIPAL = "principal"


class Agreement(Base):
    """A teacher agrees to be recorded in their lessons, or a principal to recording at a site; or takes that back."""

    __tablename__ = "agreement"
    __table_args__ = (Index(None, "who", "about"),)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    who: Mapped[Who] = mapped_column(ChoiceType(Who))
    about: Mapped[str] = mapped_column(String(SITE_CHARS))
    """A teacher's account, or a principal's site; the empty text is the whole school."""
    agrees: Mapped[bool]
    holds_from: Mapped[date]
    holds_until: Mapped[date | None]
    recorded_by: Mapped[str] = mapped_column(String(ID_CHARS))
    recorded_at: Mapped[datetime]


class Cause(StrEnum):
    """Why nothing is recorded for a while; a code, so that nobody is named by it."""

    EXAM = "exam"
    COUNSELLING = "counselling"
    VISITORS = "visitors"
    EVENT = "event"
    OTHER = "other"


class Blackout(Base):
    """Nothing is recorded in a room, at a site, or with neither anywhere, from an instant until another one."""

    __tablename__ = "blackout"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    room: Mapped[str | None] = mapped_column(ForeignKey("room.id"), index=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS), default="")
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(String(REASON_CHARS), default="")
    """A `Cause`, or nothing."""
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))
    made_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(String(ID_CHARS))


class Pilot(Base):
    """One word about a room in which only adults who accepted are recorded, as a pilot; the newest of a room holds.

    Such a room needs no timetable and no answers.
    """

    __tablename__ = "pilot"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    room: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    until: Mapped[date | None]
    """The last day; None ends it."""
    reason: Mapped[str] = mapped_column(String(REASON_CHARS))
    set_by: Mapped[str] = mapped_column(String(ID_CHARS))
    set_at: Mapped[datetime]

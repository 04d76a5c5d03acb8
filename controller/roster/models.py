"""Tables of the roster: classes, memberships, drafts that wait for a person, and the history.

Days are the school's; the last one still counts. History holds opaque ids and sums and never a name; a draft holds
names and ends by itself (docs/PRIVACY.md, "Rosters").
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base, ChoiceType
from controller.people.policy import SOURCED_ID_CHARS

SITE_CHARS = 80
TITLE_CHARS = 120


class Source(StrEnum):
    """Where a class comes from, and so which files may change it or let it vanish."""

    ONEROSTER = "oneroster"
    TABLE = "table"
    """A plain table or a pasted list."""


class ClassRole(StrEnum):
    """What somebody is in a class."""

    PUPIL = "pupil"
    TEACHER = "teacher"
    AIDE = "aide"
    """Any other adult who is in the room."""


class Scope(StrEnum):
    """Of what a file is the whole: what is not in it vanishes."""

    SITES = "sites"
    """Every class of its source in the sites that it names."""
    CLASSES = "classes"
    """The classes that it names; all others stay as they are."""


class SchoolClass(Base):
    """A group that is taught together; the row stays when it ends."""

    __tablename__ = "school_class"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    source: Mapped[Source] = mapped_column(ChoiceType(Source))
    sourced_id: Mapped[str | None] = mapped_column(String(SOURCED_ID_CHARS), unique=True)
    title: Mapped[str] = mapped_column(String(TITLE_CHARS))
    site: Mapped[str] = mapped_column(String(SITE_CHARS), index=True)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]


class Membership(Base):
    """One person is in one class from a day until a day."""

    __tablename__ = "membership"
    __table_args__ = (UniqueConstraint("class_id", "person", "role", "begins_on"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("school_class.id"))
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[ClassRole] = mapped_column(ChoiceType(ClassRole))
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]


class RosterDraft(Base):
    """What a file said, until somebody applies or discards it; its row goes then, or at `ends_at`, names and all."""

    __tablename__ = "roster_draft"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    source: Mapped[Source] = mapped_column(ChoiceType(Source))
    scope: Mapped[Scope] = mapped_column(ChoiceType(Scope))
    starts_on: Mapped[date]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """The read roster, as controller/roster/content.py writes it."""
    passed_over: Mapped[str] = mapped_column(Text, default="{}")
    """JSON: how many rows were passed over, by why."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))
    ends_at: Mapped[datetime] = mapped_column(index=True)


class RosterEvent(Base):
    """One line of the roster's history: what was done, by whom, and sums."""

    __tablename__ = "roster_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(ID_CHARS))
    """An account's id, or `operator`."""
    starts_on: Mapped[date | None]
    """From which day an applied roster holds."""
    person: Mapped[str | None] = mapped_column(String(ID_CHARS))
    detail: Mapped[str] = mapped_column(Text, default="{}")
    """JSON: sums by name."""

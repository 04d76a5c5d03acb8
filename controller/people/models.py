"""Tables of the people: who there is, by an opaque id, and what they are called.

Names stand in `person_name` alone (and an account's in `account`), so that a person can be forgotten while whatever
speaks of them by id stays. Nothing else is kept of a pupil: no address, no birthday, no number but the one of the
school's own system, which goes with the name. See docs/PRIVACY.md ("Rosters").
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base, ChoiceType
from controller.people.policy import NAME_CHARS, SOURCED_ID_CHARS


class Kind(StrEnum):
    """Whether a family answers for somebody, or they do themselves from the beginning."""

    PUPIL = "pupil"
    ADULT = "adult"


class Person(Base):
    """Somebody who can be in a room. The row stays for ever; `forgotten_at` says since when nobody knows who it was."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    kind: Mapped[Kind] = mapped_column(ChoiceType(Kind))
    sourced_id: Mapped[str | None] = mapped_column(String(SOURCED_ID_CHARS), unique=True)
    """By what the school's own system knows them; None for people of a plain list, and once forgotten."""
    account: Mapped[str | None] = mapped_column(ForeignKey("account.id"), index=True)
    of_age_on: Mapped[date | None]
    """From which day a pupil answers for themselves; None where nobody said so."""
    made_at: Mapped[datetime]
    forgotten_at: Mapped[datetime | None]


class PersonName(Base):
    """What a person is called. Removing the row forgets them."""

    __tablename__ = "person_name"

    person: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    given: Mapped[str] = mapped_column(String(NAME_CHARS))
    family: Mapped[str] = mapped_column(String(NAME_CHARS))

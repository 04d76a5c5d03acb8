"""Reading and writing the people's tables; decides nothing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from controller.db import batches
from controller.people.models import Person, PersonName
from controller.people.policy import Name


def names_of(session: Session, people: Collection[str]) -> dict[str, Name]:
    """Give the names of some people by id; who was forgotten has none."""
    found: dict[str, Name] = {}
    for batch in batches(people):
        asked = select(PersonName.person, PersonName.given, PersonName.family).where(PersonName.person.in_(batch))
        found.update((person, Name(given, family)) for person, given, family in session.execute(asked))
    return found


def erase_names(session: Session, person: str, now: datetime) -> bool:
    """Forget a person: name, number and account go, the row stays. Tell whether there was anybody to forget."""
    known = (Person.id == person, Person.forgotten_at.is_(None))
    gone = update(Person).where(*known).values(forgotten_at=now, sourced_id=None, account=None)
    session.execute(delete(PersonName).where(PersonName.person == person))
    return bool(session.execute(gone).rowcount)  # type: ignore[attr-defined]

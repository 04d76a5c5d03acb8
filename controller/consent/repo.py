"""Reading and writing the registry's tables; decides nothing."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from controller.consent.answers import Answer, Scope
from controller.consent.models import Agreement, AnswerRow, Blackout, Pilot, RulesVersion, Who
from controller.consent.rules import Rules
from controller.db import batches
from controller.people.models import Kind, Person
from controller.roster.models import ClassRole, Membership, SchoolClass
from controller.timetable.models import Room


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a person, as far as it counts for a lesson."""

    is_adult: bool
    of_age_on: date | None
    account: str | None


def newest_rules(session: Session) -> tuple[int, Rules] | None:
    """Give the rules that hold, with their version; None while the school has set none."""
    row = session.scalars(select(RulesVersion).order_by(RulesVersion.version.desc()).limit(1)).first()
    return (row.version, read_rules(row.settings)) if row else None


def rules_versions(session: Session) -> Sequence[RulesVersion]:
    """Give every version of the rules, the newest first."""
    return session.scalars(select(RulesVersion).order_by(RulesVersion.version.desc())).all()


def read_reasons(reasons: str) -> dict[str, str]:
    """Read the reasons of loosenings by setting."""
    return dict(json.loads(reasons))


def read_rules(settings: str) -> Rules:
    """Read a version's settings; one that is younger than the version is as by default."""
    return Rules(**json.loads(settings))


def write_rules(rules: Rules) -> str:
    """Write every setting, so that a default that changes later changes no older version."""
    return json.dumps(asdict(rules), sort_keys=True)


def write_reasons(reasons: Mapping[str, str]) -> str:
    """Write the reasons of loosenings by setting."""
    return json.dumps(dict(reasons), sort_keys=True, ensure_ascii=False)


def write_scopes(scopes: Iterable[Scope]) -> str:
    """Write scopes as a row keeps them."""
    return ",".join(scope.value for scope in Scope if scope in set(scopes))


@cache
def read_scopes(text: str) -> frozenset[Scope]:
    """Read scopes of a row."""
    return frozenset(Scope(name) for name in text.split(",") if name)


def answers_of(session: Session, people: Collection[str]) -> dict[str, list[Answer]]:
    """Give every answer for some people, in the order in which they were written down; no line that was taken back."""
    found: dict[str, list[Answer]] = defaultdict(list)
    for batch in batches(people):
        for row in session.execute(_ANSWERS.where(AnswerRow.person.in_(batch)).order_by(AnswerRow.number)):
            found[row.person].append(
                Answer(
                    number=row.number,
                    giver=row.giver,
                    picture=read_scopes(row.picture),
                    voice=read_scopes(row.voice),
                    holds_from=row.holds_from,
                    holds_until=row.holds_until,
                    is_withdrawal=row.is_withdrawal,
                )
            )
    return found


_UNDONE = select(AnswerRow.undoes).where(AnswerRow.undoes.is_not(None))
_ANSWERS = select(
    AnswerRow.person,
    AnswerRow.number,
    AnswerRow.giver,
    AnswerRow.picture,
    AnswerRow.voice,
    AnswerRow.holds_from,
    AnswerRow.holds_until,
    AnswerRow.is_withdrawal,
).where(AnswerRow.undoes.is_(None), AnswerRow.number.not_in(_UNDONE))


def undone_among(session: Session, numbers: Collection[int]) -> set[int]:
    """Give which lines of some were taken back."""
    return {
        each
        for batch in batches(numbers)
        for each in session.scalars(select(AnswerRow.undoes).where(AnswerRow.undoes.in_(batch)))
        if each is not None
    }


def known_people(session: Session, people: Collection[str]) -> dict[str, Known]:
    """Give what is known of some people; who is forgotten is not known."""
    found: dict[str, Known] = {}
    for batch in batches(people):
        asked = select(Person.id, Person.kind, Person.of_age_on, Person.account).where(
            Person.id.in_(batch), Person.forgotten_at.is_(None)
        )
        for person, kind, of_age_on, account in session.execute(asked):
            found[person] = Known(is_adult=kind is Kind.ADULT, of_age_on=of_age_on, account=account)
    return found


class Member(NamedTuple):
    """Somebody in a class from a day until a day; without an end until further notice."""

    person: str
    role: ClassRole
    begins_on: date
    ends_on: date | None


def members_of(session: Session, classes: Collection[str], first: date, last: date) -> dict[str, list[Member]]:
    """Give who is in some classes at any time from a day until a day, by class."""
    found: dict[str, list[Member]] = defaultdict(list)
    columns = (Membership.class_id, Membership.person, Membership.role, Membership.begins_on, Membership.ends_on)
    for batch in batches(classes):
        asked = select(*columns).where(
            Membership.class_id.in_(batch),
            Membership.begins_on <= last,
            or_(Membership.ends_on.is_(None), Membership.ends_on >= first),
        )
        for class_id, person, role, begins_on, ends_on in session.execute(asked.order_by(Membership.id)):
            found[class_id].append(Member(person, role, begins_on, ends_on))
    return found


def classes_by_id(session: Session, classes: Collection[str]) -> dict[str, SchoolClass]:
    """Give some classes by id."""
    found: dict[str, SchoolClass] = {}
    for batch in batches(classes):
        found.update((row.id, row) for row in session.scalars(select(SchoolClass).where(SchoolClass.id.in_(batch))))
    return found


def classes_of(session: Session, person: str) -> set[str]:
    """Give the classes in which somebody is, was or will be."""
    return set(session.scalars(select(Membership.class_id).where(Membership.person == person)))


def agreements(session: Session) -> Mapping[tuple[Who, str], Sequence[Agreement]]:
    """Give what teachers and principals said, by who and about what, in the order in which it was written down."""
    found: dict[tuple[Who, str], list[Agreement]] = defaultdict(list)
    for row in session.scalars(select(Agreement).order_by(Agreement.number)):
        found[(Who(row.who), row.about)].append(row)
    return found


def blackouts(session: Session, since: datetime) -> Sequence[Blackout]:
    """Give the blackouts that have not ended before an instant and were not lifted."""
    return session.scalars(select(Blackout).where(Blackout.ends_at > since, Blackout.lifted_at.is_(None))).all()


def room_names(session: Session) -> dict[str, str]:
    """Give what each room is called to people, by its id: its name, and its site where it has one."""
    rooms = session.scalars(select(Room)).all()
    return {room.id: f"{room.name} ({room.site})" if room.site else room.name for room in rooms}


def pilots_on(session: Session, day: date) -> dict[str, Pilot]:
    """Give what holds of each room on a day in which only adults who accepted are recorded, by the room."""
    newest = {row.room: row for row in session.scalars(select(Pilot).order_by(Pilot.number))}
    return {room: row for room, row in newest.items() if row.until is not None and day <= row.until}

"""Reading the roster's tables: what stands, for plan.py, and what the pages show; decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from controller.accounts.models import Account
from controller.people.models import Kind, Person, PersonName
from controller.people.policy import Name, listing_key
from controller.roster.history import starts_after
from controller.roster.matching import REMEMBERED
from controller.roster.models import ClassRole, Membership, SchoolClass, Source
from controller.roster.standing import HeldClass, HeldMembership, HeldPerson, Standing


def read_standing(session: Session, starts_on: date) -> Standing:
    """Read what stands, as far as a roster from `starts_on` on can meet it."""
    classes = select(
        *(SchoolClass.id, SchoolClass.source, func.coalesce(SchoolClass.sourced_id, ""), SchoolClass.title),
        *(SchoolClass.site, SchoolClass.begins_on, SchoolClass.ends_on),
    ).order_by(SchoolClass.id)
    members = select(
        *(Membership.id, Membership.class_id, Membership.person, Membership.role),
        *(Membership.begins_on, Membership.ends_on),
    ).order_by(Membership.id)
    lately = or_(Membership.ends_on.is_(None), Membership.ends_on >= starts_on - REMEMBERED)
    return Standing(
        classes=tuple(HeldClass(*row) for row in session.execute(classes)),
        people=tuple(_read_people(session)),
        memberships=tuple(HeldMembership(*row) for row in session.execute(members.where(lately))),
        accounts={email: account for email, account in session.execute(select(Account.email, Account.id))},
        later_starts=frozenset(starts_after(session, starts_on)),
    )


def _read_people(session: Session) -> list[HeldPerson]:
    asked = (
        select(
            *(Person.id, Person.kind, Person.sourced_id, PersonName.given, PersonName.family),
            *(Person.account, Person.of_age_on),
        )
        .join(PersonName, PersonName.person == Person.id)
        .order_by(Person.id)
    )
    return [
        HeldPerson(key, kind, number or "", Name(given, family), account or "", of_age_on)
        for key, kind, number, given, family, account, of_age_on in session.execute(asked)
    ]


class ListedClass(NamedTuple):
    """A class as the list shows it: how many pupils and adults are in it on the day."""

    id: str
    title: str
    site: str
    source: Source
    ends_on: date | None
    pupils: int
    adults: int


class NamedClass(NamedTuple):
    """A class by its name, without who is in it."""

    id: str
    title: str
    site: str


class Member(NamedTuple):
    """Somebody in a class on a day."""

    person: str
    kind: Kind
    number: str
    name: Name
    role: ClassRole
    begins_on: date
    ends_on: date | None
    account: str


def holds_on(day: date) -> ColumnElement[bool]:
    """Give the condition that a membership holds on a day."""
    return and_(Membership.begins_on <= day, or_(Membership.ends_on.is_(None), Membership.ends_on >= day))


def classes_on(session: Session, day: date) -> Sequence[ListedClass]:
    """Give the classes that are not over on a day, by site and title."""
    is_pupil = Membership.role == ClassRole.PUPIL
    pupils = func.count(case((is_pupil, Membership.id)))
    asked = (
        select(
            *(SchoolClass.id, SchoolClass.title, SchoolClass.site, SchoolClass.source, SchoolClass.ends_on),
            *(pupils, func.count(Membership.id) - pupils),
        )
        .outerjoin(Membership, and_(Membership.class_id == SchoolClass.id, holds_on(day)))
        .where(or_(SchoolClass.ends_on.is_(None), SchoolClass.ends_on >= day))
        .group_by(SchoolClass.id)
        .order_by(SchoolClass.site, SchoolClass.title, SchoolClass.id)
    )
    return [ListedClass(*row) for row in session.execute(asked)]


def named_classes(session: Session, day: date) -> Sequence[NamedClass]:
    """Give the classes that are not over on a day, by site and title."""
    asked = (
        select(SchoolClass.id, SchoolClass.title, SchoolClass.site)
        .where(or_(SchoolClass.ends_on.is_(None), SchoolClass.ends_on >= day))
        .order_by(SchoolClass.site, SchoolClass.title, SchoolClass.id)
    )
    return [NamedClass(*row) for row in session.execute(asked)]


def members_on(session: Session, class_id: str, day: date) -> Sequence[Member]:
    """Give who is in a class on a day: adults first, then pupils by family name."""
    asked = (
        select(Person, PersonName, Membership)
        .join(Membership, Membership.person == Person.id)
        .join(PersonName, PersonName.person == Person.id, isouter=True)
        .where(Membership.class_id == class_id, holds_on(day))
    )
    found = [_member(*row) for row in session.execute(asked)]
    return sorted(found, key=lambda each: (each.role is ClassRole.PUPIL, listing_key(each.name), each.person))


def _member(person: Person, name: PersonName | None, held: Membership) -> Member:
    called = Name(name.given, name.family) if name else Name("", "")
    facts = (held.role, held.begins_on, held.ends_on, person.account or "")
    return Member(person.id, person.kind, person.sourced_id or "", called, *facts)


def classes_of_person(session: Session, person: str, day: date) -> Sequence[str]:
    """Give the titles of the classes in which somebody is on a day."""
    asked = select(SchoolClass.title).join(Membership, Membership.class_id == SchoolClass.id)
    return session.scalars(asked.where(Membership.person == person, holds_on(day)).order_by(SchoolClass.title)).all()


def people_in_no_class(session: Session, day: date) -> Sequence[tuple[str, Name]]:
    """Give the people with a name who are in no class on a day or later, by family name: who could be forgotten."""
    in_one = select(Membership.person).where(or_(Membership.ends_on.is_(None), Membership.ends_on >= day))
    asked = select(PersonName).where(PersonName.person.not_in(in_one))
    found = [(row.person, Name(row.given, row.family)) for row in session.scalars(asked)]
    return sorted(found, key=lambda each: (listing_key(each[1]), each[0]))

"""Finds who is meant by what somebody wrote: a class by id, number or title, a teacher by id, number, address or name.

Nothing is guessed: what two could be meant by is refused. Teachers who have an account and stand on no class list can
be found, too; they become people when the timetable names them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.accounts.roles import accounts_with
from controller.people.models import Kind, Person, PersonName
from controller.people.policy import Name, listing_key, tidy
from controller.roster.lists import split_name
from controller.roster.models import SchoolClass
from controller.timetable.refusals import Fault, TimetableRefusedError

ACCOUNT = "account:"
"""Before the id of an account that is nobody's on the class lists yet."""


Found = TypeVar("Found")


class KnownClass(NamedTuple):
    """A class that is not over."""

    id: str
    number: str
    title: str
    site: str
    begins_on: date
    ends_on: date | None


class KnownTeacher(NamedTuple):
    """An adult; `id` is a person's, or `account:` and an account's. `owns`: whether lessons could be theirs."""

    id: str
    number: str
    name: Name
    email: str
    owns: bool


@dataclass(frozen=True)
class Directory:
    """The classes that are not over on a day, and all teachers, in the order in which lists show them."""

    classes: Sequence[KnownClass]
    teachers: Sequence[KnownTeacher]
    _by_class: Mapping[str, list[KnownClass]]
    _by_teacher: Mapping[str, list[KnownTeacher]]

    def find_classes(self, text: str, site: str) -> Sequence[KnownClass]:
        """Give the classes that a text can mean; those of the site before all others."""
        found = self._by_class.get(_key(text), [])
        here = [each for each in found if each.site == site]
        return here or found

    def find_teachers(self, text: str) -> Sequence[KnownTeacher]:
        """Give the teachers whom a text can mean."""
        return self._by_teacher.get(_key(text), [])


def read_directory(session: Session, day: date) -> Directory:
    """Read whom the timetable can speak of from a day on."""
    classes, teachers = _classes(session, day), _teachers(session)
    by_class, by_teacher = defaultdict[str, list[KnownClass]](list), defaultdict[str, list[KnownTeacher]](list)
    for one in classes:
        for key in _keys(one.id, one.number, one.title):
            by_class[key].append(one)
    for each in teachers:
        for key in _keys(each.id, each.number, each.email, each.name.listed, each.name.spoken):
            by_teacher[key].append(each)
    return Directory(classes, teachers, by_class, by_teacher)


def _key(text: str) -> str:
    return tidy(text).casefold()


def _keys(*texts: str) -> Iterable[str]:
    return {_key(text) for text in texts if text}


def _classes(session: Session, day: date) -> list[KnownClass]:
    rows = session.scalars(
        select(SchoolClass)
        .where(or_(SchoolClass.ends_on.is_(None), SchoolClass.ends_on >= day))
        .order_by(SchoolClass.site, SchoolClass.title, SchoolClass.id)
    )
    return [KnownClass(row.id, row.sourced_id or "", row.title, row.site, row.begins_on, row.ends_on) for row in rows]


def _teachers(session: Session) -> list[KnownTeacher]:
    own = accounts_with(session, (Role.TEACHER,))
    accounts = {row.id: row for row in session.scalars(select(Account))}
    asked = (
        select(Person, PersonName)
        .join(PersonName, PersonName.person == Person.id)
        .where(Person.kind == Kind.ADULT, Person.forgotten_at.is_(None))
    )
    people = [(row, Name(name.given, name.family)) for row, name in session.execute(asked)]
    found = [_teacher(row, name, accounts.get(row.account or ""), own) for row, name in people]
    listed = {row.account for row, _ in people}
    found += [
        KnownTeacher(ACCOUNT + each, "", split_name(accounts[each].name), accounts[each].email, owns=True)
        for each in own - listed
    ]
    return sorted(found, key=lambda each: (listing_key(each.name), each.id))


def _teacher(row: Person, name: Name, account: Account | None, own: Collection[str]) -> KnownTeacher:
    email = account.email if account else ""
    return KnownTeacher(row.id, row.sourced_id or "", name, email, owns=(row.account or "") in own)


def one_of(found: Sequence[Found], text: str, field: str, unknown: Fault) -> Found:
    """Give the only one that is meant; raise `TimetableRefusedError` where it is none, or more than one."""
    if not found:
        raise TimetableRefusedError(unknown, field, got=text[:40])
    if len(found) > 1:
        raise TimetableRefusedError(Fault.AMBIGUOUS, field, number=len(found), got=text[:40])
    return found[0]

"""Writes what a plan says into the tables, in the transaction of whoever calls; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from controller.db import batches
from controller.people.models import Person, PersonName
from controller.roster.found import FoundClass, FoundPerson
from controller.roster.models import Membership, SchoolClass, Source
from controller.roster.plan import ChangedClass, ChangedPerson, NewDays, NewMembership, Plan, new_key

Rows = list[dict[str, Any]]


def write_plan(session: Session, plan: Plan, source: Source, *, new_id: Callable[[], str], now: datetime) -> None:
    """Do everything that a plan says: people, names, classes, memberships."""
    ids = {new_key(each.key): new_id() for each in plan.new_classes}
    ids |= {new_key(person.key): new_id() for person, _ in plan.new_people}
    _insert(session, Person, (_person(ids, each, account, now) for each, account in plan.new_people))
    _insert(session, PersonName, (_name(ids[new_key(each.key)], each) for each, _ in plan.new_people))
    _change_people(session, plan.changed_people)
    _insert(session, SchoolClass, (_class(ids, each, source, plan) for each in plan.new_classes))
    _update(session, SchoolClass, map(_class_after, (*plan.changed_classes, *plan.gone_classes)))
    _update(session, Membership, map(_days, (*plan.redated, *plan.ended)))
    for batch in batches(plan.dropped):
        session.execute(delete(Membership).where(Membership.id.in_(batch)))
    _insert(session, Membership, (_membership(ids, each) for each in plan.begun))


def touched_classes(session: Session, plan: Plan) -> set[str]:
    """Give the classes that are known already and of which a plan changes who is in them, or what is known of those.

    Ask before the plan is written.
    """
    found = {each.before.id for each in (*plan.changed_classes, *plan.gone_classes)}
    found |= {each.in_class for each in plan.begun} - {new_key(each.key) for each in plan.new_classes}
    rows = [*(each.id for each in (*plan.redated, *plan.ended)), *plan.dropped]
    for batch in batches(rows):
        found.update(session.scalars(select(Membership.class_id).where(Membership.id.in_(batch)).distinct()))
    for people in batches([each.before.id for each in plan.changed_people]):
        found.update(session.scalars(select(Membership.class_id).where(Membership.person.in_(people)).distinct()))
    return found


def changed_stands(plan: Plan) -> set[str]:
    """Give the people of whom a plan changes who answers for them, or whether they can lead: also a guest is told."""
    changed = ((each.before, each.after) for each in plan.changed_people)
    return {
        after.id
        for before, after in changed
        if (before.kind, before.account, before.of_age_on) != (after.kind, after.account, after.of_age_on)
    }


def _insert(session: Session, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    if found := list(rows):
        session.connection().execute(insert(model.__table__), found)  # without the ORM: a district's are many


def _update(session: Session, model: type[Any], rows: Iterable[dict[str, Any]], key: str = "id") -> None:
    """Change rows by their key; each brings the same columns."""
    found = [{f"at_{key}" if name == key else name: value for name, value in row.items()} for row in rows]
    if found:
        table: Table = model.__table__
        session.connection().execute(update(table).where(table.c[key] == bindparam(f"at_{key}")), found)


def _person(ids: Mapping[str, str], found: FoundPerson, account: str, now: datetime) -> dict[str, Any]:
    return {
        "id": ids[new_key(found.key)],
        "kind": found.kind,
        "sourced_id": found.sourced_id or None,
        "account": account or None,
        "of_age_on": found.of_age_on,
        "made_at": now,
        "forgotten_at": None,
    }


def _name(person: str, found: FoundPerson) -> dict[str, Any]:
    return {"person": person, "given": found.name.given, "family": found.name.family}


def _change_people(session: Session, changes: Iterable[ChangedPerson]) -> None:
    after = [each.after for each in changes]
    facts = [
        {
            "id": each.id,
            "kind": each.kind,
            "sourced_id": each.sourced_id or None,
            "account": each.account or None,
            "of_age_on": each.of_age_on,
        }
        for each in after
    ]
    _update(session, Person, facts)
    names = ({"person": each.id, "given": each.name.given, "family": each.name.family} for each in after)
    _update(session, PersonName, names, key="person")


def _class(ids: Mapping[str, str], found: FoundClass, source: Source, plan: Plan) -> dict[str, Any]:
    return {
        "id": ids[new_key(found.key)],
        "source": source,
        "sourced_id": found.sourced_id or None,
        "title": found.title,
        "site": found.site,
        "begins_on": found.begins_on or plan.starts_on,
        "ends_on": found.ends_on,
    }


def _class_after(change: ChangedClass) -> dict[str, Any]:
    after = change.after
    days = {"begins_on": after.begins_on, "ends_on": after.ends_on}
    return {"id": after.id, "title": after.title, "site": after.site, **days}


def _days(change: NewDays) -> dict[str, Any]:
    return {"id": change.id, "begins_on": change.begins_on, "ends_on": change.ends_on}


def _membership(ids: Mapping[str, str], new: NewMembership) -> dict[str, Any]:
    return {
        "class_id": ids.get(new.in_class, new.in_class),
        "person": ids.get(new.person, new.person),
        "role": new.role,
        "begins_on": new.begins_on,
        "ends_on": new.ends_on,
    }

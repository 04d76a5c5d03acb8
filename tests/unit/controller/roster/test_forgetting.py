"""Forgetting a person: the name goes, the rows stay, and nobody who still sits in a class is forgotten."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import inspect, select

from controller.db import AT_ONCE
from controller.devices.history import OPERATOR, Deed
from controller.people.models import Kind, Person, PersonName
from controller.people.repo import names_of
from controller.roster.forgetting import forget_person
from controller.roster.history import Happening
from controller.roster.models import ClassRole, Membership, RosterDraft, RosterEvent, SchoolClass, Scope, Source
from controller.roster.refusals import Fault, RosterRefusedError
from tests.house import House, house

__all__ = ["house"]
TODAY = date(2026, 11, 24)


def deed(house: House) -> Deed:
    """Say that an operator acts now."""
    return Deed(OPERATOR, house.clock())


def enter(house: House, person: str, *, ends_on: date | None) -> None:
    """Enter a pupil with a name, a number and a membership that ends, or not."""
    row = Person(id=person, kind=Kind.PUPIL, sourced_id=f"sis-{person}", made_at=house.clock())
    held = SchoolClass(id=f"c{person}", source=Source.TABLE, title="3B", site="", begins_on=date(2026, 9, 1))
    with house.services.database.writing() as session:
        session.add_all([row, held])
        session.flush()
        session.add(PersonName(person=person, given="Ana", family="García"))
        session.add(
            Membership(class_id=held.id, person=person, role=ClassRole.PUPIL, begins_on=held.begins_on, ends_on=ends_on)
        )


def test_forgotten_person_has_no_name_and_no_number_but_a_row(house: House) -> None:
    """Name and the school's number are gone; person, membership and a line of history without a name stay."""
    enter(house, "p", ends_on=TODAY - timedelta(days=1))
    forget_person(house.services, "p", deed(house))
    with house.services.database.reading() as session:
        row = session.get_one(Person, "p")
        assert (row.sourced_id, row.account, row.forgotten_at) == (None, None, house.clock())
        assert names_of(session, ["p"]) == {}
        assert session.scalars(select(Membership)).one().person == "p"
        line = session.scalars(select(RosterEvent)).one()
        assert (line.what, line.person, line.detail) == (Happening.FORGOTTEN, "p", "{}")


@pytest.mark.parametrize("ends_on", [None, TODAY, TODAY + timedelta(days=200)])
def test_person_in_a_class_is_not_forgotten(house: House, ends_on: date | None) -> None:
    """Their refusal would be lost with them while they sit in the room; nothing is changed."""
    enter(house, "p", ends_on=ends_on)
    with pytest.raises(RosterRefusedError) as caught:
        forget_person(house.services, "p", deed(house))
    assert caught.value.wrong.fault is Fault.STILL_IN_CLASS
    with house.services.database.reading() as session:
        assert names_of(session, ["p"])["p"].spoken == "Ana García"


def test_unknown_and_forgotten_people_cannot_be_forgotten(house: House) -> None:
    """Whoever asks twice, or mistypes an id, is told."""
    enter(house, "p", ends_on=TODAY - timedelta(days=1))
    forget_person(house.services, "p", deed(house))
    for person in ("p", "nobody"):
        with pytest.raises(RosterRefusedError, match="nobody is known by"):
            forget_person(house.services, person, deed(house))


def test_forgetting_discards_waiting_drafts(house: House) -> None:
    """The name may stand in a draft, too."""
    enter(house, "p", ends_on=TODAY - timedelta(days=1))
    with house.services.database.writing() as session:
        session.add(
            RosterDraft(
                id="d",
                source=Source.TABLE,
                scope=Scope.SITES,
                starts_on=TODAY,
                content=b"names",
                made_at=house.clock(),
                made_by=OPERATOR,
                ends_at=house.clock() + timedelta(days=7),
            )
        )
    forget_person(house.services, "p", deed(house))
    with house.services.database.reading() as session:
        assert session.scalars(select(RosterDraft.id)).all() == []


def test_names_of_pupils_stand_in_one_table(house: House) -> None:
    """No other table of people and rosters has a column for a name, an address or a birthday."""
    columns = {
        table: {column["name"] for column in inspect(house.services.database.engine).get_columns(table)}
        for table in ("person", "person_name", "school_class", "membership", "roster_event")
    }
    assert columns["person_name"] == {"person", "given", "family"}
    assert columns["person"] == {"id", "kind", "sourced_id", "account", "of_age_on", "made_at", "forgotten_at"}
    assert columns["membership"] == {"id", "class_id", "person", "role", "begins_on", "ends_on"}
    assert columns["roster_event"] == {"id", "at", "what", "by", "starts_on", "person", "detail"}


def test_names_of_very_many_people_are_found(house: House) -> None:
    """More ids than one statement takes are asked for in several."""
    count = 2 * AT_ONCE + 1
    with house.services.database.writing() as session:
        session.add_all(Person(id=f"p{n}", kind=Kind.PUPIL, made_at=house.clock()) for n in range(count))
        session.flush()
        session.add_all(PersonName(person=f"p{n}", given=str(n), family="") for n in range(count))
    with house.services.database.reading() as session:
        assert len(names_of(session, [f"p{n}" for n in range(count)])) == count

"""Drafts: what a file said waits for a person, is applied whole or not at all, and leaves no name behind."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from controller.accounts.models import Role
from controller.devices.history import OPERATOR, Deed
from controller.people.models import Kind, Person, PersonName
from controller.people.policy import Name
from controller.roster import drafts
from controller.roster.content import decode_roster, encode_roster
from controller.roster.drafts import DRAFT_LASTS, Vanishing, apply_draft, discard_draft, end_drafts, make_draft, preview
from controller.roster.found import FoundClass, FoundMembership, FoundPerson, Reading, Roster
from controller.roster.history import Happening, events
from controller.roster.importing import read_file, read_pasted
from controller.roster.models import ClassRole, Membership, RosterDraft, SchoolClass, Scope, Source
from controller.roster.refusals import Fault, RosterRefusedError
from controller.roster.repo import classes_on, members_on, people_in_no_class
from tests.house import House, house
from tests.rosters import Table, changed, district, pack, small_school

__all__ = ["house"]
TODAY = date(2026, 11, 24)
DAY = timedelta(days=1)


def deed(house: House) -> Deed:
    """Say that an operator acts now."""
    return Deed(OPERATOR, house.clock())


def read(tables: dict[str, Table]) -> Reading:
    """Read tables as a zip of one site."""
    return read_file(pack(tables), "roster.zip", site="", scope=Scope.SITES)


def draft_of(house: House, reading: Reading, starts_on: date = TODAY) -> str:
    """Keep a reading as a draft."""
    assert reading.flaws == ()
    return make_draft(house.services, reading, starts_on, deed(house))


def take(house: House, reading: Reading, *, starts_on: date = TODAY, vanishing: Vanishing = Vanishing.USUAL) -> None:
    """Draft and apply."""
    draft = draft_of(house, reading, starts_on)
    basis = preview(house.services, draft).basis
    apply_draft(house.services, draft, basis=basis, vanishing=vanishing, deed=deed(house))


def refused(house: House, draft: str, *, vanishing: Vanishing = Vanishing.USUAL) -> Fault:
    """Give why a draft is not applied, having seen that nothing was."""
    before = everything(house)
    basis = preview(house.services, draft).basis
    with pytest.raises(RosterRefusedError) as caught:
        apply_draft(house.services, draft, basis=basis, vanishing=vanishing, deed=deed(house))
    assert everything(house) == before
    return caught.value.wrong.fault


def everything(house: House) -> list[list[tuple[object, ...]]]:
    """Give all rows of people and rosters, but of the history."""
    models = (Person, PersonName, SchoolClass, Membership, RosterDraft)
    with house.services.database.reading() as session:
        return [[tuple(row) for row in session.execute(select(model.__table__))] for model in models]


def lists(house: House, day: date = TODAY) -> dict[str, list[str]]:
    """Give who is in which class on a day."""
    with house.services.database.reading() as session:
        held = session.scalars(select(SchoolClass)).all()
        return {each.title: [member.name.spoken for member in members_on(session, each.id, day)] for each in held}


def test_draft_changes_nothing_until_it_is_applied(house: House) -> None:
    """The preview says what would be, and the tables stay empty."""
    draft = draft_of(house, read(small_school()))
    shown = preview(house.services, draft)
    assert shown.plan.sums()["pupils_new"] == 2
    assert lists(house) == {}


def test_applied_roster_stands_and_the_draft_is_gone(house: House) -> None:
    """Teachers come first in the list; the history has sums and no name."""
    take(house, read(small_school("1.2")))
    assert lists(house) == {"3B": ["Tea Cher", "Ana García", "Ben Kim"]}
    with house.services.database.reading() as session:
        assert session.scalars(select(RosterDraft)).all() == []
        applied, drafted = events(session)
        (listed,) = classes_on(session, TODAY)
    assert (listed.pupils, listed.adults, listed.ends_on) == (2, 1, date(2027, 1, 31))
    assert (drafted.what, applied.what) == (Happening.DRAFTED, Happening.APPLIED)
    assert json.loads(applied.detail)["pupils_new"] == 2
    assert "Ana" not in applied.detail


def test_second_roster_renames_moves_and_ends(house: House) -> None:
    """What was planned is what the tables say afterwards, and the same file again changes nothing."""
    take(house, read(small_school()))
    house.clock.pass_time(3 * DAY)
    other = changed(small_school(), "users.csv", 2, givenName="Anna")
    other["enrollments.csv"] = [*other["enrollments.csv"][:2], other["enrollments.csv"][3]]
    take(house, read(other), starts_on=TODAY + 3 * DAY, vanishing=Vanishing.MEANT)
    assert lists(house, TODAY + 2 * DAY) == {"3B": ["Tea Cher", "Anna García", "Ben Kim"]}
    assert lists(house, TODAY + 3 * DAY) == {"3B": ["Tea Cher", "Anna García"]}
    assert refused(house, draft_of(house, read(other), TODAY + 3 * DAY)) is Fault.NOTHING_CHANGES
    with house.services.database.reading() as session:
        assert [name for _, name in people_in_no_class(session, TODAY + 3 * DAY)] == [Name("Ben", "Kim")]


def test_more_than_a_tenth_vanishes_only_when_it_is_said(house: House) -> None:
    """Half a school that is missing from an export is refused with its numbers."""
    take(house, read(district(100)))
    half = read(district(50))
    draft = draft_of(house, half)
    assert refused(house, draft) is Fault.TOO_MUCH_VANISHES
    basis = preview(house.services, draft).basis
    plan = apply_draft(house.services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=deed(house))
    assert len(plan.gone_people) > 50


def test_draft_that_was_seen_before_another_roster_is_not_applied(house: House) -> None:
    """Two people at once: the second looks again before anything of theirs holds."""
    take(house, read(small_school()))
    renamed = read(changed(small_school(), "users.csv", 2, givenName="Anna"))
    draft = draft_of(house, renamed)
    basis = preview(house.services, draft).basis
    take(house, read(changed(small_school(), "users.csv", 3, givenName="Benno")))
    with pytest.raises(RosterRefusedError) as caught:
        apply_draft(house.services, draft, basis=basis, vanishing=Vanishing.USUAL, deed=deed(house))
    assert caught.value.wrong.fault is Fault.CHANGED_MEANWHILE
    assert "Anna García" not in lists(house)["3B"]


def test_discarded_draft_and_one_that_waited_too_long_are_gone(house: House) -> None:
    """The names go with the row, whether somebody decided or nobody did."""
    first, second = draft_of(house, read(small_school())), draft_of(house, read(small_school()))
    discard_draft(house.services, first, deed(house))
    assert end_drafts(house.services) == 0
    house.clock.pass_time(DRAFT_LASTS)
    for draft in (first, second):
        with pytest.raises(RosterRefusedError, match="no such draft"):
            preview(house.services, draft)
    assert end_drafts(house.services) == 1
    with house.services.database.reading() as session:
        assert session.scalars(select(RosterDraft)).all() == []
        assert [each.what for each in events(session)][:2] == [Happening.EXPIRED, Happening.DISCARDED]


@pytest.mark.parametrize("starts_on", [TODAY - DAY, TODAY + drafts.FARTHEST + DAY])
def test_roster_begins_today_or_within_reach(house: House, starts_on: date) -> None:
    """The past is not rewritten, and a slip in the year is seen."""
    with pytest.raises(RosterRefusedError) as caught:
        draft_of(house, read(small_school()), starts_on)
    assert caught.value.wrong.fault is Fault.START_OUT_OF_RANGE


def test_draft_that_waited_over_its_first_day_begins_when_it_is_applied(house: House) -> None:
    """Nobody was in a class before somebody said so."""
    draft = draft_of(house, read(small_school()))
    house.clock.pass_time(2 * DAY)
    basis = preview(house.services, draft).basis
    apply_draft(house.services, draft, basis=basis, vanishing=Vanishing.USUAL, deed=deed(house))
    assert lists(house, TODAY + DAY)["3B"] == []
    assert lists(house, TODAY + 2 * DAY)["3B"] != []


def test_list_cannot_change_a_class_of_the_schools_system(house: House) -> None:
    """It says which class, and nothing is changed."""
    take(house, read(small_school()))
    with house.services.database.reading() as session:
        reading = read_pasted(session, "Eve Low", title="3b", site="", teachers=())
    assert refused(house, draft_of(house, reading)) is Fault.CLASS_OF_THE_SYSTEM


def test_name_of_two_people_is_refused_until_a_number_says_who(house: House) -> None:
    """The table with our own numbers, as it is exported, is understood."""
    numbered = changed(small_school(), "users.csv", 3, givenName="Ana", familyName="García")
    take(house, read(numbered))
    table = b"class,given,family\nChoir,Ana,Garc\xc3\xada\n"
    reading = read_file(io.BytesIO(table), "choir.csv", site="", scope=Scope.CLASSES)
    assert refused(house, draft_of(house, reading)) is Fault.NAME_AMBIGUOUS
    with house.services.database.reading() as session:
        person = session.scalars(select(Person.id).where(Person.sourced_id == "u2")).one()
    told = f"class,given,family,id\nChoir,Ana,García,{person}\n".encode()
    take(house, read_file(io.BytesIO(told), "choir.csv", site="", scope=Scope.CLASSES))
    assert lists(house)["Choir"] == ["Ana García"]
    with house.services.database.reading() as session:
        assert len(session.scalars(select(Person)).all()) == 3


def test_pasted_list_with_its_teacher_ties_the_account(house: House) -> None:
    """A school without any system: names, a title, a teacher, done; later the system's number joins the same person."""
    teacher = house.add_person("Tea Cher", Role.TEACHER)
    with house.services.database.reading() as session:
        reading = read_pasted(session, "Ana García\nKim, Ben", title="3B", site="", teachers=[teacher.id])
    take(house, reading)
    assert lists(house) == {"3B": ["Tea Cher", "Ana García", "Ben Kim"]}
    take(house, read(changed(small_school(), "classes.csv", 2, title="Maths")))
    with house.services.database.reading() as session:
        (adult,) = session.scalars(select(Person).where(Person.kind == Kind.ADULT))
    assert (adult.account, adult.sourced_id) == (teacher.id, "t1")


def test_flawed_reading_becomes_no_draft(house: House) -> None:
    """Nothing waits that cannot be applied."""
    reading = read(changed(small_school(), "users.csv", 2, givenName="@x"))
    with pytest.raises(ValueError, match="without flaws"):
        make_draft(house.services, reading, TODAY, deed(house))


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
DAYS = st.none() | st.dates(date(2020, 1, 1), date(2040, 1, 1))
ROSTERS = st.builds(
    Roster,
    source=st.sampled_from(Source),
    scope=st.sampled_from(Scope),
    classes=st.lists(st.builds(FoundClass, TEXT, TEXT, TEXT, TEXT, DAYS, DAYS), max_size=3).map(tuple),
    people=st.lists(
        st.builds(FoundPerson, TEXT, TEXT, st.sampled_from(Kind), st.builds(Name, TEXT, TEXT), TEXT, DAYS), max_size=3
    ).map(tuple),
    memberships=st.lists(
        st.builds(FoundMembership, TEXT, TEXT, st.sampled_from(ClassRole), DAYS, DAYS), max_size=3
    ).map(tuple),
)


@given(ROSTERS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_draft_keeps_a_roster_as_it_was_read(roster: Roster) -> None:
    """Written and read again it is the same."""
    assert decode_roster(encode_roster(roster)) == roster

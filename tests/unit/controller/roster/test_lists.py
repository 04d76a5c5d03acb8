"""Plain tables and pasted lists: what a school without a system has, and where nothing is guessed."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.flaws import Flawed
from controller.roster.found import Reading, Roster
from controller.roster.lists import read_list, read_table, split_name
from controller.roster.models import ClassRole, Scope, Source


def table(*lines: str) -> Reading:
    """Read a table."""
    return read_table(io.BytesIO("\n".join(lines).encode()), "classes.csv")


def roster_of(reading: Reading) -> Roster:
    """Give a roster in which nothing is wrong."""
    assert reading.flaws == ()
    assert reading.roster
    return reading.roster


def told(reading: Reading) -> list[tuple[Flawed, str]]:
    """Give what is wrong, and where."""
    assert reading.roster is None
    return [(flaw.flawed, flaw.place) for flaw in reading.flaws]


def test_table_gives_classes_and_people() -> None:
    """Class, given and family are enough; whoever has no role is a pupil."""
    found = roster_of(table("class,given,family,role,email", "3B,Ana,García,,", "3b,Tea,Cher,teacher,Tea@X.example"))
    assert (found.source, found.scope) == (Source.TABLE, Scope.CLASSES)
    assert [each.title for each in found.classes] == ["3B"]
    assert [(p.kind, p.name, p.email) for p in found.people] == [
        (Kind.PUPIL, Name("Ana", "García"), ""),
        (Kind.ADULT, Name("Tea", "Cher"), "tea@x.example"),
    ]
    assert [each.role for each in found.memberships] == [ClassRole.PUPIL, ClassRole.TEACHER]


def test_table_of_a_spanish_office_is_read() -> None:
    """Its headers and words are known, with semicolons as Excel writes them there."""
    found = roster_of(table("Clase;Nombre;Apellidos;Función", "3B;Ana;García López;alumna", "3B;Tea;Cher;maestra"))
    assert found.people[0].name == Name("Ana", "García López")
    assert [each.role for each in found.memberships] == [ClassRole.PUPIL, ClassRole.TEACHER]


def test_address_of_a_pupil_is_dropped() -> None:
    """An adult's leads to their account; a pupil's to nothing."""
    assert roster_of(table("class,given,family,email", "3B,Ana,García,ana@x.example")).people[0].email == ""


def test_days_and_sites_are_read() -> None:
    """A membership may have days, a pupil the one on which they come of age, a row a site of its own."""
    (line,) = ("3B,Ana,García,North,2026-10-01,2027-06-30,2027-01-15",)
    found = roster_of(table("class,given,family,site,begins_on,ends_on,of_age_on", line))
    assert (found.classes[0].site, found.people[0].of_age_on) == ("North", date(2027, 1, 15))
    assert found.memberships[0][3:] == (date(2026, 10, 1), date(2027, 6, 30))


def test_same_name_twice_is_not_guessed() -> None:
    """One child in two classes, or two children: only a number tells."""
    lines = ("class,given,family,id", "3B,Ana,García,", "4A,ana,GARCÍA,")
    assert told(table(*lines)) == [(Flawed.SAME_NAME, "classes.csv:3 given")]
    numbered = ("class,given,family,id", "3B,Ana,García,1", "4A,Ana,García,2", "4A,Ben,Kim,3", "3B,Ben,Kim,3")
    found = roster_of(table(*numbered))
    assert (len(found.people), len(found.memberships)) == (3, 4)


def test_teacher_of_several_classes_is_one_person_by_address() -> None:
    """An address is as good as a number, for adults."""
    lines = ("class,given,family,role,email", "3B,Tea,Cher,teacher,t@x.example", "4A,Tea,Cher,teacher,T@x.example")
    found = roster_of(table(*lines))
    assert (len(found.people), len(found.memberships)) == (1, 2)


@pytest.mark.parametrize(
    ("line", "flawed", "column"),
    [
        ("3B,Ana,García,pupil,1", Flawed.DUPLICATE, "id"),
        ("4A,Anna,García,pupil,1", Flawed.CONTRADICTION, "id"),
        ("4A,Ana,García,teacher,1", Flawed.CONTRADICTION, "id"),
        (",Eve,Kim,,", Flawed.BLANK, "class"),
        ("3B,,,,", Flawed.BLANK, "given"),
        ("3B,=1+1,Kim,,", Flawed.NAME_MALFORMED, "given"),
        ("3B,'=1+1,Kim,,", Flawed.NAME_MALFORMED, "given"),
        ("3B,Eve,Kim,king,", Flawed.CHOICE, "role"),
    ],
)
def test_wrong_row_is_told_with_its_column(line: str, flawed: Flawed, column: str) -> None:
    """Each in its place, and nothing comes out."""
    reading = table("class,given,family,role,id", "3B,Ana,García,,1", line)
    assert told(reading) == [(flawed, f"classes.csv:3 {column}")]


def test_table_without_rows_is_no_roster() -> None:
    """A header alone, or nothing at all."""
    assert told(table("class,given,family"))[0][0] is Flawed.FILE_EMPTY
    assert told(table(""))[0][0] is Flawed.FILE_EMPTY


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Ana García López", Name("Ana", "García López")),
        ("García López, María José", Name("María José", "García López")),
        ("Kim\tBen", Name("Ben", "Kim")),
        ("12. Ana García", Name("Ana", "García")),
        ("3)  Kim, Ben", Name("Ben", "Kim")),
        ("- Ana García", Name("Ana", "García")),
        ("Pelé", Name("Pelé", "")),
        ("'t Hooft, Ger", Name("Ger", "'t Hooft")),
    ],
)
def test_line_of_a_list_is_taken_apart(line: str, name: Name) -> None:
    """With a comma or tab the family's name comes first; numbering is no part of a name."""
    assert split_name(line) == name


def test_pasted_list_is_one_class_with_its_teachers() -> None:
    """Blank lines are nothing; the teachers chosen on the page are in the class, too."""
    reading = read_list("\nAna García\r\n\nKim, Ben\n", title=" 3B ", adults=[(Name("Tea", "Cher"), "t@x.example")])
    found = roster_of(reading)
    assert [each.title for each in found.classes] == ["3B"]
    assert [person.name.spoken for person in found.people] == ["Ana García", "Ben Kim", "Tea Cher"]
    assert found.people[2].email == "t@x.example"


def test_pasted_list_tells_its_lines() -> None:
    """The same name twice, and what is no name, by the number of the line."""
    reading = read_list("Ana García\nBen Kim\nGarcía, Ana\n=1+1\n", title="3B")
    assert told(reading) == [(Flawed.SAME_NAME, "list:3 given"), (Flawed.NAME_MALFORMED, "list:4 given")]
    assert told(read_list(" \n", title="3B")) == [(Flawed.FILE_EMPTY, "list")]
    assert told(read_list("Ana", title=""))[0] == (Flawed.BLANK, "list:1 class")


@given(st.text(max_size=300), st.text(max_size=30))
def test_any_text_gives_a_roster_or_words(text: str, title: str) -> None:
    """Whatever is pasted, the answer is a class or what is wrong with it."""
    reading = read_list(text, title=title)
    assert (reading.roster is None) is bool(reading.flaws)

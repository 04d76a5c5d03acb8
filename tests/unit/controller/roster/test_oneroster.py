"""OneRoster zips: what is taken of them, what is dropped, and every way in which one is refused."""

from __future__ import annotations

import io
from datetime import date

import pytest

from controller.people.models import Kind
from controller.people.policy import Name
from controller.roster.flaws import MOST_TOLD, Flawed
from controller.roster.found import FoundMembership, Passed, Reading, Roster
from controller.roster.models import ClassRole, Scope, Source
from controller.roster.oneroster import read_oneroster
from tests import rosters
from tests.rosters import CLASSES, ENROLLMENTS, SECRET, changed, encode, manifest, pack, row, small_school

VERSIONS = ("1.1", "1.2")


def read(tables: dict[str, rosters.Table]) -> Reading:
    """Read tables as a zip."""
    return read_oneroster(pack(tables), "roster.zip")


def roster_of(tables: dict[str, rosters.Table]) -> Roster:
    """Read tables in which nothing is wrong."""
    reading = read(tables)
    assert reading.flaws == ()
    assert reading.roster
    return reading.roster


def told(reading: Reading) -> list[tuple[Flawed, str]]:
    """Give what is wrong, and where."""
    assert reading.roster is None
    return [(flaw.flawed, flaw.place) for flaw in reading.flaws]


@pytest.mark.parametrize("version", VERSIONS)
def test_zip_gives_classes_people_and_memberships(version: str) -> None:
    """Both versions say the same of a small school; terms give a class its days."""
    found = roster_of(small_school(version))
    assert (found.source, found.scope) == (Source.ONEROSTER, Scope.SITES)
    (only,) = found.classes
    assert (only.title, only.site, only.begins_on, only.ends_on) == (
        *("3B", "North"),
        *(date(2026, 9, 1), date(2027, 1, 31)),
    )
    assert {(person.sourced_id, person.kind, person.name) for person in found.people} == {
        ("u1", Kind.PUPIL, Name("Ana", "García")),
        ("u2", Kind.PUPIL, Name("Ben", "Kim")),
        ("t1", Kind.ADULT, Name("Tea", "Cher")),
    }
    assert {(each.person_key, each.role) for each in found.memberships} == {
        ("u1", ClassRole.PUPIL),
        ("u2", ClassRole.PUPIL),
        ("t1", ClassRole.TEACHER),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_nobody_needs_is_kept(version: str) -> None:
    """Passwords, telephones, pronouns, middle names and pupils' addresses are in no value that comes out."""
    found = roster_of(small_school(version))
    assert SECRET not in repr(found)
    assert {person.key: person.email for person in found.people} == {"u1": "", "u2": "", "t1": "tea@school.example"}


def test_chosen_name_goes_before_the_registered_one() -> None:
    """A preferred name of 1.2 is the one that is kept, and the only one."""
    tables = changed(small_school("1.2"), "users.csv", 2, preferredGivenName="Andrea")
    (person,) = (each for each in roster_of(tables).people if each.key == "u1")
    assert person.name == Name("Andrea", "García")


def test_columns_are_found_by_name_in_any_order() -> None:
    """Vendors reorder, add and leave out columns; the header alone decides, in large or small letters."""
    tables = small_school()
    tables["users.csv"] = [["metadata.x", "FAMILYNAME", "role", "givenname", "sourcedid"]] + [
        ["ignored", family, role, given, key] for key, given, family, role in rosters.PEOPLE
    ]
    assert {person.name for person in roster_of(tables).people} == {
        Name(given, family) for _, given, family, _ in rosters.PEOPLE
    }


def test_site_can_be_said_by_whoever_imports() -> None:
    """A school that names its rooms' site otherwise than its own system says so."""
    reading = read_oneroster(pack(small_school()), "roster.zip", site="")
    assert reading.roster
    assert {each.site for each in reading.roster.classes} == {""}


def test_zip_made_of_a_folder_is_read() -> None:
    """One folder around all files, as a file manager packs them, and its own litter do no harm."""
    data = pack({**small_school(), "../__MACOSX/x".removeprefix("../"): b""}, folder="")
    assert read_oneroster(data, "roster.zip").roster
    assert read_oneroster(pack(small_school(), folder="roster/"), "roster.zip").roster


def test_deleted_rows_and_whoever_names_them_are_passed_over() -> None:
    """A pupil who is marked as deleted is in no class, although an enrollment still says so."""
    reading = read(changed(small_school(), "users.csv", 2, status="tobedeleted"))
    assert reading.roster
    assert {person.key for person in reading.roster.people} == {"u2", "t1"}
    assert reading.passed_over == {Passed.GONE: 2}


def test_guardians_and_people_without_a_class_are_dropped() -> None:
    """Parents, and staff who are in no room, are nobody's business here."""
    tables = changed(small_school(), "users.csv", 5, sourcedId="g1", role="guardian", givenName="Gua")
    tables = changed(tables, "users.csv", 6, sourcedId="s1", role="teacher", givenName="Sec")
    tables = changed(tables, "enrollments.csv", 5, sourcedId="e-g1", userSourcedId="g1", role="parent")
    reading = read(tables)
    assert reading.roster
    assert {person.key for person in reading.roster.people} == {"u1", "u2", "t1"}
    assert reading.passed_over == {Passed.GUARDIAN: 2, Passed.NO_CLASS: 1}


def test_last_day_counts_and_two_stretches_are_one() -> None:
    """A pupil who left and came back is a member from the first to the last of those days: the stricter reading."""
    tables = changed(small_school(), "enrollments.csv", 2, beginDate="2026-09-01", endDate="2026-10-01")
    tables = changed(tables, "enrollments.csv", 5, sourcedId="again", userSourcedId="u1", role="student")
    tables = changed(tables, "enrollments.csv", 5, beginDate="2026-11-02T00:00:00.000Z", endDate="2026-12-24")
    expected = FoundMembership("c1", "u1", ClassRole.PUPIL, date(2026, 9, 1), date(2026, 12, 24))
    assert expected in roster_of(tables).memberships


def test_primary_role_decides_whether_a_family_answers() -> None:
    """In 1.2 a person may have several roles; the primary one decides, and without any the class does."""
    tables = small_school("1.2")
    tables = changed(tables, "roles.csv", 5, sourcedId="r2", userSourcedId="u1", roleType="secondary", role="teacher")
    assert {p.key: p.kind for p in roster_of(tables).people}["u1"] is Kind.PUPIL
    tables["roles.csv"] = tables["roles.csv"][:1]
    assert {p.key: p.kind for p in roster_of(tables).people} == {
        **dict.fromkeys(("u1", "u2"), Kind.PUPIL),
        "t1": Kind.ADULT,
    }


def test_role_of_a_schools_own_is_an_adult_in_the_room() -> None:
    """Nobody in a class is passed over because their role has a strange name."""
    tables = changed(small_school("1.2"), "enrollments.csv", 4, role="ext:observer")
    assert {m.role for m in roster_of(tables).memberships} == {ClassRole.PUPIL, ClassRole.AIDE}


SPOILT = [
    ("manifest.csv", {"value": "1.0"}, 3, Flawed.VERSION, "manifest.csv oneroster.version"),
    ("manifest.csv", {"value": "delta"}, 6, Flawed.DELTA, "manifest.csv file.users"),
    ("manifest.csv", {"value": "absent"}, 7, Flawed.FILE_MISSING, "classes.csv"),
    ("orgs.csv", {"name": ""}, 2, Flawed.BLANK, "orgs.csv:2 name"),
    ("users.csv", {"sourcedId": ""}, 2, Flawed.BLANK, "users.csv:2 sourcedId"),
    ("users.csv", {"sourcedId": "x" * 256}, 5, Flawed.TOO_LONG, "users.csv:5 sourcedId"),
    ("users.csv", {"sourcedId": "u\x07"}, 5, Flawed.NOT_PRINTABLE, "users.csv:5 sourcedId"),
    ("users.csv", {"sourcedId": "u2"}, 2, Flawed.DUPLICATE, "users.csv:3 sourcedId"),
    ("users.csv", {"givenName": "=cmd|'/c calc'!A1"}, 2, Flawed.NAME_MALFORMED, "users.csv:2 givenName"),
    ("users.csv", {"givenName": "", "familyName": " "}, 2, Flawed.BLANK, "users.csv:2 givenName"),
    ("users.csv", {"familyName": "x" * 121}, 2, Flawed.NAME_MALFORMED, "users.csv:2 givenName"),
    ("classes.csv", {"schoolSourcedId": "nowhere"}, 2, Flawed.UNKNOWN, "classes.csv:2 schoolSourcedId"),
    ("classes.csv", {"termSourcedIds": "term-1,never"}, 2, Flawed.UNKNOWN, "classes.csv:2 termSourcedIds"),
    ("classes.csv", {"title": "x" * 200}, 2, Flawed.TOO_LONG, "classes.csv:2 title"),
    ("enrollments.csv", {"userSourcedId": "nobody"}, 2, Flawed.UNKNOWN, "enrollments.csv:2 userSourcedId"),
    ("enrollments.csv", {"classSourcedId": "none"}, 2, Flawed.UNKNOWN, "enrollments.csv:2 classSourcedId"),
    ("enrollments.csv", {"role": "king"}, 2, Flawed.CHOICE, "enrollments.csv:2 role"),
    ("enrollments.csv", {"beginDate": "01/09/2026"}, 2, Flawed.DATE_MALFORMED, "enrollments.csv:2 beginDate"),
    ("enrollments.csv", {"beginDate": "2026-09-01x"}, 2, Flawed.DATE_MALFORMED, "enrollments.csv:2 beginDate"),
    (
        *("enrollments.csv", {"beginDate": "2026-09-02", "endDate": "2026-09-01"}, 2),
        *(Flawed.DATES_REVERSED, "enrollments.csv:2 endDate"),
    ),
]


@pytest.mark.parametrize(("file", "cells", "number", "flawed", "place"), SPOILT)
def test_wrong_cell_is_told_with_its_file_row_and_column(
    file: str, cells: dict[str, str], number: int, flawed: Flawed, place: str
) -> None:
    """One wrong cell is one flaw, in its place, and nothing comes out."""
    assert (flawed, place) in told(read(changed(small_school(), file, number, **cells)))


def test_everything_wrong_is_told_at_once() -> None:
    """Flaws of all files come together, so that an office mends them in one go."""
    tables = changed(small_school(), "users.csv", 2, givenName="@x")
    tables = changed(tables, "classes.csv", 2, title="")
    tables = changed(tables, "enrollments.csv", 4, role="king")
    places = [place for _, place in told(read(tables))]
    assert places == ["users.csv:2 givenName", "classes.csv:2 title", "enrollments.csv:4 role"]


def test_flaws_beyond_what_can_be_read_are_counted() -> None:
    """A file that is wrong in every row fills no page: the first are told, all are counted."""
    tables = small_school()
    tables["enrollments.csv"] = [
        ENROLLMENTS,
        *(
            row(ENROLLMENTS, sourcedId=f"e{n}", classSourcedId="c1", userSourcedId="u1", role="king")
            for n in range(999)
        ),
    ]
    reading = read(tables)
    assert (len(reading.flaws), reading.flaws_in_all) == (MOST_TOLD, 999)


def test_missing_file_is_not_told_once_for_each_who_needs_it() -> None:
    """Without users.csv that file is missing, and no enrollment is blamed."""
    tables = small_school()
    del tables["users.csv"]
    assert told(read(tables)) == [(Flawed.FILE_MISSING, "users.csv")]
    assert told(read({**small_school(), "manifest.csv": manifest("1.1", users="absent")})) == [
        (Flawed.FILE_MISSING, "users.csv")
    ]


def test_missing_columns_are_all_told() -> None:
    """Each column that is needed and not there is named."""
    tables = small_school()
    tables["users.csv"] = [["sourcedId", "role"], ["u1", "student"]]
    assert told(read(tables)) == [
        (Flawed.COLUMN_MISSING, "users.csv:1 givenName"),
        (Flawed.COLUMN_MISSING, "users.csv:1 familyName"),
    ]


def test_roster_without_classes_is_no_roster() -> None:
    """An export that went wrong and is empty would end every class; it is refused."""
    tables = {**small_school(), "classes.csv": [CLASSES], "enrollments.csv": [ENROLLMENTS]}
    assert told(read(tables)) == [(Flawed.FILE_EMPTY, "classes.csv"), (Flawed.FILE_EMPTY, "enrollments.csv")]


def test_zip_without_a_manifest_says_that_alone() -> None:
    """Nothing else can be judged before it is known what the files are."""
    tables = small_school()
    del tables["manifest.csv"]
    assert told(read(tables)) == [(Flawed.FILE_MISSING, "manifest.csv")]


@pytest.mark.parametrize("version", VERSIONS)
def test_users_in_other_encodings_are_read_or_refused(version: str) -> None:
    """UTF-8 with a mark and UTF-16 are sure; cp1252 would be a guess and is refused with its row."""
    tables = small_school(version)
    for encoding in ("utf-8-sig", "utf-16"):
        packed = pack({**tables, "users.csv": encode(tables["users.csv"], encoding)})
        assert read_oneroster(packed, "roster.zip").roster == roster_of(tables)
    packed = pack({**tables, "users.csv": encode(tables["users.csv"], "cp1252")})
    assert told(read_oneroster(packed, "roster.zip")) == [(Flawed.ENCODING, "users.csv:2")]


def test_words_of_a_flaw_say_what_was_expected_and_what_to_do() -> None:
    """The command line's sentence has place, fact and remedy; hostile text in it is cut and shown harmlessly."""
    tables = changed(small_school(), "enrollments.csv", 2, role="\x1b[2J" + "k" * 500)
    (flaw,) = read(tables).flaws
    assert str(flaw).startswith("enrollments.csv:2 role: expected one of administrator, aide,")
    assert "\x1b" not in str(flaw)
    assert len(str(flaw)) < 300


def test_something_else_than_a_zip_is_refused_in_words() -> None:
    """A spreadsheet, a picture, nothing at all."""
    for data in (b"", b"\x89PNG\r\n", b"PK\x03\x04" + b"\0" * 50, encode(small_school()["users.csv"])):
        assert told(read_oneroster(io.BytesIO(data), "x.zip")) == [(Flawed.ZIP_UNREADABLE, "x.zip")]

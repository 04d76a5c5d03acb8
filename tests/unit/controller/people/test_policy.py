"""What can be a name, and which two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.people.policy import NAME_CHARS, Name, listing_key, may_be_name, same_name, tidy


@pytest.mark.parametrize(
    ("given_name", "family", "accepted"),
    [
        ("Ana", "García", True),
        ("Ana", "", True),
        ("", "Ωμέγα", True),
        ("O’Neil-Ñuño", "van der Berg", True),
        ("-", "Kim", True),
        ("", "", False),
        ("=HYPERLINK(1)", "García", False),
        ("Ana", "@SUM(A1)", False),
        ("+1", "García", False),
        ("A" * NAME_CHARS, "B", True),
        ("A" * (NAME_CHARS + 1), "B", False),
        ("A\x00na", "B", False),
        ("A‮na", "B", False),
    ],
)
def test_name_is_something_shown_that_no_spreadsheet_runs(given_name: str, family: str, accepted: bool) -> None:  # noqa: FBT001
    """One part is enough; formulas, control characters and what is too long are no names."""
    assert may_be_name(Name(given_name, family)) is accepted


def test_same_name_counts_no_case_and_no_blanks_but_accents() -> None:
    """`ana  GARCIA` is Ana Garcia, however the accents were written; Ána is somebody else."""
    assert same_name(Name("ana", " GARCÍA ")) == same_name(Name("Ana", "García"))
    assert same_name(Name("Ana", "Garcia")) != same_name(Name("Ana", "García"))


@given(st.text(max_size=40))
def test_tidying_twice_changes_nothing(text: str) -> None:
    """What was kept is found again by what is read later."""
    assert tidy(tidy(text)) == tidy(text)


def test_name_is_listed_by_family_and_spoken_by_given() -> None:
    """A missing part leaves no comma and no blank."""
    assert (Name("Ana", "García").listed, Name("Ana", "García").spoken) == ("García, Ana", "Ana García")
    assert (Name("Pelé", "").listed, Name("", "Kim").spoken) == ("Pelé", "Kim")


def test_accents_change_no_place_in_a_list() -> None:
    """An office looks for Öst where it looks for Ost."""
    names = [Name("", each) for each in ("Zed", "Öst", "Otto", "Osa", "Ángel", "Anton")]
    assert [name.family for name in sorted(names, key=listing_key)] == ["Ángel", "Anton", "Osa", "Öst", "Otto", "Zed"]

"""The page of agreements: each says their own word, at once, and nobody another's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.accounts.models import Role
from controller.consent import repo
from controller.consent.agreeing import agrees, principal_agrees
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.consent.refusals import ConsentRefusedError
from controller.timetable.repo import require_room
from tests.days import local_now
from tests.house import House, Teacher, make_house, post

PAGE = "/consent/agreements"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school of two sites."""
    made = make_house(tmp_path)
    with made.services.database.writing() as session:
        for site in ("North", "South"):
            require_room(session, site, "Gym", made.services.random_bytes)
    yield made
    made.services.database.close()


def teacher_agrees(house: House, teacher: Teacher, in_days: int = 0) -> bool:
    """Tell whether a teacher agrees on a day."""
    with house.services.database.reading() as session:
        said = repo.agreements(session).get((Who.TEACHER, teacher.id), ())
    return agrees(said, local_now(house).date() + timedelta(days=in_days))


def sites_agreed(house: House) -> list[str]:
    """Give the sites at which recording is agreed to today."""
    with house.services.database.reading() as session:
        said = repo.agreements(session)
    return [site for site in ("", "North", "South") if principal_agrees(said, site, local_now(house).date())]


def test_teacher_agrees_between_two_days_and_takes_it_back(house: House) -> None:
    """From tomorrow for a week; taking it back ends also what is still to come, and the page says each."""
    teacher = house.add_teacher()
    browser, today = house.browser(teacher), local_now(house).date()
    days = {"holds_from": str(today + timedelta(days=1)), "holds_until": str(today + timedelta(days=8))}
    assert post(browser, f"{PAGE}/mine", page=PAGE, agrees="yes", **days).status_code == 303
    assert [teacher_agrees(house, teacher, day) for day in (0, 1, 8, 9)] == [False, True, True, False]
    assert "on they do" in browser.get(PAGE).text
    assert post(browser, f"{PAGE}/mine", page=PAGE, agrees="no").status_code == 303
    assert not any(teacher_agrees(house, teacher, day) for day in range(10))
    assert "Taken back" in browser.get(PAGE).text


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"holds_from": "2020-01-01"}, "First day: expected"),
        ({"holds_from": "2020-13-01"}, "expected a day like 2026-12-24"),
        ({"holds_from": "2099-01-01"}, "look at the year"),
        ({"holds_until": "2020-01-01"}, "Last day: the last day 2020-01-01 is before the first"),
    ],
)
def test_days_that_cannot_be_are_refused(house: House, days: dict[str, str], words: str) -> None:
    """The field is named, and nothing is written down."""
    teacher = house.add_teacher()
    refused = post(house.browser(teacher), f"{PAGE}/mine", page=PAGE, agrees="yes", **days)
    assert refused.status_code == 422
    assert words in refused.text
    assert not teacher_agrees(house, teacher)


def test_principal_agrees_for_several_sites_and_takes_all_back_in_one_action(house: House) -> None:
    """The whole school's no ends every site's yes, though a site's word counts before the school's."""
    browser = house.browser(house.add_person("Pia Principal", Role.PRINCIPAL))
    token = {"page": PAGE}
    assert post(browser, f"{PAGE}/sites", agrees="yes", site=["North", "South"], **token).status_code == 303
    assert sites_agreed(house) == ["North", "South"]
    assert post(browser, f"{PAGE}/sites", agrees="no", site="", **token).status_code == 303
    assert sites_agreed(house) == []
    nothing = post(browser, f"{PAGE}/sites", agrees="yes", **token)
    assert nothing.status_code == 422
    assert "no place was chosen" in nothing.text


def test_principal_of_a_site_speaks_for_no_other(house: House) -> None:
    """Neither for the neighbour nor for the whole school; and the page offers neither."""
    browser = house.browser(house.add_person("Pia Principal", Role.PRINCIPAL, site="North"))
    assert 'value="South"' not in browser.get(PAGE).text
    for site in ("South", "", "Nroth"):
        assert post(browser, f"{PAGE}/sites", page=PAGE, agrees="yes", site=site).status_code == 422
    assert sites_agreed(house) == []
    assert post(browser, f"{PAGE}/sites", page=PAGE, agrees="yes", site="North").status_code == 303
    assert sites_agreed(house) == ["North"]


def test_who_is_missing_stands_first(house: House) -> None:
    """The office sees who has not agreed, and nothing to say itself."""
    willing, missing = house.add_teacher("Ada Willing"), house.add_teacher("Bea Missing", room="Room 14")
    word = Word(who=Who.TEACHER, about=willing.id, agrees=True, holds_from=local_now(house).date())
    write_agreements(house.services, [word], by=willing.id)
    text = house.browser(house.add_person("Olga Office", Role.KEEPER)).get(PAGE).text
    assert text.index("Bea Missing") < text.index("Ada Willing")
    assert "1 teacher has not agreed." in text
    assert "<button" not in text.split("<main")[1]
    assert "Ada Willing" not in house.browser(missing).get(PAGE).text


def test_nobody_speaks_for_a_teacher(house: House) -> None:
    """Not the admin, not a colleague; and an account that is none or teaches nothing cannot agree."""
    teacher, admin = house.add_teacher(), house.add_admin()
    today = local_now(house).date()
    for about, by, words in (
        (teacher.id, admin.id, "somebody else’s to say"),
        (admin.id, admin.id, "this person is no teacher"),
        ("nobody", "nobody", "nobody has the account “nobody”"),
    ):
        word = Word(who=Who.TEACHER, about=about, agrees=True, holds_from=today)
        with pytest.raises(ConsentRefusedError, match=words):
            write_agreements(house.services, [word], by=by)
    assert not teacher_agrees(house, teacher)

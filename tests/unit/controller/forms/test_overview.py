"""Who has not answered, what is printed, and one person's answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select

from controller.accounts.models import Role
from controller.consent.rules import Rules
from controller.forms.listing import CLASSES_A_PAGE
from controller.forms.models import ConsentForm, FormCode
from controller.people.models import Person
from controller.roster.drafts import today
from controller.roster.models import SchoolClass, Source
from tests.forms import Pile, enter_answers, let_hold, make_pile
from tests.house import House, house, post

__all__ = ["house"]
NAMES = ("Ana García", "Ben Kim", "Eve Low", "Luz Moreno", "Nils Öst", "Pat O’Neil", "Rita Roy", "Sam Sow")


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def pile(house: House, browser: FlaskClient) -> Pile:
    """Give eight forms; of six something was entered."""
    made = make_pile(house, NAMES, by="office")
    enter_answers(house, made, by="office")
    return made


def section(page: str, name: str) -> str:
    """Give a section of a page by its id."""
    found = re.search(rf'<section id="{name}".*?</section>', page, re.S)
    assert found
    return found.group()


def count(house: House, model: type) -> int:
    """Count the rows of a table."""
    with house.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_sums_of_a_class_are_those_of_its_pupils(browser: FlaskClient, pile: Pile) -> None:
    """Yes to anything, no to everything, missing; the class shows the names behind the last."""
    listed = browser.get("/forms").text
    assert "asked: 8" in listed
    assert "yes: 3" in listed
    assert "no: 3" in listed
    assert "2 are missing" in listed
    assert "García" not in listed
    page = browser.get(f"/forms/classes/{pile.class_id}").text
    missing = section(page, "missing")
    assert [name for name in ("Roy, Rita", "Sow, Sam", "García, Ana") if name in missing] == ["Roy, Rita", "Sow, Sam"]
    assert "Asked: 8. Yes: 3. No: 3. Missing: 2." in page


def enter_district(house: House, sites: Sequence[str], classes: int) -> None:
    """Enter empty classes: so many at each site, from 1A on."""
    with house.services.database.writing() as session:
        session.add_all(
            SchoolClass(
                id=house.services.new_id(),
                source=Source.TABLE,
                title=f"{number}A",
                site=site,
                begins_on=today(house.services),
            )
            for site in sites
            for number in range(1, classes + 1)
        )


def titles(page: str) -> list[str]:
    """Give the classes that a page lists."""
    return re.findall(r'lang="">(\d+[A-C])</a>', page)


def test_overview_shows_the_classes_of_the_site_that_is_chosen(browser: FlaskClient, house: House) -> None:
    """By site, by a part of the title, by both; classes without a site can be chosen as well."""
    enter_district(house, ["North", "South", ""], 12)
    assert len(titles(browser.get("/forms").text)) == 36
    north = browser.get("/forms?site=North").text
    assert len(titles(north)) == 12
    assert '<option value="North" selected' in north
    assert titles(browser.get("/forms?site=South&title=2a").text) == ["12A", "2A"]
    assert len(titles(browser.get("/forms?site=").text)) == 12
    assert "No class here has such a name." in browser.get("/forms?site=North&title=9C").text
    assert "No class is known yet" not in browser.get("/forms?site=Elsewhere").text


def test_overview_shows_a_bounded_page(browser: FlaskClient, house: House) -> None:
    """Every class on one page, none on two; a page that there is not is the last, or the first."""
    enter_district(house, ["North", "South"], CLASSES_A_PAGE)
    first, second = browser.get("/forms").text, browser.get("/forms?site=*&page=2").text
    assert (len(titles(first)), len(titles(second))) == (CLASSES_A_PAGE, CLASSES_A_PAGE)
    assert "Page 1 of 2" in first
    assert 'rel="next" href="/forms?site=*&amp;title=&amp;page=2"' in first
    assert 'rel="prev"' not in first
    assert (first.count("North</span>"), second.count("South</span>")) == (CLASSES_A_PAGE, CLASSES_A_PAGE)
    assert titles(browser.get("/forms?page=99").text) == titles(second)
    assert titles(browser.get("/forms?page=-1").text) == titles(browser.get("/forms?page=x").text) == titles(first)
    assert "Page 1" not in browser.get("/forms?site=North").text


def test_overview_of_one_site_reads_nobody_of_another(browser: FlaskClient, house: House, pile: Pile) -> None:
    """No question to the database names one of their pupils, so that a district costs a school nothing."""
    with house.services.database.writing() as session:
        session.get_one(SchoolClass, pile.class_id).site = "South"
    enter_district(house, ["North"], 1)
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, _statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append(str(parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        browser.get("/forms?site=North")
        assert not [each for each in asked if pile.pupils[0] in each]
        browser.get("/forms?site=South")
        assert [each for each in asked if pile.pupils[0] in each]
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_ended_answer_is_missing_again(house: House, browser: FlaskClient, pile: Pile) -> None:
    """After its last day a family is asked anew; a no has no last day."""
    house.clock.pass_time(timedelta(days=201))
    again = house.browser(house.add_person("Otto Office", Role.KEEPER))
    page = again.get(f"/forms/classes/{pile.class_id}").text
    assert "Missing: 5." in page
    assert section(page, "missing").count("Ended") == 3


def test_older_form_is_told_with_what_changed(house: House, browser: FlaskClient, pile: Pile) -> None:
    """The settings that differ are named, answers on the older form are counted and marked."""
    assert "is form 1" in browser.get("/forms").text
    let_hold(house, Rules(seats=False))
    page = browser.get("/forms").text
    assert "changed since form 1 was printed" in page
    assert "seats out of the picture" in page
    assert "what silence means" not in page
    assert "on older forms: 6" in page
    assert "on older form 1" in browser.get(f"/forms/classes/{pile.class_id}").text


def test_printing_gives_codes_to_whom_it_is_asked_for(house: House, browser: FlaskClient) -> None:
    """Looking makes none; printing makes one for everybody who is missing, and the same when it is done again."""
    made = make_pile(house, NAMES[:3], by="office")
    let_hold(house, Rules(seats=False))
    sheets = f"/forms/classes/{made.class_id}/sheets"
    assert "3 people have no form" in browser.get(sheets).text
    assert (count(house, ConsentForm), count(house, FormCode)) == (1, 3)
    answer = post(browser, sheets, page=f"/forms/classes/{made.class_id}", whose="missing", language="es")
    shown = browser.get(answer.location).text
    assert shown.count("<article") == 3
    assert 'lang="es"' in shown
    assert "¿Se pueden grabar las clases?" in shown
    assert (count(house, ConsentForm), count(house, FormCode)) == (2, 6)
    post(browser, sheets, page=sheets, whose="everybody", language="en")
    assert (count(house, ConsentForm), count(house, FormCode)) == (2, 6)


def test_notice_says_what_the_settings_are(house: House, browser: FlaskClient) -> None:
    """On day one by the strict defaults and the server's numbers; afterwards as the rules say."""
    first = browser.get("/forms/notice").text
    assert "Who does not return it is taken to have said no" in first
    assert "for 7 days at the most" in first
    assert "For 7 days a deletion can be taken back" in first
    assert "every 30 days" in first
    assert "when 10 days with school have passed" in first
    assert "has 10 days with school for an answer before that" in first
    assert "Olga Office" in first
    let_hold(house, Rules(sound=False, objection=True, adults=False, principal_opts_in=False, snapshot_days=3))
    then = browser.get("/forms/notice?language=en").text
    assert "It records no sound" in then
    assert "said yes to being recorded for the eyes of the teacher alone" in then
    assert "Adults who are in the room are not asked" in then
    assert "The principal" not in then
    assert "for 3 days at the most" in then
    assert "after a no to the voice" not in then.lower()
    let_hold(house, Rules(each_time=True))
    assert "needs an answer for its very day" in browser.get("/forms/notice").text


def test_version_shows_the_words_that_were_printed(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Also after the rules changed, and in each language; a number that no form has does not exist."""
    assert "Forms are printed with these words now" in browser.get("/forms/versions/1").text
    let_hold(house, Rules(objection=True))
    page = browser.get("/forms/versions/1?language=en").text
    assert "Who does not return it is taken to have said no" in page
    assert "Forms are printed with other words now" in page
    assert "se entiende un no" in browser.get("/forms/versions/1?language=es").text
    assert browser.get("/forms/versions/9").status_code == 404


def test_version_of_another_release_is_still_read(house: House, browser: FlaskClient, pile: Pile) -> None:
    """A fact or a text that it did not know is as by default or blank; one that only it knew is passed over."""
    with house.services.database.writing() as session:
        row = session.get_one(ConsentForm, 1)
        tables = json.loads(row.content)
        del tables["facts"]["claim_days"], tables["words"]["en"]["signing"]
        tables["facts"]["moon"] = tables["words"]["en"]["moon"] = "full"
        row.content = json.dumps(tables)
    assert "May lessons be recorded?" in browser.get("/forms/versions/1?language=en").text
    assert browser.get(f"/forms/entry?code={pile.codes[0]}").status_code == 200


def test_person_shows_every_line_and_that_the_no_is_heard(browser: FlaskClient, pile: Pile) -> None:
    """Two guardians who differ, a slip that was taken back, who wrote it down; the newest stands first."""
    page = browser.get(f"/forms/people/{pile.pupils[0]}").text
    assert "They do not all say the same" in page
    lines = section(page, "lines")
    assert lines.count('class="row"') == 4
    assert lines.index("Line 3 was a slip") < lines.index("The other guardian") < lines.index("A guardian")
    assert "the server" in lines
    assert "They do not all say the same" not in browser.get(f"/forms/people/{pile.pupils[1]}").text


def test_person_who_came_of_age_is_heard_alone(house: House, browser: FlaskClient, pile: Pile) -> None:
    """What guardians answered is marked, and the person is missing until they answer."""
    with house.services.database.writing() as session:
        session.get_one(Person, pile.pupils[1]).of_age_on = today(house.services)
    page = browser.get(f"/forms/people/{pile.pupils[1]}").text
    assert "has come of age" in page
    assert "is not heard any more" in page
    assert "Not returned" in page


@pytest.mark.parametrize("page", ["/forms/classes/none", "/forms/classes/none/sheets", "/forms/people/none"])
def test_what_is_unknown_does_not_exist(browser: FlaskClient, page: str) -> None:
    """An address that somebody made up."""
    assert browser.get(page).status_code == 404

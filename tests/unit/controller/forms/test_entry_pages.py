"""Entering forms on the pages, as a browser without scripts does: a code, an answer, and the way back from a slip."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.consent.answering import UNDO_WITHIN
from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.consent.rules import Rules
from controller.forms.codes import ALPHABET, make_code, spell_code
from controller.forms.policy import HOLDS_DAYS
from controller.people.models import Person
from controller.roster.drafts import today
from tests.forms import Pile, let_hold, make_pile, print_class
from tests.house import House, house, post

__all__ = ["house"]
ENTRY = "/forms/entry"


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def pile(house: House, browser: FlaskClient) -> Pile:
    """Give three forms."""
    return make_pile(house, ("Ana García", "Ben Kim", "Eve Low"), by="office")


def press(browser: FlaskClient, code: str, said: str, **fields: str) -> TestResponse:
    """Show a form by its code, and send what is on it."""
    return post(browser, ENTRY, page=f"{ENTRY}?code={code}", code=code, said=said, **fields)


def lines(house: House) -> list[AnswerRow]:
    """Give every line of the registry."""
    with house.services.database.reading() as session:
        return list(session.scalars(select(AnswerRow).order_by(AnswerRow.number)))


def test_code_shows_whose_form_it_is(browser: FlaskClient, pile: Pile) -> None:
    """Name and class, typed as it stands on paper or in small letters; the address holds nothing but the code."""
    page = browser.get(f"{ENTRY}?code={spell_code(pile.codes[1]).lower()}").text
    assert [name for name in ("García, Ana", "Kim, Ben", "Low, Eve") if name in page] == ["Kim, Ben"]
    assert "4C" in page
    assert "older one" not in page


@pytest.mark.parametrize(
    ("said", "picture", "voice", "days"),
    [
        ("granted", "record,self", "record,self", HOLDS_DAYS),
        ("picture", "record,self", "", HOLDS_DAYS),
        ("voice", "", "record,self", HOLDS_DAYS),
        ("refused", "", "", 0),
        ("withdrawn", "", "", 0),
    ],
)
def test_answer_is_written_down_as_it_stands_on_the_form(
    house: House, browser: FlaskClient, pile: Pile, said: str, picture: str, voice: str, days: int
) -> None:
    """For the days of the form, by the first guardian unless said otherwise; a no has no end."""
    assert press(browser, pile.codes[0], said).location == ENTRY
    (line,) = lines(house)
    day = today(house.services)
    assert (line.person, line.giver, line.form_version) == (pile.pupils[0], Giver.GUARDIAN_1, pile.version)
    assert (line.picture, line.voice, line.is_withdrawal) == (picture, voice, said == "withdrawn")
    assert line.holds_from == day
    assert line.holds_until == (day + timedelta(days=days - 1) if days else None)
    shown = browser.get(ENTRY).text
    assert shown.index("Your last entries") < shown.index("Undo the entry for")


def test_other_giver_and_days_are_taken(house: House, browser: FlaskClient, pile: Pile) -> None:
    """The other guardian, from a day of next year on, without an end."""
    begins = (today(house.services) + timedelta(days=200)).isoformat()
    press(browser, pile.codes[0], "granted", giver="guardian_2", holds_from=begins, holds_until="")
    (line,) = lines(house)
    assert (line.giver, str(line.holds_from), line.holds_until) == (Giver.GUARDIAN_2, begins, None)


def test_slip_is_undone_by_another_line(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Nothing is overwritten; the list says what was taken back, and a second undo is refused in words."""
    press(browser, pile.codes[0], "granted")
    undo = re.search(r'action="(/forms/entry/\d+/undo)"', browser.get(ENTRY).text)
    assert undo
    assert post(browser, undo.group(1), page=ENTRY).location == ENTRY
    first, second = lines(house)
    assert (first.picture, second.undoes) == ("record,self", first.number)
    page = browser.get(ENTRY).text
    assert "a slip, taken back" in page
    assert "/undo" not in page
    again = post(browser, undo.group(1), page=ENTRY)
    assert again.status_code == 422
    assert "enter what holds now" in again.text


def test_undo_ends_with_the_day(house: House, browser: FlaskClient, pile: Pile) -> None:
    """What is older is no slip any more."""
    press(browser, pile.codes[0], "granted")
    house.clock.pass_time(UNDO_WITHIN)
    browser = house.browser(house.add_person("Otto Office", Role.KEEPER))
    assert post(browser, f"{ENTRY}/1/undo", page=ENTRY).status_code == 422
    assert len(lines(house)) == 1


def test_wrong_character_is_named_with_the_code_that_was_meant(browser: FlaskClient, pile: Pile) -> None:
    """At each place; the typed text stays in the field, and no name is told."""
    code = pile.codes[0]
    for place, char in enumerate(code):
        wrong = code[:place] + ALPHABET[(ALPHABET.index(char) + 7) % len(ALPHABET)] + code[place + 1 :]
        answer = browser.get(f"{ENTRY}?code={wrong}")
        assert answer.status_code == 422
        assert f"character {place + 1} is probably wrong: there is a form “{spell_code(code)}”" in answer.text
        assert f'value="{wrong}"' in answer.text
        assert "García" not in answer.text


def test_swapped_neighbours_are_named(browser: FlaskClient, pile: Pile) -> None:
    """With both places, where they are not the same character."""
    code = pile.codes[0]
    place = next(each for each in range(7) if code[each] != code[each + 1])
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    words = f"characters {place + 1} and {place + 2} are probably swapped: there is a form “{spell_code(code)}”"
    assert words in browser.get(f"{ENTRY}?code={wrong}").text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "nothing was typed"),
        ("BCDE-FGH0", "character 8 is “0”, which no code has"),
        ("BCDE-FGH", "expected 8 characters, got 7"),
        ("BBBB-BBBC", "a character is wrong or two are swapped"),
        (make_code(bytes(16)), "was not printed by this server"),
    ],
)
def test_code_that_is_none_says_why_and_what_to_do(browser: FlaskClient, pile: Pile, typed: str, words: str) -> None:
    """Of another school, cut off, mistyped: each in its own words."""
    answer = browser.get(f"{ENTRY}?code={typed}")
    assert answer.status_code == 422
    assert words in answer.text
    assert "What to do:" in answer.text


def test_older_form_is_said_to_be_one_and_entered_as_such(house: House, browser: FlaskClient, pile: Pile) -> None:
    """The rules changed since it was printed: the answer is one to what stood on it."""
    let_hold(house, Rules(sound=False))
    newer = print_class(house, pile.class_id)
    assert newer.version == pile.version + 1
    page = browser.get(f"{ENTRY}?code={pile.codes[0]}").text
    assert "This form is an older one" in page
    press(browser, pile.codes[0], "voice")
    assert lines(house)[-1].form_version == pile.version
    assert 'value="voice"' not in browser.get(f"{ENTRY}?code={newer.codes[0]}").text
    refused = press(browser, newer.codes[0], "voice")
    assert refused.status_code == 422
    assert "the form has no such box" in refused.text


def test_same_settings_give_the_same_version_again(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Printing twice makes neither a version nor a code; going back to old rules goes back to the old form."""
    assert print_class(house, pile.class_id) == pile
    let_hold(house, Rules(seats=False))
    assert print_class(house, pile.class_id).version == pile.version + 1
    let_hold(house, Rules())
    assert print_class(house, pile.class_id) == pile


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"holds_from": "2206-01-01"}, "these days cannot be meant"),
        ({"holds_from": "tomorrow"}, "these days cannot be meant"),
        ({"holds_until": "2020-01-01"}, "which is first"),
        ({"giver": "aunt"}, "this person cannot answer here"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_the_form_stays(
    house: House, browser: FlaskClient, pile: Pile, fields: dict[str, str], words: str
) -> None:
    """Nothing is written down; the page says which field, and still shows whose form it is."""
    answer = press(browser, pile.codes[0], "granted", **fields)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'id="said"' in answer.text
    assert lines(house) == []


def test_who_came_of_age_answers_alone(house: House, browser: FlaskClient, pile: Pile) -> None:
    """From that day on no guardian can be chosen, and none is taken."""
    with house.services.database.writing() as session:
        session.get_one(Person, pile.pupils[0]).of_age_on = today(house.services)
    assert "The other guardian" not in browser.get(f"{ENTRY}?code={pile.codes[0]}").text
    assert press(browser, pile.codes[0], "granted", giver="guardian_1").status_code == 422
    press(browser, pile.codes[0], "granted")
    assert [line.giver for line in lines(house)] == [Giver.SELF]


def test_form_of_somebody_forgotten_is_refused(house: House, browser: FlaskClient, pile: Pile) -> None:
    """There is nobody any more for whom it could be entered."""
    with house.services.database.writing() as session:
        session.get_one(Person, pile.pupils[0]).forgotten_at = house.clock()
    assert "destroy the paper" in browser.get(f"{ENTRY}?code={pile.codes[0]}").text


def test_each_time_school_enters_for_the_day(house: House, browser: FlaskClient) -> None:
    """The usual days are today alone."""
    let_hold(house, Rules(each_time=True))
    pile = make_pile(house, ("Ana García",), by="office", title="1A")
    press(browser, pile.codes[0], "granted")
    (line,) = lines(house)
    assert line.holds_from == line.holds_until == today(house.services)

"""The page of the school's rules: nothing holds before its difference was seen, and each loosening says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.consent import repo
from controller.consent.reading import write_form
from controller.consent.rules import PRESETS, PUPILS_TOO, STRICT, Rules
from tests.classes import enter_classes
from tests.days import Hours, enter_day, enter_lesson, person_of, put_in_room
from tests.house import House, Person, make_house, post

PAGE = "/consent/rules"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school without rules of its own."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def officer(house: House) -> Person:
    """Add the privacy officer."""
    return house.add_person("Priya Officer", Role.PRIVACY)


def newest(house: House) -> tuple[int, Rules] | None:
    """Give the rules that hold."""
    with house.services.database.reading() as session:
        return repo.newest_rules(session)


def send(browser: FlaskClient, rules: Rules, *, address: str = PAGE, **fields: str) -> TestResponse:
    """Send a form of the rules."""
    return post(browser, address, page=PAGE, **write_form(rules), **fields)


def test_page_says_that_rules_are_what_a_timetable_waits_for(house: House, officer: Person) -> None:
    """Not before there are lessons, and no more once there are rules."""
    browser, teacher = house.browser(officer), house.add_teacher()
    waits = "The rules are what is missing first"
    assert waits not in browser.get(PAGE).text
    class_id = enter_classes(house, by=officer.id, teacher=teacher.id).class_id
    hours = Hours(begins=time(9), ends=time(10))
    room = put_in_room(house, teacher.device, "Room 12")
    enter_lesson(house, room, class_id, [person_of(house, teacher.id)], hours)
    assert waits in browser.get(PAGE).text
    send(browser, STRICT, seen="0", **{f"reason-{PUPILS_TOO}": "We learn from it"})
    assert waits not in browser.get(PAGE).text


def test_first_rules_need_a_reason_to_begin(house: House, officer: Person) -> None:
    """Without it nothing is set, and what was typed stays; with it they hold, and the history says who and why."""
    browser = house.browser(officer)
    assert "only adults who accepted it are recorded" in browser.get(PAGE).text
    shown = send(browser, STRICT, address=f"{PAGE}/preview").text
    assert f'name="reason-{PUPILS_TOO}"' in shown
    assert shown.count("<textarea") == 1
    refused = send(browser, STRICT, seen="0")
    assert refused.status_code == 422
    assert newest(house) is None
    assert send(browser, STRICT, seen="0", **{f"reason-{PUPILS_TOO}": "We learn from it"}).status_code == 303
    assert newest(house) == (1, STRICT)
    history = browser.get(PAGE).text
    assert "We learn from it" in history
    assert "Priya Officer" in history


def test_reason_without_need_is_kept_as_well(house: House, officer: Person) -> None:
    """The page asks for one where rules become stricter, too; what is typed there stands in the history."""
    browser = house.browser(officer)
    begun = {f"reason-{PUPILS_TOO}": "We learn from it", "reason-most_seats": "Rooms are large", "reason-adults": " "}
    stricter = replace(STRICT, most_seats=STRICT.most_seats - 1)
    shown = send(browser, stricter, seen="0", address=f"{PAGE}/preview").text
    assert "Why, if you want to say it: Most seats out of the picture" in shown
    assert send(browser, stricter, seen="0", **begun).status_code == 303
    later = {"reason-margin_s": "As it was"}
    assert send(browser, replace(stricter, each_time=True), seen="1", **later).status_code == 303
    history = browser.get(PAGE).text.partition('id="history"')[2]
    for words in ("We learn from it", "Rooms are large", "As it was"):
        assert f'<q lang="">{words}</q>' in history, words


@pytest.mark.parametrize("name", PRESETS)
def test_preset_fills_the_form_and_is_set_as_it_stands(house: House, officer: Person, name: str) -> None:
    """What the page offers is what the unit's decisions are taken by."""
    browser = house.browser(officer)
    assert browser.get(f"{PAGE}?preset={name}").status_code == 200
    reasons = {f"reason-{setting}": "because" for setting in (PUPILS_TOO, *Rules.__dataclass_fields__)}
    assert send(browser, PRESETS[name], seen="0", **reasons).status_code == 303
    assert newest(house) == (1, PRESETS[name])


def test_rules_that_somebody_else_changed_meanwhile_are_not_overwritten(house: House, officer: Person) -> None:
    """The page says so, and shows the difference to those that hold now."""
    browser = house.browser(officer)
    send(browser, STRICT, seen="0", **{f"reason-{PUPILS_TOO}": "We learn from it"})
    late = send(browser, Rules(each_time=True), seen="0")
    assert late.status_code == 422
    assert "somebody changed the rules since you looked" in late.text
    assert 'name="seen" value="1"' in late.text
    assert newest(house) == (1, STRICT)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"most_seats": "61"}, "Most seats out of the picture: expected 0 to 60, got 61"),
        ({"most_seats": "many"}, "expected 0, 1, 2, …, got “many”"),
        ({"objection": "on", "each_time": "on"}, "silence cannot be a yes"),
    ],
)
def test_setting_that_cannot_be_is_named(house: House, officer: Person, typed: dict[str, str], words: str) -> None:
    """The form comes back with what was typed."""
    fields = {**write_form(STRICT), **typed}
    for address in (PAGE, f"{PAGE}/preview"):
        answer = post(house.browser(officer), address, page=PAGE, seen="0", **fields)
        assert answer.status_code == 422
        assert words in answer.text
    assert newest(house) is None


def test_preview_counts_the_lessons_that_turn(house: House) -> None:
    """One lesson is allowed with a seat now; without seats it would be refused, and nothing is written."""
    admin, teacher = house.add_admin(), house.add_teacher()
    classes = enter_classes(house, by=admin.id, teacher=teacher.id)
    enter_day(house, teacher, classes.class_id, room="Room 12")
    text = send(house.browser(admin), Rules(seats=False), address=f"{PAGE}/preview").text
    numbers = [part.split("<")[0] for part in text.split("<dd>")[1:]]
    assert numbers == ["1", "1", "0", "0", "1", "0"]
    assert newest(house) == (1, STRICT)


def test_principal_of_a_site_sees_the_rules_and_sets_none(house: House) -> None:
    """They are the whole school's."""
    browser = house.browser(house.add_person("Pia Principal", Role.PRINCIPAL, site="North"))
    shown = browser.get(PAGE).text
    assert "Rules are the whole school’s" in shown
    for address in (PAGE, f"{PAGE}/preview"):
        assert post(browser, address, page="/account", seen="0", **write_form(STRICT)).status_code == 404
    assert newest(house) is None

"""The page of pilots: a room begins, goes on longer, ends; and what cannot be is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.accounts.models import Role
from controller.consent import repo
from controller.devices.models import Device
from controller.timetable.repo import require_room
from protocol.documents import Policy, peek_document
from tests.days import local_now, put_in_room
from tests.house import House, Teacher, make_house, post
from tests.ruled import set_first_rules

PAGE = "/consent/pilots"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a school with rules."""
    made = make_house(tmp_path)
    set_first_rules(made.services)
    yield made
    made.services.database.close()


def otherwise(house: House, teacher: Teacher) -> str:
    """Give why a press outside of every lesson is allowed or refused."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    return peek_document(Policy, line).otherwise.reason


def test_pilot_begins_goes_on_and_ends(house: House) -> None:
    """Each is told to the unit of the room, and each word stays."""
    teacher, browser = house.add_teacher(), house.browser(house.add_person("Priya Officer", Role.PRIVACY))
    room, today = put_in_room(house, teacher.device, "Room 12"), local_now(house).date()
    for days in (3, 9):
        until = str(today + timedelta(days=days))
        assert post(browser, PAGE, page=PAGE, room=room, until=until, reason="a course").status_code == 303
        assert otherwise(house, teacher) == "adults_only"
    with house.services.database.reading() as session:
        assert repo.pilots_on(session, today)[room].until == today + timedelta(days=9)
    assert "a course" in browser.get(PAGE).text
    assert post(browser, f"{PAGE}/{room}/end", page=PAGE).status_code == 303
    assert otherwise(house, teacher) == "no_lesson"
    again = post(browser, f"{PAGE}/{room}/end", page=PAGE)
    assert (again.status_code, "there is no pilot in this room" in again.text) == (422, True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"room": "none"}, "no room is known by “none”"),
        ({"until": ""}, "Last day: expected a day like"),
        ({"until": "2020-01-01"}, "Last day: expected 2026-11-24 or later"),
        ({"reason": " "}, "Reason"),
    ],
)
def test_pilot_that_cannot_be_is_refused(house: House, wrong: dict[str, str], words: str) -> None:
    """The field is named, and nothing is written down."""
    with house.services.database.writing() as session:
        room = require_room(session, "", "Room 12", house.services.random_bytes).id
    fields = {"room": room, "until": str(local_now(house).date()), "reason": "a course", **wrong}
    answer = post(house.browser(house.add_admin()), PAGE, page=PAGE, **fields)
    assert answer.status_code == 422
    assert words in answer.text
    with house.services.database.reading() as session:
        assert repo.pilots_on(session, local_now(house).date()) == {}


def test_principal_of_a_site_begins_none(house: House) -> None:
    """They see which there are."""
    browser = house.browser(house.add_person("Pia Principal", Role.PRINCIPAL, site="North"))
    assert browser.get(PAGE).status_code == 200
    for address in (PAGE, f"{PAGE}/some/end"):
        assert post(browser, address, page="/account", room="x", until="2026-11-24", reason="x").status_code == 404

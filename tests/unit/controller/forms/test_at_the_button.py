"""From the paper to the button: what the office enters by its pages is what the room's unit decides by, at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.accounts.models import Role
from controller.devices.policies import renew_policies
from tests.forms import print_class
from tests.house import make_house, post
from tests.ruled import set_first_rules
from tests.unit.controller.consent.test_answering import IN_CLASS, Room, furnish

ENTRY = "/forms/entry"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Give a room whose unit may record: everybody has agreed."""
    house = make_house(tmp_path)
    house.clock.now = IN_CLASS - timedelta(hours=1)
    made = furnish(house)
    set_first_rules(house.services)
    renew_policies(house.services)
    made.agree()
    yield made
    house.services.database.close()


def test_no_on_a_form_refuses_the_next_press_and_its_undo_allows_it(room: Room) -> None:
    """The unit is told in the same moment by a key that refuses, one that takes back, and the undo of a slip."""
    house = room.house
    browser = house.browser(house.add_person("Olga Office", Role.KEEPER))
    code = print_class(house, room.class_id).codes[0]
    assert room.press().allowed
    for number, said in enumerate(("refused", "withdrawn"), start=1):
        post(browser, ENTRY, page=f"{ENTRY}?code={code}", code=code, said=said, giver="guardian_2")
        assert room.press().reason == "voice_not_granted"
        post(browser, f"{ENTRY}/{len(room.pupils) + 2 * number - 1}/undo", page=ENTRY)
        assert room.press().allowed

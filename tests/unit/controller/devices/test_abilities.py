"""What a unit's release can: kept as the unit says it, and its snapshot follows in the same answer."""

from __future__ import annotations

import logging

import pytest

from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from tests.house import House
from tests.unit.controller.devices.test_life import row_of
from tests.unit.controller.uploads.unit_client import UnitClient, make_unit


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease, of Ada in Room 12."""
    return make_unit(house)


def say(unit: UnitClient, header: str | None) -> bytes:
    """Fetch the documents; give them."""
    answer = unit.ask("GET", "/documents", more={} if header is None else {"Backrow-Abilities": header})
    assert answer.status_code == 200
    return bytes(answer.data)


def test_abilities_are_those_that_were_said_last(house: House, unit: UnitClient) -> None:
    """What nobody here knows is not kept, and a unit that went back to an earlier release can nothing."""
    for header, known in (
        ("flies, omits_sound", "omits_sound"),
        ("flies", ""),
        ("omits_sound", "omits_sound"),
        (None, ""),
    ):
        say(unit, header)
        assert row_of(house, unit.teacher.device).abilities == known


def test_malformed_header_costs_nothing(house: House, unit: UnitClient, caplog: pytest.LogCaptureFixture) -> None:
    """The unit gets its documents, and what was known stays."""
    say(unit, "omits_sound")
    with caplog.at_level(logging.WARNING):
        say(unit, "Omits-Sound!")
    assert row_of(house, unit.teacher.device).abilities == "omits_sound"
    assert "Backrow-Abilities: expected" in caplog.text


def test_ability_that_is_new_is_followed_in_the_same_answer(house: House, unit: UnitClient) -> None:
    """A unit that was updated does not wait for another asking, and saying it again issues nothing."""
    set_rules(house.services, Rules(sound=False), seen=0, reasons={"sound": "so", "pupils": "so"}, by="officer")
    answer, version = say(unit, "omits_sound"), row_of(house, unit.teacher.device).policy_version
    line = row_of(house, unit.teacher.device).policy_line
    assert line
    assert line in answer
    say(unit, "omits_sound")
    assert row_of(house, unit.teacher.device).policy_version == version

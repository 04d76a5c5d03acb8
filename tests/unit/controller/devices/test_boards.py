"""The board that a unit says it is in: kept, shown, and a line of history when its card speaks from another one."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from controller.devices.forms import describe_unit, encode_csv
from controller.devices.history import Happening
from controller.devices.models import DeviceState
from controller.devices.words import HAPPENINGS
from protocol.board import encode_board, make_board
from tests.house import House
from tests.unit.controller.devices.test_life import history, row_of
from tests.unit.controller.uploads.unit_client import UnitClient, make_unit

PI = "Raspberry Pi 5 Model B Rev 1.0"


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease, of Ada in Room 12."""
    return make_unit(house)


def say(unit: UnitClient, serial: str, model: str = PI) -> int:
    """Fetch the documents, as a unit in a board does."""
    return say_header(unit, encode_board(make_board(model=model, serial=serial)))


def say_header(unit: UnitClient, header: str) -> int:
    """Fetch the documents with a header; give the status."""
    return unit.ask("GET", "/documents", more={"Backrow-Board": header}).status_code


def board_of(house: House, unit: UnitClient) -> tuple[str, str]:
    """Read what the registry knows."""
    row = row_of(house, unit.teacher.device)
    return row.model, row.serial


def test_first_board_is_kept_and_is_no_event(house: House, unit: UnitClient) -> None:
    """It is what the unit was built with."""
    assert board_of(house, unit) == ("", "")
    assert say(unit, "a1") == 200
    assert board_of(house, unit) == (PI, "a1")
    assert history(house, unit.teacher.device) == []


def test_card_in_another_board_is_a_line_of_history_and_no_refusal(house: House, unit: UnitClient) -> None:
    """The unit gets its documents and stays active: a card may be moved when a board is broken."""
    say(unit, "a1")
    assert say(unit, "b2", "Raspberry Pi 4 Model B Rev 1.5") == 200
    assert board_of(house, unit) == ("Raspberry Pi 4 Model B Rev 1.5", "b2")
    assert history(house, unit.teacher.device) == [("other_board", "a1 -> b2")]
    assert row_of(house, unit.teacher.device).state is DeviceState.ACTIVE
    say(unit, "b2", "Raspberry Pi 4 Model B Rev 1.5")
    assert len(history(house, unit.teacher.device)) == 1


def test_two_boards_that_speak_as_one_unit_do_not_fill_the_history(house: House, unit: UnitClient) -> None:
    """One line an hour; the move that stands then is written when the hour has passed."""
    for serial in ("a1", "b2", "a1", "b2", "a1"):
        assert say(unit, serial) == 200
    assert history(house, unit.teacher.device) == [("other_board", "a1 -> b2")]
    assert board_of(house, unit)[1] == "b2"
    house.clock.pass_time(timedelta(hours=1))
    unit.take_lease()
    say(unit, "a1")
    assert history(house, unit.teacher.device)[-1] == ("other_board", "b2 -> a1")


def test_what_is_not_said_stays(house: House, unit: UnitClient) -> None:
    """An older release says nothing, and a text that could not be read once takes nothing away."""
    say(unit, "a1")
    unit.ask("GET", "/documents")
    say(unit, "", "")
    say(unit, "", "Raspberry Pi 5 Model B Rev 1.1")
    assert board_of(house, unit) == ("Raspberry Pi 5 Model B Rev 1.1", "a1")
    assert history(house, unit.teacher.device) == []


def test_malformed_header_costs_the_unit_nothing(
    house: House, unit: UnitClient, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets its documents; the log names unit, header and form, and what was known stays."""
    say(unit, "a1")
    with caplog.at_level(logging.WARNING):
        assert say_header(unit, "a Raspberry") == 200
    assert unit.teacher.device in caplog.text
    assert "Backrow-Board: expected" in caplog.text
    assert board_of(house, unit) == (PI, "a1")


def test_board_is_shown_on_page_rest_command_line_and_table(house: House, unit: UnitClient) -> None:
    """What a unit said is text there and nothing else: markup is escaped and a formula disarmed."""
    say(unit, "=1+1", "<b>Pi</b>")
    web = house.browser(house.add_admin())
    page = web.get(f"/units/{unit.teacher.device}").text
    assert "&lt;b&gt;Pi&lt;/b&gt;, =1+1" in page
    told = web.get(f"/api/v1/units/{unit.teacher.device}").get_json()["unit"]
    assert (told["model"], told["serial"]) == ("<b>Pi</b>", "=1+1")
    with house.services.database.reading() as session:
        form = describe_unit(house.services, session, row_of(house, unit.teacher.device))
    assert form.to_json()["serial"] == "=1+1"
    assert "'=1+1" in encode_csv([form])


def test_page_has_words_for_a_move_to_another_board(house: House, unit: UnitClient) -> None:
    """An admin reads what happened and from which to which."""
    say(unit, "a1")
    say(unit, "b2")
    page = house.browser(house.add_admin()).get(f"/units/{unit.teacher.device}").text
    assert "Its card speaks from another board" in page
    assert "a1 -&gt; b2" in page


def test_everything_that_can_happen_has_words() -> None:
    """No line of a history is a bare code."""
    assert {each.value for each in Happening} - set(HAPPENINGS) == set()

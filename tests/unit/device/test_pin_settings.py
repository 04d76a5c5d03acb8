"""The tables `[pins]` and `[button]`: which wiring they mean, and which they refuse, in whose words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from device.config import ConfigError, load_config
from device.pin_settings import ButtonKind, BuzzerKind, LampKind, PinsKind, PinsTable, Polarity
from tests.school import encode_toml, new_id

KEYBOARD = "/dev/input/by-id/usb-Acme_One_Key-event-kbd"
FRONT = {"second_red": 5, "second_green": 6, "second_blue": 13}


def write(folder: Path, **tables: Mapping[str, Any]) -> Path:
    """Lay out a unit's configuration with these tables."""
    path = folder / "device.toml"
    whole: dict[str, Mapping[str, Any]] = {
        "device": {"id": new_id(), "label": "Room 12", "data": "data"},
        "controller": {"url": "https://school.example:8443"},
        "broker": {"host": "school.example"},
        "camera": {"kind": "synthetic"},
        "pins": {"kind": "mock"},
        **tables,
    }
    path.write_text(encode_toml(whole), "utf-8")
    return path


def test_unit_without_settings_is_wired_as_the_table_of_wires_says(tmp_path: Path) -> None:
    """One button, one lamp of three colours to ground, an active buzzer: nothing of it needs a line."""
    config = load_config(write(tmp_path))
    pins = config.pins
    assert (pins.buttons(), pins.lamps(), pins.buzzer) == ((17,), ((22, 27, 23),), 24)
    assert (pins.lamp, pins.polarity, pins.buzzer_kind) == (LampKind.RGB, Polarity.COMMON_CATHODE, BuzzerKind.ACTIVE)
    assert config.button.kind is ButtonKind.PINS


def test_second_button_and_second_lamp_are_lines_of_the_configuration(tmp_path: Path) -> None:
    """The teacher's desk and the front of the room."""
    pins = load_config(write(tmp_path, pins={"kind": "mock", "second_button": 16, **FRONT})).pins
    assert (pins.buttons(), pins.lamps()) == ((17, 16), ((22, 27, 23), (5, 6, 13)))


def test_lamp_of_two_leds_leaves_the_pin_of_blue_alone() -> None:
    """Whoever has no blue LED may use its pin for something else."""
    pins = PinsTable(kind=PinsKind.MOCK, lamp=LampKind.RED_GREEN, second_button=23, second_red=5, second_green=6)
    assert pins.lamps() == ((22, 27, None), (5, 6, None))


def test_unit_without_a_buzzer_leaves_its_pin_alone() -> None:
    """A room that wants silence has a pin to spare."""
    assert PinsTable(kind=PinsKind.MOCK, buzzer_kind=BuzzerKind.NONE, second_button=24).buttons() == (17, 24)


@pytest.mark.parametrize("name", ["second_button", "red", "green", "blue", "buzzer", *FRONT])
def test_pin_that_is_given_twice_is_refused(name: str) -> None:
    """Over all pins that are in use, whatever they are for."""
    with pytest.raises(ValueError, match=f"^{name}: expected a pin of its own, got 17, which is button's"):
        PinsTable(**{"kind": PinsKind.MOCK, **FRONT, name: 17})


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"pins": {"kind": "mock", "red": 24}}, r"\[pins\] buzzer: expected a pin of its own, got 24, which is red's"),
        ({"pins": {"kind": "mock", "blue": 40}}, r"\[pins\] blue: expected 2 to 27, got 40"),
        ({"pins": {"kind": "mock", "button": 1}}, r"\[pins\] button: expected 2 to 27, got 1"),
        ({"pins": {"kind": "mock", "second_red": 5}}, r"\[pins\] second_blue: a second lamp is of the same kind"),
        (
            {"pins": {"kind": "mock", "lamp": "red_green", **FRONT}},
            r"\[pins\] second_blue: a second lamp .* lamp = 'red_green' expected second_green, second_red or none",
        ),
        ({"pins": {"kind": "mock", "polarity": "anode"}}, r"\[pins\] polarity: expected one of 'common_cathode'"),
        ({"button": {"kind": "keyboard"}}, r"\[button\] device: missing; kind = 'keyboard' needs a name from /dev"),
        (
            {"button": {"kind": "keyboard", "device": "/dev/input/event3"}},
            r"\[button\] device: expected a name like /dev/input/by-id/usb-…-event-kbd, .* got '/dev/input/event3'",
        ),
        (
            {"button": {"kind": "both", "device": "/dev/input/by-id/usb-Acme-event-mouse"}},
            r"\[button\] device: expected a name like",
        ),
        ({"button": {"kind": "keyboard", "device": KEYBOARD, "key": 0}}, r"\[button\] key: expected 1 to 767, got 0"),
    ],
)
def test_wiring_that_cannot_be_is_refused_in_words(
    tmp_path: Path, tables: Mapping[str, Mapping[str, Any]], expected: str
) -> None:
    """Every refusal names file, table and key, what was expected and found."""
    path = write(tmp_path, **tables)
    with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: {expected}"):
        load_config(path)


def test_key_of_a_named_keyboard_is_accepted(tmp_path: Path) -> None:
    """For a hobbyist: one key of one keyboard, by the name that stays when it is plugged elsewhere."""
    button = load_config(write(tmp_path, button={"kind": "keyboard", "device": KEYBOARD, "key": 28})).button
    assert (str(button.device), button.key) == (KEYBOARD, 28)

"""The wiring diagram and the wiring table say the pins that the unit uses when nothing is configured."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from device.hardware.gpio import make_mock_factory
from device.pin_settings import PinsKind, PinsTable
from tests.architecture.source import ROOT

PINS = PinsTable(kind=PinsKind.MOCK)
SVG, PAGE = ROOT / "docs/hardware/wiring.svg", ROOT / "docs/hardware/wiring.md"
USED = {"button": PINS.button, "red": PINS.red, "green": PINS.green, "blue": PINS.blue, "buzzer": PINS.buzzer}


def header_of(name: str) -> int:
    """Give the place on the 40-pin header, as gpiozero knows the board."""
    header = make_mock_factory().board_info.headers["J8"]
    return next(number for number, pin in header.pins.items() if pin.name == name)


def is_ground(number: int) -> bool:
    """Tell whether a place on the header is ground."""
    return str(make_mock_factory().board_info.headers["J8"].pins[number].name) == "GND"


@pytest.mark.parametrize("part", USED)
def test_diagram_and_table_name_the_default_pin_and_its_place(part: str) -> None:
    """Who wires after the picture gets a unit that works without a line in `device.toml`."""
    pin = USED[part]
    place = header_of(f"GPIO{pin}")
    assert f"GPIO {pin} · header {place}" in SVG.read_text("utf-8")
    assert re.search(rf"\| GPIO {pin} \| {place} \|", PAGE.read_text("utf-8"))


def test_diagram_is_a_picture_and_its_grounds_are_grounds() -> None:
    """Well-formed, with words for those who do not see it; every wire that is called ground goes to one."""
    words = "".join(ElementTree.parse(SVG).getroot().itertext())  # noqa: S314 our own file
    places = [int(place) for place in re.findall(r"ground · header (\d+)", words)]
    assert len(places) == 3
    assert all(is_ground(place) for place in places)

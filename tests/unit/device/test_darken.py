"""What a killed recorder leaves shining and sounding is made dark and silent before anybody believes it (P1)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.cli import group
from device.config import load_config
from device.hardware.gpio import make_mock_factory
from device.wiring.controls import darken
from tests.school import make_school

LAMP, SECOND, BUZZER = (22, 27, 23), (5, 6, 13), 24


@pytest.mark.parametrize(("polarity", "dark"), [("common_cathode", False), ("common_anode", True)])
def test_lamps_and_buzzer_that_were_left_on_are_switched_off(tmp_path: Path, polarity: str, dark: bool) -> None:  # noqa: FBT001
    """Every element of both lamps is dark, whichever level that is, and the buzzer silent; then the pins are free."""
    second = dict(zip(("second_red", "second_green", "second_blue"), SECOND, strict=True))
    tables = {"pins": {"polarity": polarity, "buzzer_kind": "active", **second}}
    unit = make_school(tmp_path, now=datetime.now(UTC)).make_unit(tmp_path / "unit", tables=tables)
    factory = make_mock_factory()
    for number in (*LAMP, *SECOND, BUZZER):
        pin = factory.pin(number)
        pin.function = "output"
        pin.state = not dark if number != BUZZER else True
        pin.clear_states()
    darken(load_config(unit.config), factory)
    for number in (*LAMP, *SECOND):
        assert [bool(each.state) for each in factory.pin(number).states][1:2] == [dark], number
    assert not factory.pin(BUZZER).state
    darken(load_config(unit.config), factory)


def test_mock_pins_have_nothing_to_darken(tmp_path: Path) -> None:
    """On a unit for tests the command of the service manager does nothing, and says no word."""
    unit = make_school(tmp_path, now=datetime.now(UTC)).make_unit(tmp_path / "unit")
    result = CliRunner().invoke(group, ["dark", "--config", str(unit.config)])
    assert (result.exit_code, result.output) == (0, "")

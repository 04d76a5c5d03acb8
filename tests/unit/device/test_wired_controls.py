"""The whole recorder as a process, with the buttons, lamp and buzzer that it is configured with, at its mock panel."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from device.config import load_config
from device.hardware.clock import SystemClock
from device.recorder.service import Inbox
from device.wiring.controls import open_controls
from tests.recorder_process import Panel, panel_of, running_recorder, terminate
from tests.recorder_room import FAST
from tests.school import UnitBundle, make_school

CAMERA = {"kind": "synthetic", "width": 320, "height": 180, "bitrate_bps": 300_000}
PATIENT = {**FAST, "stop_until_s": 20.0, "discard_s": 21.0, "stuck_s": 22.0}
Make = Callable[..., UnitBundle]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a unit with these keys of `[pins]` and this table `[button]`."""

    def unit(button: dict[str, Any] | None = None, **pins: Any) -> UnitBundle:
        school = make_school(tmp_path, now=datetime.now(UTC))
        tables: dict[str, Any] = {"camera": CAMERA, "pins": {"kind": "mock", **pins}, "timings": PATIENT}
        if button:
            tables["button"] = button
        return school.make_unit(tmp_path / "unit", tables=tables)

    return unit


def _record(unit: UnitBundle) -> tuple[Panel, str]:
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(0.5)  # a press at once after the tap would be its bounce
        panel.press()
        panel.wait_for("let_go")
        panel.release()
        panel.wait_for("ready")
        assert terminate(process) == 0
    return panel, (unit.folder / "recorder.log").read_text()


@pytest.mark.parametrize("kind", ["active", "passive"])
def test_room_hears_the_start_and_the_stop(make: Make, kind: str) -> None:
    """On by default, with either kind of buzzer, a second button, a second lamp and LEDs that share 3.3 V."""
    front = {"second_button": 16, "second_red": 5, "second_green": 6, "second_blue": 13}
    panel, _log = _record(make(buzzer_kind=kind, polarity="common_anode", **front))
    assert panel.heard == ["start", "stop"]


def test_room_that_wants_silence_hears_nothing(make: Make) -> None:
    """No buzzer, two LEDs: the lesson is recorded all the same."""
    panel, _log = _record(make(buzzer_kind="none", lamp="red_green"))
    assert panel.heard == []


def test_unit_whose_keyboard_is_missing_shows_a_fault_and_says_which(make: Make) -> None:
    """Nobody walks to a ready lamp that cannot be pressed; the log names the device and what to do."""
    unit = make(button={"kind": "keyboard", "device": "/dev/input/by-id/usb-None-event-kbd"})
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("fault")
        assert terminate(process) == 0
    log = (unit.folder / "recorder.log").read_text()
    assert "key 57 of /dev/input/by-id/usb-None-event-kbd: cannot be had: No such file or directory; plug it in" in log


def test_second_button_and_second_lamp_are_wired_where_they_are_configured(make: Make) -> None:
    """A press at the teacher's desk counts, and the front of the room sees the answer."""
    unit = make(second_button=16, second_red=5, second_green=6, second_blue=13)
    with open_controls(load_config(unit.config), SystemClock(), Inbox()) as controls:
        words = [part.facts.description for part in (controls.button, controls.lamp)]
    assert [re.findall(r"\d+", each) for each in words] == [["17", "16"], ["22", "27", "23", "5", "6", "13"]]

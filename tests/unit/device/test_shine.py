"""`backrow device shine`: a lamp pattern for IT while no recorder runs, until it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from device.cli import group
from device.hardware.claimed import claim_parts
from tests.recorder_process import panel_of
from tests.school import UnitBundle, make_school


def make_unit(folder: Path) -> UnitBundle:
    """Make a unit with mock pins."""
    return make_school(folder, now=datetime.now(UTC)).make_unit(folder / "unit")


def test_pattern_shines_until_the_command_is_ended(tmp_path: Path) -> None:
    """The lamp shows it at once, blinks, and the command ends in order when it is told to."""
    unit = make_unit(tmp_path)
    command = [sys.executable, "-m", "device.cli", "shine", "--config", str(unit.config), "not_set_up"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        _wait_for(unit.data / "run" / "panel.sock")
        with panel_of(unit) as panel:
            assert panel.wait_for("not_set_up") == "not_set_up"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_pattern_of_teachers_is_refused(tmp_path: Path) -> None:
    """Nobody makes a lamp say "recording" by a command."""
    result = CliRunner().invoke(group, ["shine", "--config", str(make_unit(tmp_path).config), "recording"])
    assert result.exit_code == 1
    assert "expected fault, private, identify, not_set_up" in result.output


def test_recorders_lamp_is_not_taken_away(tmp_path: Path) -> None:
    """While a recorder holds button and lamp, the command says so and touches neither."""
    unit = make_unit(tmp_path)
    with claim_parts(unit.data / "recorder"):
        result = CliRunner().invoke(group, ["shine", "--config", str(unit.config), "fault"])
    assert result.exit_code == 1
    assert "holds button, lamp and camera" in result.output

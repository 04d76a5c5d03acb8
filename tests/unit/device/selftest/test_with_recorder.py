"""The self-test, health and aiming beside the real recorder as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from device.cli import group
from tests.recorder_process import panel_of, running_recorder, terminate
from tests.school import UnitBundle, make_school


@pytest.fixture
def unit(tmp_path: Path) -> UnitBundle:
    """A unit with a drawn picture and mock pins."""
    return make_school(tmp_path / "school", now=datetime.now(UTC)).make_unit(tmp_path / "unit")


def _run(command: str, unit: UnitBundle) -> Result:
    return CliRunner().invoke(group, [command, "--config", str(unit.config)])


def test_selftest_and_aim_give_way_to_a_lesson(unit: UnitBundle) -> None:
    """While the recorder rests the test passes; while it records, both are refused and the lesson goes on."""
    with running_recorder(unit) as process, panel_of(unit) as panel:
        panel.wait_for("ready")
        rested = _run("selftest", unit)
        assert rested.exit_code == 0, rested.output
        assert "11. good   The recorder: it runs and would record." in rested.output
        assert "stop it (sudo systemctl stop backrow-recorder)" in _run("aim", unit).output
        panel.tap()
        panel.wait_for("recording")
        assert _run("selftest", unit).exit_code == 75
        assert "the camera is in use" in _run("aim", unit).output
        health = _run("health", unit)
        assert "recorder     running" in health.output
        assert health.exit_code == 0, health.output
        panel.hold(2.5)
        panel.wait_for("ready")
        assert _run("selftest", unit).exit_code == 0
        assert terminate(process) == 0
    (recording,) = unit.recordings()
    assert unit.manifest(recording).closed is not None
    assert _run("health", unit).exit_code == 1

"""The unit's command line: what it says when something is wrong, and the look over the unit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.check import check_unit
from device.cli import group
from device.config import load_config
from tests.school import WEEK, UnitBundle, make_school

ROOT = Path(__file__).parents[3]


@pytest.fixture
def unit(tmp_path: Path) -> UnitBundle:
    """A unit in order."""
    return make_school(tmp_path, now=datetime.now(UTC)).make_unit(tmp_path / "unit")


def _problems(unit: UnitBundle, now: datetime | None = None) -> dict[str, str]:
    config = load_config(unit.config)
    findings = check_unit(config, now or datetime.now(UTC))
    return {each.what: each.problem for each in findings if each.problem and each.what not in config.pretends}


def test_check_finds_a_fresh_unit_in_order(unit: UnitBundle) -> None:
    """Exit status 0, each thing that was looked at on its own line, and loud about what only pretends."""
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)])
    assert result.exit_code == 0, result.output
    assert "ok     state/policy" in result.output
    assert "[camera] kind = 'synthetic': only pretends; not for a classroom" in result.output


def test_check_shows_the_zone_of_times_of_day(tmp_path: Path) -> None:
    """Whoever sets a unit up sees until whose 18:00 a discard can be undone."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"device": {"timezone": "Europe/Madrid"}})
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)])
    assert "ok     times of day are of Europe/Madrid\n" in result.output


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("identity/recorder.key", "identity/"),
        ("identity/root.pub", "identity/"),
        ("identity/tls.key", "identity/tls.key"),
        ("identity/ca.pem", "identity/ca.pem"),
        ("certificate/tls.pem", "certificate/tls.pem"),
        ("state/keyring", "state/keyring"),
        ("state/recipients", "state/recipients"),
        ("state/policy", "state/policy"),
    ],
)
def test_check_names_what_is_missing(unit: UnitBundle, path: str, what: str) -> None:
    """Each part that a unit needs is missed by its name."""
    (unit.data / path).unlink()
    assert what in _problems(unit)


def test_check_says_when_a_document_has_ended(unit: UnitBundle) -> None:
    """An expired policy is found before the first press is refused."""
    assert "ended at" in _problems(unit, datetime.now(UTC) + WEEK + timedelta(hours=1))["state/policy"]


def test_check_looks_at_the_video_that_would_be_replayed(tmp_path: Path) -> None:
    """A replay of nothing is found before the recorder is started."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"camera": {"kind": "replay", "input": "none.mp4"}})
    assert "none.mp4: no such file" in _problems(unit)["[camera] input"]
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert "wrong  [camera] input" in result.output


def test_check_looks_for_the_microphone(tmp_path: Path) -> None:
    """A named card that is not plugged in is found before a lesson is mute, and whether speech is measured is said."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    table = {"kind": "alsa", "device": "plughw:CARD=NotThere"}
    unit = school.make_unit(tmp_path / "unit", tables={"microphone": table})
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert "wrong  [microphone]: plughw:CARD=NotThere: /proc/asound lists no such card; plug it in" in result.output
    assert "ok     speech share measured" in result.output or "extra 'speech' is not installed" in result.output


def test_check_looks_for_the_keyboard_that_is_the_button(tmp_path: Path) -> None:
    """A name that nothing has is found before somebody presses in vain."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    table = {"kind": "keyboard", "device": "/dev/input/by-id/usb-None-event-kbd"}
    unit = school.make_unit(tmp_path / "unit", tables={"button": table})
    assert "usb-None-event-kbd: not there; plug it in" in _problems(unit)["[button] device"]


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is here")
def test_check_says_what_to_install_for_a_pis_pins(tmp_path: Path) -> None:
    """Without lgpio no press would ever be heard."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"pins": {"kind": "gpio"}})
    assert "sudo apt install python3-lgpio" in _problems(unit)["[pins] kind"]


def test_config_is_read_alone(unit: UnitBundle) -> None:
    """Whoever prepares a unit can ask before there are keys: the file, and nothing else, is looked at."""
    for path in unit.data.rglob("*.key"):
        path.unlink()
    result = CliRunner().invoke(group, ["config", "--config", str(unit.config)])
    assert (result.exit_code, unit.device in result.output) == (0, True), result.output


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is here")
def test_check_says_what_to_install_for_a_pis_camera(tmp_path: Path) -> None:
    """The environment that does not see apt's packages is found when it is made, not at the first lesson."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"camera": {"kind": "picamera2"}})
    assert "--system-site-packages" in _problems(unit)["[camera] kind"]


def test_check_changes_nothing(unit: UnitBundle) -> None:
    """Looking over a unit writes no file."""
    before = sorted((path, path.stat().st_mtime_ns) for path in unit.folder.rglob("*"))
    _problems(unit)
    assert sorted((path, path.stat().st_mtime_ns) for path in unit.folder.rglob("*")) == before


def test_check_with_a_problem_ends_with_a_failure(unit: UnitBundle) -> None:
    """A script can ask."""
    (unit.data / "state" / "policy").unlink()
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert "wrong  state/policy: policy: none is held" in result.output


@pytest.mark.parametrize("command", ["recorder", "agent", "uploader", "check", "config"])
def test_command_says_what_is_wrong_with_the_configuration(tmp_path: Path, command: str) -> None:
    """One sentence and exit status 1, no traceback."""
    result = CliRunner().invoke(group, [command, "--config", str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "cannot be read" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("camera", "words"),
    [
        ({"kind": "picamera2"}, "sudo apt install python3-picamera2"),
        ({"kind": "replay", "input": "none.mp4"}, "none.mp4"),
    ],
)
def test_recorder_that_has_no_camera_says_so(tmp_path: Path, camera: dict[str, str], words: str) -> None:
    """A camera that cannot be had ends the process with a sentence, before anything is touched."""
    school = make_school(tmp_path, now=datetime.now(UTC))
    unit = school.make_unit(tmp_path / "unit", tables={"camera": camera})
    result = CliRunner().invoke(group, ["recorder", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert words in result.output
    assert not (unit.data / "spool").exists()


def test_recorder_without_its_key_says_so(unit: UnitBundle) -> None:
    """No key, no manifest, no recording."""
    (unit.data / "identity" / "recorder.key").chmod(0o644)
    result = CliRunner().invoke(group, ["recorder", "--config", str(unit.config)])
    assert result.exit_code == 1
    assert "chmod 600" in result.output


def test_help_loads_neither_camera_nor_network() -> None:
    """The door is thin: listing the commands imports none of them."""
    code = (
        "import sys; from click.testing import CliRunner; from device.cli import group\n"
        "assert CliRunner().invoke(group, ['--help']).exit_code == 0\n"
        "print(' '.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
    names = set(loaded.stdout.split())
    assert names & {"av", "gpiozero", "paho", "requests", "device.wiring", "device.recorder.service"} == set()


def test_keys_handed_over_by_the_service_manager_are_used(unit: UnitBundle, tmp_path: Path) -> None:
    """With LoadCredential= the private keys lie elsewhere, and those in identity/ are not even looked at."""
    handed_over = tmp_path / "credentials"
    handed_over.mkdir()
    for name in ("recorder.key", "tls.key"):
        (unit.data / "identity" / name).rename(handed_over / name)
    environment = {"CREDENTIALS_DIRECTORY": str(handed_over)}
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)], env=environment)
    assert result.exit_code == 0, result.output
    assert "identity/" in _problems(unit)


def test_keys_not_handed_over_are_not_looked_for_elsewhere(unit: UnitBundle, tmp_path: Path) -> None:
    """A process that got credentials, but not this one, says so instead of reading what is meant for another."""
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    result = CliRunner().invoke(group, ["check", "--config", str(unit.config)], env=environment)
    assert result.exit_code == 1
    assert f"{tmp_path}/recorder.key" in result.output

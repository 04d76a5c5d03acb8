"""Cards as a school makes them: the project installed as a wheel, a real controller's database, many rooms at once."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from provisioning.card.wheels import make_own_wheel
from tests.school import encode_toml
from tests.unit.provisioning.card.samples import fill_cache

OWNER = "ada@school.example"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the project as a wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = make_own_wheel(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    (site,) = (folder / "venv").glob("lib/python3*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "libraries.pth").write_text(
        sysconfig.get_path("purelib") + "\n", "utf-8"
    )  # not the checkout: no .pth in it
    return folder / "venv" / "bin" / "python"


@pytest.fixture
def school(tmp_path: Path, python: Path) -> Path:
    """A school's keys, configuration and database, with one teacher."""
    names = ("--host", "server.school.example", "--school", "A made-up school")
    tell(python, tmp_path, "provision", "keys", "init", *names, "--out", "keys")
    tables = {
        "controller": {"data": "controller", "keys": "keys", "key_store": "key-store", "time_zone": "Europe/Madrid"},
        "people": {"url": "https://server.school.example"},
        "units": {"host": "127.0.0.1"},
        "broker": {"tls": True, "certificate": "keys/bridge.pem", "key": "keys/bridge.key"},
    }
    (tmp_path / "controller.toml").write_text(encode_toml(tables), "utf-8")
    tell(python, tmp_path, "controller", "migrate", "--config", "controller.toml")
    tell(
        python,
        tmp_path,
        "controller",
        "teacher",
        "add",
        "--config",
        "controller.toml",
        "--email",
        OWNER,
        "--name",
        "Ada",
    )
    fill_cache(tmp_path / "cache")
    return tmp_path


def tell(python: Path, folder: Path, *command: str) -> str:
    """Run a command of the installed project."""
    done = ask(python, folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(python: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command that may refuse."""
    return subprocess.run(
        [python, "-m", "provisioning", *command], cwd=folder, capture_output=True, text=True, check=False
    )


def make_cards(python: Path, school: Path, rooms: str) -> subprocess.CompletedProcess[str]:
    """Make cards of a list of rooms."""
    (school / "rooms.csv").write_text(rooms, "utf-8")
    options = ("--config", "controller.toml", "--csv", "rooms.csv", "--out", "cards", "--cache", "cache")
    return ask(python, school, "provision", "card", *options, "--timezone", "Europe/Madrid")


def units(python: Path, school: Path) -> str:
    """List the units that the controller knows."""
    return tell(python, school, "controller", "device", "list", "--config", "controller.toml")


def test_many_cards_are_made_by_an_installed_wheel_and_laid(python: Path, school: Path) -> None:
    """A folder for each room with the controller's own bundle; the wheel on it holds what was installed."""
    done = make_cards(python, school, f"room,owner,static\nRoom 1,{OWNER},10.1.2.3/24\nRoom 2,{OWNER},\n")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (school / "cards").iterdir()} == {"Room-1", "Room-2"}
    ours = school / "cards" / "Room-1" / "backrow"
    device = json.loads((ours / "settings.json").read_text("utf-8"))["device"]
    assert device in units(python, school)
    assert 'data = "/var/lib/backrow"' in (ours / "unit/device.toml").read_text("utf-8")
    assert (ours / "unit/identity/ca.pem").read_bytes() == (school / "keys/root-ca.pem").read_bytes()
    assert len((ours / "secret").read_text("ascii").strip()) > 20
    with zipfile.ZipFile(next((ours / "wheels").glob("backrow-*.whl"))) as archive:
        assert {"provisioning/systemd/backrow.target", "provisioning/machine/etc/overlayroot.local.conf"} <= set(
            archive.namelist()
        )
    boot = school / "bootfs"
    boot.mkdir()
    (boot / "cmdline.txt").write_text("console=tty1 rootwait resize\n", "ascii")
    (boot / "config.txt").touch()
    assert "is ready" in tell(python, school, "provision", "lay", "cards/Room-1", "bootfs")
    assert (boot / "cmdline.txt").read_text("ascii") == "console=tty1 rootwait\n"


def test_bad_line_and_unknown_owner_enter_nobody(python: Path, school: Path) -> None:
    """The line and its column are named, or the controller's own words; no unit was entered, no folder is there."""
    done = make_cards(python, school, f"room,owner,static\nRoom 1,{OWNER},\nRoom 2,{OWNER},10.1.2.300/24\n")
    assert done.returncode == 1
    assert "rooms.csv: line 3, column static: expected an IPv4 address" in done.stderr
    assert "nothing was made" in done.stderr
    done = make_cards(python, school, f"room,owner\nRoom 1,{OWNER}\nRoom 2,bob@school.example\n")
    assert "Room 2: the controller says: --owner bob@school.example: no account" in done.stderr
    assert not (school / "cards").exists()
    assert "There are no units yet" in units(python, school)

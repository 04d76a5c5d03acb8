"""Users, folders and device rules, as systemd's own tools understand them: who may write what on a unit."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.systemd.units import FOLDER

DATA = "var/lib/backrow"
OWNERS = {
    "etc/backrow": ("root", "backrow", 0o750),
    DATA: ("root", "backrow", 0o750),
    f"{DATA}/identity": ("root", "backrow", 0o2750),
    f"{DATA}/certificate": ("backrow-renew", "backrow", 0o2750),
    f"{DATA}/spool": ("backrow-recorder", "backrow", 0o2750),
    f"{DATA}/recorder": ("backrow-recorder", "backrow", 0o2750),
    f"{DATA}/run": ("backrow-recorder", "backrow-recorder", 0o700),
    f"{DATA}/state": ("root", "backrow", 0o2770),
    f"{DATA}/state/receipts": ("root", "backrow", 0o2770),
    f"{DATA}/state/undo": ("root", "backrow", 0o2770),
    f"{DATA}/state/commands": ("root", "backrow", 0o2770),
    f"{DATA}/uploads": ("backrow-uploader", "backrow", 0o2750),
    f"{DATA}/agent": ("backrow-agent", "backrow-agent", 0o700),
    f"{DATA}/selftest": ("backrow-selftest", "backrow", 0o2750),
}
FILES = {
    "etc/backrow/device.toml": ("root", "backrow", 0o640),
    f"{DATA}/identity/root.pub": ("root", "backrow", 0o640),
    f"{DATA}/identity/recorder.pub": ("root", "backrow", 0o640),
    f"{DATA}/identity/ca.pem": ("root", "backrow", 0o640),
    f"{DATA}/identity/recorder.key": ("root", "root", 0o600),
    f"{DATA}/identity/tls.key": ("root", "root", 0o600),
    f"{DATA}/state/keyring": ("root", "backrow", 0o640),
    f"{DATA}/state/recipients": ("root", "backrow", 0o640),
    f"{DATA}/state/policy": ("root", "backrow", 0o640),
    f"{DATA}/state/withdrawal": ("root", "backrow", 0o640),
}

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """A root in which provisioning has laid its files, and the system's users know ours: then both tools have run."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o644)
    _run("systemd-sysusers", f"--root={tmp_path}", str(FOLDER / "sysusers.d/backrow.conf"))
    _run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(FOLDER / "tmpfiles.d/backrow.conf"))
    return tmp_path


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if not line.startswith("Creating ")]
    assert (done.returncode, said) == (0, []), f"{command}: {done.stdout}{done.stderr}"


def _names(root: Path, file: str) -> dict[int, str]:
    lines = (root / "etc" / file).read_text("utf-8").splitlines()
    return {int(fields[2]): fields[0] for fields in (line.split(":") for line in lines)}


def _owner(root: Path, name: str) -> tuple[str, str, int]:
    found = (root / name).stat()
    users = {0: "root", **_names(root, "passwd")}
    groups = {0: "root", **_names(root, "group")}
    return users[found.st_uid], groups[found.st_gid], stat.S_IMODE(found.st_mode)


@needs_root
def test_folders_belong_to_those_who_write_them(laid: Path) -> None:
    """The exact table: only the recorder's user can write or unlink in the spool; only root in identity/."""
    assert {name: _owner(laid, name) for name in OWNERS} == OWNERS
    made = {str(path.relative_to(laid)) for path in (laid / DATA).rglob("*") if path.is_dir()}
    assert made == {name for name in OWNERS if name.startswith(f"{DATA}/")}


@needs_root
def test_files_that_provisioning_laid_are_put_right(laid: Path) -> None:
    """Private keys are for root alone, whatever mode they were copied with; what is public is read by the group."""
    assert {name: _owner(laid, name) for name in FILES} == FILES


@needs_root
def test_users_can_neither_log_in_nor_share_an_identity(laid: Path) -> None:
    """Five users with a group each, no shell, and one group for what they hand each other."""
    lines = (line.split(":") for line in (laid / "etc/passwd").read_text("utf-8").splitlines())
    users = {fields[0]: fields for fields in lines if fields[0].startswith("backrow")}
    assert set(users) == {f"backrow-{name}" for name in ("recorder", "agent", "uploader", "renew", "selftest")}
    assert {fields[6] for fields in users.values()} == {"/usr/sbin/nologin"}
    assert len({fields[2] for fields in users.values()}) == len({fields[3] for fields in users.values()}) == 5


def test_camera_microphone_and_pins_belong_to_the_recorder_alone() -> None:
    """Every rule gives its devices to the recorder's group, finally, and to nobody who sits at the unit."""
    text = (FOLDER / "udev/72-backrow.rules").read_text("utf-8")
    rules = [line for line in text.splitlines() if line.startswith("SUBSYSTEM")]
    subsystems = [re.match(r'SUBSYSTEM=="([a-z0-9_]+)"', rule) for rule in rules]
    assert [each and each[1] for each in subsystems] == ["video4linux", "media", "dma_heap", "sound", "gpio"]
    assert all('GROUP:="backrow-recorder", MODE:="0660"' in rule for rule in rules)
    assert all('TAG-="uaccess"' in rule for rule in rules[:4])

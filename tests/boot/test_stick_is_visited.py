"""A visit of a sealed stick on a machine with a real systemd: the service in its sandbox, the mount comes and goes.

A container has no USB and its kernel may have no vfat, so the mount unit is given a small disk in memory instead; that
udev starts the service for a real stick is shown by nothing here (docs/hardware/first-owner-checklist.md).
"""

from __future__ import annotations

import pytest

from protocol.stick_folder import NOTE
from tests.boot.machine import DATA, Machine, wait_for

pytestmark = pytest.mark.boot
SERVICE, MOUNT = "backrow-stick.service", "run-backrow-stick.mount"
STICK = "/run/backrow/stick"
COPY = "/run/copy-of-the-stick"
MODE = "mode=0700,uid=backrow-uploader,gid=backrow"
INSTEAD = f"[Mount]\nWhat=tmpfs\nType=tmpfs\nOptions=nosuid,nodev,noexec,size=100m,{MODE}\n"
KEEP = f"[Service]\\nExecStopPost=+/usr/bin/cp -r {STICK} {COPY}\\n"


def _drop_in(machine: Machine, unit: str, text: str) -> None:
    folder = f"/run/systemd/system/{unit}.d"
    machine.run("mkdir", "-p", folder)
    machine.run("sh", "-c", f"printf '{text}' > {folder}/test.conf")


def test_visit_writes_in_its_sandbox_and_lets_the_stick_go(machine: Machine) -> None:
    """Started as udev does: it ends well, the export and the note lie there, and nothing is mounted any more."""
    machine.boot()
    _drop_in(machine, MOUNT, INSTEAD)
    _drop_in(machine, SERVICE, KEEP)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", SERVICE)
    assert machine.show(SERVICE, "Result") == "success", machine.journal(f"--unit={SERVICE}")
    told = machine.run("find", COPY, "-type", "f")
    assert f"{COPY}/backrow/{machine.unit.device}/to-school.001" in told.splitlines()
    assert "Room 12 has finished" in machine.run("cat", f"{COPY}/{NOTE}")
    wait_for(lambda: machine.show(MOUNT, "ActiveState") == "inactive", "the stick is let go")
    assert machine.fails("mountpoint", "--quiet", STICK)
    assert machine.run("stat", "--format=%U", f"{DATA}/uploads/stick.key").strip() == "backrow-uploader"


def test_stick_that_is_pulled_out_ends_the_visit(machine: Machine) -> None:
    """The mount goes while it works: the service ends, and the next visit is whole."""
    machine.boot()
    _drop_in(machine, MOUNT, INSTEAD)
    slow = "[Service]\\nExecStartPre=/usr/bin/sleep 600\\n"
    _drop_in(machine, SERVICE, slow)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "--no-block", SERVICE)
    wait_for(lambda: machine.show(SERVICE, "ActiveState") == "activating", "the visit has begun")
    wait_for(lambda: machine.show(MOUNT, "ActiveState") == "active", "the stick is mounted")
    machine.run("systemctl", "stop", MOUNT)
    wait_for(lambda: machine.show(SERVICE, "ActiveState") in ("inactive", "failed"), "the visit has ended")
    machine.run("rm", f"/run/systemd/system/{SERVICE}.d/test.conf")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", SERVICE)
    assert machine.show(SERVICE, "Result") == "success", machine.journal(f"--unit={SERVICE}")

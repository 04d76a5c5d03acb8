"""The end of a retired unit on a machine with a real systemd: root's wipe in its sandbox, the network's secrets too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from protocol.commands import Task
from tests.boot.machine import CARD, DATA, Machine, wait_for
from tests.school import WEEK, School

pytestmark = pytest.mark.boot
SERVICE = "backrow-wipe.service"
MARKER = "/run/systemd/timesync/synchronized"
FILES = ("school.nmconnection", "school-client.key")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_retired_unit_wipes_itself_and_the_secrets_of_the_network_and_nothing_else(
    machine: Machine, school: School
) -> None:
    """Started by the recorder's marker, within its own sandbox; what is not its own on the partition stays."""
    card = machine.unit.folder / CARD
    for name in FILES:
        (card / "network" / name).write_text("psk=a secret of the school", "utf-8")
    (card / "timesync" / "kept").touch()
    line = school.issue_command(
        machine.unit.device, Task.RETIRE, lasts=52 * WEEK, not_before=school.now - timedelta(days=1)
    )
    machine.unit.put_state("commands/retire", line)
    machine.boot()
    machine.run("mkdir", "-p", "/run/systemd/timesync")
    machine.run("touch", MARKER)
    machine.run("touch", f"{DATA}/recorder/retired")
    wait_for(lambda: machine.fails("test", "-e", "/etc/backrow/device.toml"), "it is wiped")
    wait_for(lambda: machine.show(SERVICE, "ActiveState") == "inactive", "the wipe has ended")
    assert machine.show(SERVICE, "Result") == "success"
    assert "only with a new card" in machine.journal(f"--unit={SERVICE}")
    assert _files(card / "network") == []
    assert (card / "timesync" / "kept").exists()
    assert _files(machine.unit.data) == []
    assert machine.show("backrow-recorder.service", "ActiveState") == "inactive"

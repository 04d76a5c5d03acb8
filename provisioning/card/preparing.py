"""Has the controller enter units and write their bundles: `backrow controller device prepare`, run as a process.

Nothing of the controller is imported. What it says when it refuses is passed on as it is.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from provisioning.card.errors import CardError
from provisioning.card.rooms import Room

DATA = "/var/lib/backrow"
"""Where a unit's data lie on its card: `[device] data`."""


def spell_removal(config: Path, devices: Iterable[str]) -> str:
    """Spell the command that takes units out which were entered for nothing."""
    return shlex.join(["backrow", "controller", "device", "remove", "--config", str(config), *devices])


def prepare_unit(config: Path, room: Room, out: Path | None, settings: tuple[str, ...] = ()) -> None:
    """Enter a pending unit for `room` and have its bundle written to `out`; raises `CardError`.

    Without a folder nothing is entered: the controller says whether it could be.
    """
    wanted = [part for setting in (f"device.data={DATA}", *settings) for part in ("--set", setting)]
    command = [
        *(sys.executable, "-m", "provisioning", "controller", "device", "prepare"),
        *("--config", str(config), "--label", room.label, "--owner", room.owner, *wanted),
        *(("--out", str(out)) if out else ()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = done.stderr.strip().removeprefix("Error: ") or f"exit status {done.returncode}"
        raise CardError("", f"room {room.label}: the controller says: {words}")

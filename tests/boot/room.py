"""A classroom from its card on: a school's server, a card that was made for it, and the machine that it was put into.

Everything is made by the product's own commands and started by a real cloud-init. What no container shows: partitions,
radio, initial RAM disk, the real lamp (docs/hardware/first-owner-checklist.md).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.boot.machine import CARD, FILM, Machine, wait_for
from tests.boot.server import OWNER, SchoolServer, school_server
from tests.boot.stock import (
    HERE,
    THERE,
    cable_between,
    fetch_debs,
    make_boot_partition,
    make_stock_root,
    plugging_in,
    stock_machine,
)
from tests.recorder_process import panel_of

PATIENCE_S = 600
NAME = "Room 12"
PRETENDED = {
    "device.production": "false",
    "camera.kind": "replay",
    "camera.input": f"/{FILM}",
    "camera.loop": "true",
    "microphone.kind": "none",
    "pins.kind": "mock",
    "timings.settle_s": "0.3",
    "limits.segment_s": "2.0",
    "limits.lesson_bytes": str(64 * 2**20),
    "upload.look_every_s": "0.5",
    "agent.spool_every_s": "1.0",
}


@dataclass
class Room:
    """A school, a card that was made for one of its rooms, and the machine that it was put into."""

    server: SchoolServer
    boot: Path
    machine: Machine
    secret: str
    card_s: float
    starts: int = 0

    @property
    def data(self) -> Path:
        """Give the unit's data, as this machine sees it."""
        return self.machine.unit.data

    def record(self) -> str:
        """Record some seconds at button and lamp, and give the recording's name."""
        before = set(self.spooled())
        with panel_of(self.machine.unit) as panel:
            panel.wait_for("ready")
            panel.tap()
            panel.wait_for("recording")
            (name,) = set(self.spooled()) - before
            time.sleep(5)
            panel.hold(2.6)
            panel.wait_for("ready")
        return name

    def spooled(self) -> list[str]:
        """List the recordings that are on the card."""
        return [path.name for path in (self.data / "spool").iterdir() if (path / "manifest").exists()]

    def wait_home(self, recording: str) -> None:
        """Wait until the school has a recording and the unit, having its receipt, has let go of it."""
        objects = self.server.folder / "controller" / "objects" / recording
        wait_for(lambda: list(objects.glob("*.age")) or "", "the lesson has arrived")
        wait_for(lambda: recording not in self.spooled(), "the unit has let go of the lesson")

    def log(self, process: str) -> str:
        """Give what a process of the unit has said since the machine was switched on."""
        return self.machine.journal(f"--unit=backrow-{process}")

    def switch_on(self) -> None:
        """Give the machine power."""
        self.starts += 1
        with plugging_in():
            self.machine.boot()

    def is_through(self) -> bool:
        """Tell whether first boot has come to its end."""
        return (self.machine.unit.folder / CARD / "firstboot/complete").exists()

    def result(self) -> str:
        """Read what first boot left on the card."""
        path = self.boot / "backrow-result.txt"
        return path.read_text("utf-8") if path.exists() else ""

    def go_on_until_through(self, *, cuts_s: tuple[float, ...] = ()) -> None:
        """Wait until first boot is through, with the restarts it asks for, and power cuts after so many seconds."""
        deadline = time.monotonic() + PATIENCE_S
        for seconds in cuts_s:
            self._wait(until=time.monotonic() + seconds)
            self.machine.cut_power()
            self.switch_on()
        while not self.is_through():
            self._wait(until=deadline)
            assert time.monotonic() < deadline, f"{self.result()}\n{self.machine.journal('-u', 'backrow-firstboot')}"

    def _wait(self, *, until: float) -> None:
        """Wait; a machine that restarts itself is switched on again, as a real one does by itself."""
        container = self.machine.container
        assert container is not None
        while time.monotonic() < until and not self.is_through():
            if container.poll() is not None:
                self.switch_on()
                return
            time.sleep(0.2)


@contextmanager
def prepared_room(folder: Path, film: Path) -> Iterator[Room]:
    """Set a school up, make a card for Room 12 by `backrow provision card`, and put it into a machine."""
    base = make_stock_root()
    with cable_between() as host, school_server(folder / "school", host) as server:
        boot = make_boot_partition(folder / "bootfs")
        debs = fetch_debs(base, folder / "fetching")
        began_s = time.monotonic()
        _write_card(server, boot, debs)
        card_s = time.monotonic() - began_s
        secret = (boot / "backrow/secret").read_text("ascii").strip()
        (folder / "unit").mkdir()
        with stock_machine(base, folder / "unit", boot) as machine:
            shutil.copy(film, machine.root / FILM)
            yield Room(server, boot, machine, secret, card_s)


def _write_card(server: SchoolServer, boot: Path, debs: Path) -> None:
    wishes = [part for key, value in PRETENDED.items() for part in ("--set", f"{key}={value}")]
    network = ("--static", THERE, "--gateway", HERE)
    installed = ("--processor", "x86_64", "--package", "python3-venv", "--package", "overlayroot", "--debs", debs)
    owner = ("--room", NAME, "--owner", OWNER, "--timezone", "Europe/Madrid")
    server.backrow(
        *("provision", "card", "--config", server.config, *owner, *network, *installed, *wishes, "--out", boot)
    )

"""From a card to a unit that is ready: the product's own commands, a real cloud-init, a real school.

What no container shows: partitions, radio, initial RAM disk, the real lamp (docs/hardware/first-owner-checklist.md).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.boot.conftest import FILM
from tests.boot.machine import CARD, Machine, wait_for
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

pytestmark = pytest.mark.boot
PATIENCE_S = 600
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
    starts: int = 0

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


@pytest.fixture
def room(tmp_path: Path, film: Path) -> Iterator[Room]:
    """A card for Room 12, made by `backrow provision card` onto a boot partition."""
    base = make_stock_root()
    with cable_between() as host, school_server(tmp_path / "school", host) as server:
        boot = make_boot_partition(tmp_path / "bootfs")
        wishes = [part for key, value in PRETENDED.items() for part in ("--set", f"{key}={value}")]
        network = ("--static", THERE, "--gateway", HERE)
        debs = ("--package", "overlayroot", "--debs", fetch_debs(base, tmp_path / "fetching"))
        installed = ("--processor", "x86_64", "--package", "python3-venv", *debs)
        owner = ("--room", "Room 12", "--owner", OWNER, "--timezone", "Europe/Madrid")
        server.backrow(
            *("provision", "card", "--config", server.config, *owner, *network, *installed, *wishes, "--out", boot)
        )
        secret = (boot / "backrow/secret").read_text("ascii").strip()
        (tmp_path / "unit").mkdir()
        with stock_machine(base, tmp_path / "unit", boot) as machine:
            shutil.copy(film, machine.root / FILM)
            yield Room(server, boot, machine, secret)


def everything(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Read every file of the card's partitions."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield str(path), path.read_bytes()


def test_card_becomes_a_unit_whose_lesson_arrives(room: Room) -> None:
    """Prepared, started, joined, restarted, tested, ready at the lamp; it records, and the school gets the lesson."""
    began_s = time.monotonic()
    room.switch_on()
    room.go_on_until_through()
    with panel_of(room.machine.unit) as panel:
        panel.wait_for("ready")
        print(f"\nfrom power to ready: {time.monotonic() - began_s:.0f} s, {room.starts} starts\n{room.result()}")
        panel.tap()
        panel.wait_for("recording")
        time.sleep(5)
        panel.hold(2.6)
        panel.wait_for("ready")
    assert "This unit is ready." in room.result()
    agent = room.machine.journal
    wait_for(lambda: "connected to the broker" in agent("--unit=backrow-agent"), "the agent is connected")
    objects = room.server.folder / "controller" / "objects"
    wait_for(lambda: list(objects.glob("*/*.age")), "the lesson has arrived")
    _assert_nothing_secret_stays(room)


def test_power_cuts_end_in_the_same_unit(room: Room) -> None:
    """Cut in the middle of installing, of laying files and of joining, as it comes: the unit is ready in the end."""
    room.switch_on()
    room.go_on_until_through(cuts_s=(4.0, 9.0, 14.0))
    with panel_of(room.machine.unit) as panel:
        panel.wait_for("ready")
    print(f"\n{room.starts} starts\n{room.result()}")
    assert room.starts >= 5
    _assert_nothing_secret_stays(room)


def _assert_nothing_secret_stays(room: Room) -> None:
    """Neither the secret nor a seed of cloud-init is left, cloud-init is off, and the overlay's package is there."""
    card = room.machine.unit.folder / CARD
    found = [name for name, data in everything(room.boot, room.machine.root, card) if room.secret.encode() in data]
    assert found == []
    assert {path.name for path in room.boot.iterdir()} == {
        "cmdline.txt",
        "config.txt",
        "backrow.txt",
        "backrow-result.txt",
    }
    assert (room.machine.root / "etc/cloud/cloud-init.disabled").exists()
    assert (room.machine.root / "usr/share/initramfs-tools/scripts/init-bottom/overlayroot").exists()
    assert not (room.machine.root / "etc/netplan/50-cloud-init.yaml").exists()

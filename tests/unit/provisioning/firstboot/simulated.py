"""A unit's card and the commands of its image, in a folder: the power can be cut before and after everything it does.

Files are real ones; commands do to the folder what they do to a card, as far as first boot relies on it, and those that
are no single write can be cut in their middle. What a start forgets (mounts, and with the overlay the whole root
partition) is forgotten. The school's end of enrollment is a dictionary: which key a secret is bound to.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from provisioning.firstboot.machine import Machine, StepFailed
from provisioning.packaged import MACHINE, find_units

GIB = 2**30 // 512
DISK = "/dev/mmcblk0"


class PowerCut(BaseException):
    """The plug was pulled."""


class Restarted(BaseException):
    """The machine was told to start again."""


@dataclass
class Card:
    """What outlasts a start: the partitions' contents, the table, and what the school knows."""

    folder: Path
    device: str
    sectors: int = 64 * GIB
    partitions: list[dict[str, object]] = field(default_factory=list)
    filesystem: str = ""
    installed: set[str] = field(default_factory=set)
    enabled: set[str] = field(default_factory=set)
    bound: dict[str, str] = field(default_factory=dict)
    boots: int = 0
    rolled_back: Path | None = None

    @property
    def root(self) -> Path:
        """Give the folder of the root partition, with everything mounted in it."""
        return self.folder / "root"

    @property
    def data(self) -> Path:
        """Give what lies on the data partition."""
        return self.folder / "data"

    def start(self) -> None:
        """Start: nothing is mounted but what systemd was told to, and under the overlay the root is as it was."""
        self.boots += 1
        for place in ("data", "opt/backrow", "etc/backrow", "var/lib/backrow"):
            if (self.root / place).is_symlink():
                (self.root / place).unlink()
                (self.root / place).mkdir()
        if self.rolled_back is not None:
            shutil.rmtree(self.root)
            shutil.copytree(self.rolled_back, self.root, symlinks=True)
        elif (self.root / "etc/overlayroot.local.conf").exists() and "overlayroot" in self.installed:
            self.rolled_back = self.folder / "lower"
            shutil.copytree(self.root, self.rolled_back, symlinks=True)
        if not (self.root / "etc/cloud/cloud-init.disabled").exists():
            self._start_cloud_init()

    def mount(self, source: str, place: str) -> None:
        """Mount a folder of the data partition, or all of it."""
        target, seen = self.root / place.lstrip("/"), self.data / source.removeprefix("/data").lstrip("/")
        target.rmdir()
        target.symlink_to(seen)

    def _start_cloud_init(self) -> None:
        boot = self.folder / "boot"
        if (boot / "network-config").exists():
            for name in ("etc/netplan/50-cloud-init.yaml", "var/lib/cloud/instance/network-config.json"):
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(boot / "network-config", self.root / name)


class SimulatedMachine(Machine):
    """First boot's door to such a card; the power is cut at the operation number `cut_at`."""

    def __init__(self, card: Card, cut_at: int | None = None) -> None:
        super().__init__(card.root)
        self.card = card
        self.operations = 0
        self.shown: list[str] = []
        self.said: list[str] = []
        self._cut_at = cut_at

    def tick(self) -> None:
        """Count a moment at which the power may go."""
        self.operations += 1
        if self.operations == self._cut_at:
            raise PowerCut

    def at(self, path: str) -> Path:
        """Give where a path lies; the boot partition stands beside the root."""
        boot = "/boot/firmware"
        return (
            self.card.folder / "boot" / path.removeprefix(boot).lstrip("/")
            if path.startswith(boot)
            else super().at(path)
        )

    def find(self, pattern: str) -> str:
        """Find on the boot partition, too."""
        boot = "/boot/firmware/"
        if not pattern.startswith(boot):
            return super().find(pattern)
        (found,) = (self.card.folder / "boot").glob(pattern.removeprefix(boot))
        return f"{boot}{found.relative_to(self.card.folder / 'boot')}"

    def boot_id(self) -> str:
        """Name this boot by its number."""
        return f"boot {self.card.boots}"

    def write(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        """Write, with the power at risk before and after."""
        self.tick()
        target = self.at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.new")
        draft.write_bytes(data.encode() if isinstance(data, str) else data)
        self.tick()
        draft.replace(target)
        self.tick()

    def link(self, path: str, target: str) -> None:
        """Link, with the power at risk."""
        self.tick()
        super().link(path, target)
        self.tick()

    def shred(self, path: str) -> None:
        """Shred, with the power at risk in the middle, too."""
        self.tick()
        if self.at(path).is_file():
            self.at(path).write_bytes(bytes(self.at(path).stat().st_size))
            self.tick()
        super().shred(path)
        self.tick()

    def remove(self, path: str) -> None:
        """Remove, file by file."""
        target = self.at(path)
        for file in sorted(target.rglob("*")) if target.is_dir() else []:
            if file.is_file() or file.is_symlink():
                self.tick()
                file.unlink()
        self.tick()
        super().remove(path)

    def settle(self) -> None:
        """Everything is written at once here."""
        self.tick()

    def say(self, words: str) -> None:
        """Remember what was said."""
        self.said.append(words)

    def shine(self, pattern: str) -> None:
        """Remember what the lamp shows; only a program that is installed and configured can light it."""
        assert self.at("/opt/backrow/bin/backrow").exists()
        assert self.at("/etc/backrow/device.toml").exists()
        self.shown.append(pattern)

    def darken(self) -> None:
        """Remember that the lamp was let go."""
        self.shown.append("")

    def follow(self, *command: str) -> None:
        """Run a long command."""
        self.run(*command)

    def _run(self, command: tuple[str, ...], given: str = "") -> subprocess.CompletedProcess[str]:
        name = next((word for word in COMMANDS if " ".join(command).startswith(word)), None)
        assert name is not None, f"no first boot of ours runs {command}"
        try:
            return subprocess.CompletedProcess(command, 0, COMMANDS[name](self, command, given) or "", "")
        except StepFailed as failed:
            return subprocess.CompletedProcess(command, 1, "", str(failed))


Command = Callable[[SimulatedMachine, tuple[str, ...], str], str | None]


def _partitions(machine: SimulatedMachine, _command: tuple[str, ...], _given: str) -> str:
    table = {"label": "dos", "id": "0x7351b90c", "sectorsize": 512, "partitions": machine.card.partitions}
    return json.dumps({"partitiontable": table})


def _write_table(machine: SimulatedMachine, _command: tuple[str, ...], given: str) -> None:
    machine.tick()
    lines = [line for line in given.splitlines() if line.startswith("start=")]
    fields = [dict(part.strip().split("=") for part in line.split(",") if "=" in part) for line in lines]
    machine.card.partitions[:] = [
        {"node": f"{DISK}p{at}", "start": int(one["start"]), "size": int(one["size"]), "type": one["type"]}
        for at, one in enumerate(fields, 1)
    ]
    machine.tick()


def _make_filesystem(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    machine.tick()
    machine.card.filesystem = ""
    shutil.rmtree(machine.card.data, ignore_errors=True)
    machine.card.data.mkdir()
    machine.tick()
    machine.card.filesystem = command[command.index("-U") + 1]
    machine.tick()


def _mount(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    if not machine.card.filesystem:
        raise StepFailed("wrong fs type")
    machine.card.mount(command[-2] if command[1] == "--bind" else "/data", command[-1])


def _is_mounted(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> str:
    if command[-1] == "/":
        return f"{DISK}p2"
    if not (machine.card.root / command[-1].lstrip("/")).is_symlink():
        raise StepFailed("")
    return command[-1]


def _find_label(machine: SimulatedMachine, _command: tuple[str, ...], _given: str) -> str:
    if not machine.card.filesystem:
        raise StepFailed("")
    return f"{DISK}p3"


def _install_packages(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    for name in (part for part in command if not part.startswith("-")):
        machine.tick()
        package = Path(name).name.partition("_")[0]
        machine.card.installed.add(package)


def _is_installed(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> str:
    if command[-1] not in machine.card.installed:
        raise StepFailed("no packages found")
    return "installed"


def _make_environment(machine: SimulatedMachine, _command: tuple[str, ...], _given: str) -> None:
    place = machine.at("/opt/backrow")
    for each in sorted(place.iterdir()):
        machine.tick()
        shutil.rmtree(each)
    (place / "bin").mkdir()
    (place / "bin" / "python").touch()
    machine.tick()


def _install_wheels(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    site = machine.at("/opt/backrow") / "lib/python3.13/site-packages"
    machine.tick()
    if "--require-hashes" in command:
        (site / "av").mkdir(parents=True)
        return
    assert (site / "av").is_dir()
    for source, name in ((MACHINE, "machine"), (find_units(), "systemd")):
        shutil.copytree(source, site / "provisioning" / name)
        machine.tick()
    machine.at("/opt/backrow/bin/backrow").touch()


def _enroll(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    """Do as `backrow device enroll` promises: one key, one certificate, and the secret is shredded at the end."""
    identity = machine.at("/var/lib/backrow/identity")
    key, certificate = identity / "tls.key", machine.at("/var/lib/backrow/certificate/tls.pem")
    if not key.exists():
        machine.tick()
        key.write_bytes(os.urandom(8))
    machine.tick()
    if not certificate.exists():
        secret = Path(machine.at(command[-1])).read_text("ascii")
        taken = machine.card.bound.setdefault(secret, key.read_bytes().hex())
        if taken != key.read_bytes().hex():
            raise StepFailed("401: this secret belongs to another key")
        machine.tick()
        certificate.parent.mkdir(parents=True, exist_ok=True)
        certificate.write_text("certificate", "ascii")
    machine.tick()
    if "--secret-file" in command:
        machine.shred(command[-1])


def _enable(machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> None:
    machine.tick()
    machine.card.enabled.update(name for name in command[2:] if not name.startswith("--"))
    machine.tick()


def _restart(machine: SimulatedMachine, _command: tuple[str, ...], _given: str) -> None:
    machine.tick()
    raise Restarted


def _nothing(machine: SimulatedMachine, _command: tuple[str, ...], _given: str) -> None:
    machine.tick()


def _yes(_machine: SimulatedMachine, command: tuple[str, ...], _given: str) -> str:
    return f"/usr/bin/{command[-1]}"


COMMANDS: dict[str, Command] = {
    "findmnt": _is_mounted,
    "lsblk": lambda _machine, _command, _given: "mmcblk0",
    "sfdisk --json": _partitions,
    "sfdisk --quiet": _write_table,
    "blockdev --getsize64": lambda machine, _command, _given: str(machine.card.sectors * 512),
    "partx": _nothing,
    "resize2fs": _nothing,
    "udevadm settle": lambda _machine, _command, _given: "",
    "blkid --probe": lambda machine, _command, _given: machine.card.filesystem,
    "blkid --label": _find_label,
    "mkfs.ext4": _make_filesystem,
    "mount": _mount,
    "dpkg --configure": _nothing,
    "dpkg-query": _is_installed,
    "apt-get update": _nothing,
    "apt-get install": _install_packages,
    "python3 -m venv": _make_environment,
    "/opt/backrow/bin/python -m pip install": _install_wheels,
    "/opt/backrow/bin/backrow device enroll": _enroll,
    "which": _yes,
    "systemctl is-active": lambda _machine, _command, _given: "active",
    "systemctl enable": _enable,
    "systemctl reboot": _restart,
    "systemctl": _nothing,
    "systemd-sysusers": _nothing,
    "systemd-tmpfiles": _nothing,
    "raspi-config": _nothing,
    "update-initramfs": _nothing,
    "journalctl": lambda _machine, _command, _given: "",
}


def every_file(card: Card) -> Iterator[tuple[str, bytes]]:
    """Give everything that lies on the card, each partition apart."""
    for name in ("boot", "data", "root", "lower"):
        top = card.folder / name
        for path in sorted(top.rglob("*")) if top.is_dir() else []:
            if path.is_file() and not path.is_symlink():
                yield f"{name}/{path.relative_to(top)}", path.read_bytes()

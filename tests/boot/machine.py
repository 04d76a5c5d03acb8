"""One classroom unit as a machine of its own: its systemd boots in a container, with mock pins and a replayed film.

A folder of the host stands for the data partition, and the units of provisioning/machine mount what lies there to its
place; everything else of the machine is an overlay that a test throws away. It has no network, and every process that
is started here is ended here.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.boot.root import ROOT, enter
from tests.recorder_process import Panel, panel_of
from tests.school import UnitBundle

PATIENCE_S = 120.0
DATA = "/var/lib/backrow"
CARD = "data-partition"
FILM = "etc/lesson.mp4"
ON_THE_CARD = ("var-lib-backrow", "etc-backrow", "opt-backrow", "timesync", "network")
MACHINE = ROOT / "provisioning" / "machine"
SERVICES = ("backrow-recorder", "backrow-agent", "backrow-uploader")
QUICK_WATCHDOG_S = 6


@dataclass
class Machine:
    """A root, the unit's data, what of the host is seen inside, and the container while it runs."""

    root: Path
    unit: UnitBundle
    binds: tuple[str, ...]
    container: subprocess.Popen[bytes] | None = None
    leader: int = 0

    def boot(self) -> None:
        """Switch the machine on and wait until its systemd has started what it starts."""
        console = (self.unit.folder / "console.log").open("ab")
        with console:
            self.container = subprocess.Popen(
                [
                    *("systemd-nspawn", "--boot", "--quiet", "--register=no", "--keep-unit", "--private-network"),
                    *("--console=pipe", "--machine=classroom", f"--directory={self.root}"),
                    *self.binds,
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        container = self.container
        self.leader = int(wait_for(lambda: _first_child(container), "the container has a first process"))
        wait_for(lambda: self.ask("systemctl", "is-system-running").strip() in ("running", "degraded"), "it has booted")

    def run(self, *command: str) -> str:
        """Run a command inside as root; one that fails fails the test with what it said."""
        done = self._enter(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, *command: str) -> str:
        """Run a command inside as root, and give what it said, whatever its exit status."""
        return self._enter(*command).stdout

    def fails(self, *command: str) -> bool:
        """Tell whether a command fails inside."""
        return self._enter(*command).returncode != 0

    def show(self, unit: str, name: str) -> str:
        """Give a property of a unit."""
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def signal(self, service: str, name: str) -> None:
        """Send a signal to a service's main process."""
        self.run("systemctl", "kill", "--kill-whom=main", f"--signal=SIG{name}", service)

    def wait_until_back(self, service: str, restarts: int) -> None:
        """Wait until a service has been started again `restarts` times and says that it is ready."""

        def is_back() -> bool:
            facts = self.run("systemctl", "show", "--property=NRestarts,ActiveState", service).split()
            return set(facts) == {f"NRestarts={restarts}", "ActiveState=active"}

        wait_for(is_back, f"{service} is back for the {restarts}. time")

    def journal(self, *options: str) -> str:
        """Give the machine's log."""
        return self.run("journalctl", "--no-pager", "--output=cat", *options)

    def panel(self) -> Panel:
        """Put finger and eye to the mock panel."""
        return panel_of(self.unit)

    def power_off(self) -> float:
        """Press the power button's way down, and give the seconds that it took."""
        assert self.container is not None
        began_s = time.monotonic()
        self.run("systemctl", "poweroff")
        assert self.container.wait(PATIENCE_S) == 0
        return time.monotonic() - began_s

    def cut_power(self) -> None:
        """End every process at once, without a word to any."""
        assert self.container is not None
        os.kill(self.leader, signal.SIGKILL)  # the first process of its own process namespace: all others go with it
        self.container.wait(PATIENCE_S)

    def end(self) -> None:
        """Switch it off, if it still runs."""
        if self.container is not None and self.container.poll() is None:
            self.cut_power()

    def _enter(self, *command: str) -> subprocess.CompletedProcess[str]:
        namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        return subprocess.run(
            ["nsenter", f"--target={self.leader}", *namespaces, *command], capture_output=True, text=True, check=False
        )


def wait_for(holds: Callable[[], object], what: str) -> str:
    """Wait until something holds, and give it as text; fails when it does not in time."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := holds():
            return str(found)
        time.sleep(0.2)
    raise AssertionError(f"in vain waited until {what}")


def _first_child(process: subprocess.Popen[bytes]) -> str:
    assert process.poll() is None, f"the container ended with status {process.returncode}"
    with suppress(OSError):
        found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
        return next((each for each in found if _is_first(each)), "")
    return ""


def _is_first(pid: str) -> bool:
    """Tell whether a process is the first of its own process namespace; for a moment there are helpers beside it."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    within = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
    return within[-1] == "1" and len(within) > 2


@contextmanager
def standing_machine(base: Path, wheel: Path, unit: UnitBundle) -> Iterator[Machine]:
    """Install the project and its units above `base` as a card is prepared; the machine is not switched on yet."""
    with overlay(base, unit.folder) as root:
        binds = (
            f"--bind={unit.folder / CARD}:/data",
            f"--bind={unit.data}:/data/var-lib-backrow",
            f"--bind={root}/opt/backrow:/data/opt-backrow",
        )
        machine = Machine(root=root, unit=unit, binds=binds)
        _install(root, wheel, unit)
        try:
            yield machine
        finally:
            machine.end()


@contextmanager
def overlay(base: Path, folder: Path) -> Iterator[Path]:
    """Give `base` as a root that can be changed: the changes go into `folder`, and the root is gone afterwards."""
    folders = {name: folder / name for name in ("upper", "work", "root")}
    for each in folders.values():
        each.mkdir()
    options = f"lowerdir={base},upperdir={folders['upper']},workdir={folders['work']}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(folders["root"])], check=True)
    try:
        yield folders["root"]
    finally:
        subprocess.run(["umount", "--recursive", str(folders["root"])], check=True)


def _install(root: Path, wheel: Path, unit: UnitBundle) -> None:
    shutil.copy(wheel, root / "tmp" / wheel.name)
    enter(root, "/opt/backrow/bin/pip", "install", "--quiet", "--no-deps", "--no-index", f"/tmp/{wheel.name}")
    lay_units(root)
    shutil.copytree(MACHINE, root, dirs_exist_ok=True)
    for name in ON_THE_CARD:
        (unit.folder / CARD / name).mkdir(parents=True)
    shutil.copy(unit.config, unit.folder / CARD / "etc-backrow" / "device.toml")
    _quicken_network_watchdogs(root)
    enter(root, "systemctl", "disable", "mosquitto")  # no part of a unit
    enter(root, "systemctl", "enable", *(path.name for path in ours() if "[Install]" in path.read_text("utf-8")))


def lay_units(root: Path) -> None:
    """Copy the project's units, users, folders and device rules to where a unit has them."""
    for source, target in (
        ("*.service", "etc/systemd/system"),
        ("*.timer", "etc/systemd/system"),
        ("*.path", "etc/systemd/system"),
        ("*.mount", "etc/systemd/system"),
        ("*.target", "etc/systemd/system"),
        ("sysusers.d/*", "etc/sysusers.d"),
        ("tmpfiles.d/*", "etc/tmpfiles.d"),
        ("udev/*", "etc/udev/rules.d"),
    ):
        (root / target).mkdir(parents=True, exist_ok=True)
        for file in sorted((ROOT / "systemd").glob(source)):
            shutil.copy(file, root / target)


def ours() -> list[Path]:
    """List every unit of the project that a classroom unit has."""
    return sorted([*(ROOT / "systemd").glob("backrow*.*"), *(MACHINE / "etc/systemd/system").glob("*.mount")])


def _quicken_network_watchdogs(root: Path) -> None:
    """The network processes may hang for minutes before anybody needs them; a test does not wait for that."""
    for name in ("backrow-agent", "backrow-uploader"):
        folder = root / "etc/systemd/system" / f"{name}.service.d"
        folder.mkdir()
        (folder / "quick.conf").write_text(f"[Service]\nWatchdogSec={QUICK_WATCHDOG_S}\n", "ascii")


def build_wheel(folder: Path) -> Path:
    """Build the project as it is delivered."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel

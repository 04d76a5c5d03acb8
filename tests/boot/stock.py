"""A stock image's root, as near as Debian comes to Raspberry Pi OS Lite, and a network between it and this machine.

The same suite, with cloud-init, netplan and NetworkManager set up as Raspberry Pi's packages do (read in pi-gen and in
cloud-init's own support for Raspberry Pi OS), for this machine's processor. A folder stands for the boot partition,
another for the data partition. What it lacks of an image: kernel, initial RAM disk, partitions, radio, lamp.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocol.signing import SigningKey
from tests.boot.machine import CARD, Machine, overlay
from tests.boot.root import KEPT, SUITE, bootstrap, enter
from tests.school import UnitBundle

PACKAGES = (
    *("systemd", "systemd-sysv", "systemd-timesyncd", "dbus", "udev", "libpam-systemd", "kmod", "iproute2"),
    *("python3", "python3-venv", "cloud-init", "netplan.io", "network-manager", "fdisk", "e2fsprogs", "tzdata"),
)
CLOUD = """\
# as the package rpi-cloud-init-mods has it
datasource_list: [NoCloud, None]
datasource:
  NoCloud:
    seedfrom: file:///boot/firmware
system_info:
  network:
    renderers: ['netplan', 'network-manager']
    activators: ['netplan', 'network-manager']
  disable_fallback_netcfg: true
"""
NOT_THERE = ("systemd-networkd.service", "systemd-networkd-wait-online.service", "systemd-firstboot.service")
"""What Debian has beside NetworkManager; and the wizard, which wants a terminal."""
NETPLAN = "network:\n  version: 2\n  renderer: NetworkManager\n"
COMMAND_LINE = "console=serial0,115200 root=PARTUUID=7351b90c-02 rootfstype=ext4 fsck.repair=yes rootwait resize\n"
LINK = "backrow-boot"
HERE, THERE = "10.98.7.1", "10.98.7.2/24"


def make_stock_root() -> Path:
    """Give the folder of the root; make it when there is none of these packages (two minutes)."""
    name = hashlib.sha256("\n".join((SUITE, *PACKAGES, *NOT_THERE, CLOUD, NETPLAN)).encode()).hexdigest()[:16]
    root = KEPT / f"stock-{name}"
    if not root.is_dir():
        part = root.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        bootstrap(part, PACKAGES)
        (part / "etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg").write_text(CLOUD, "ascii")
        (part / "usr/lib/netplan").mkdir(parents=True, exist_ok=True)
        (part / "usr/lib/netplan/00-network-manager-all.yaml").write_text(NETPLAN, "ascii")
        (part / "usr/lib/netplan/00-network-manager-all.yaml").chmod(0o600)
        for name in NOT_THERE:
            (part / "etc/systemd/system" / name).symlink_to("/dev/null")
        (part / "etc/machine-id").write_text("uninitialized\n", "ascii")
        part.rename(root)
    return root


def fetch_debs(base: Path, folder: Path) -> Path:
    """Give the Debian packages that `overlayroot` needs beside the stock root's; fetch them when they are not kept."""
    kept = KEPT / f"debs-{base.name}"
    if not kept.is_dir():
        folder.mkdir()
        with overlay(base, folder) as root:
            (root / "etc/resolv.conf").unlink(missing_ok=True)
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            options = "-y -q --no-install-recommends --download-only"
            enter(root, "sh", "-ec", f"apt-get clean; apt-get update -q; apt-get install {options} overlayroot")
            shutil.copytree(root / "var/cache/apt/archives", kept, ignore=shutil.ignore_patterns("partial", "lock"))
    return kept


def make_boot_partition(folder: Path) -> Path:
    """Lay out a boot partition as the Imager leaves it."""
    folder.mkdir()
    (folder / "cmdline.txt").write_text(COMMAND_LINE, "ascii")
    (folder / "config.txt").write_text("dtparam=audio=on\n", "ascii")
    return folder


@contextmanager
def stock_machine(base: Path, folder: Path, boot: Path) -> Iterator[Machine]:
    """Put a card into a machine with a cable; it is not switched on yet."""
    data = folder / CARD / "var-lib-backrow"
    data.mkdir(parents=True)
    short = folder / "d"  # the panel's socket has a path of at most 107 bytes
    short.symlink_to(data)
    unit = UnitBundle(
        folder=folder,
        config=boot / "device.toml",
        data=short,
        device="",
        label="",
        owner="",
        recorder=SigningKey.generate(),
    )
    binds = (f"--bind={boot}:/boot/firmware", f"--bind={folder / CARD}:/data", f"--network-veth-extra={LINK}:eth0")
    with overlay(base, folder) as root:
        machine = Machine(root=root, unit=unit, binds=binds)
        try:
            yield machine
        finally:
            machine.end()


@contextmanager
def cable_between() -> Iterator[str]:
    """Give this end of the unit's cable an address: a bridge, which is there before the unit is switched on."""
    _ip("link", "add", LINK_BRIDGE, "type", "bridge")
    try:
        _ip("address", "add", f"{HERE}/24", "dev", LINK_BRIDGE)
        _ip("link", "set", LINK_BRIDGE, "up")
        yield HERE
    finally:
        _ip("link", "delete", LINK_BRIDGE)


LINK_BRIDGE = "backrow-br"


@contextmanager
def plugging_in() -> Iterator[None]:
    """Plug the unit's cable into the bridge as soon as it is there, while the unit starts."""
    plugged = threading.Thread(target=_plug_in)
    plugged.start()
    yield
    plugged.join()


def _plug_in() -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(subprocess.CalledProcessError):
            _ip("link", "set", LINK, "master", LINK_BRIDGE)
            _ip("link", "set", LINK, "up")
            return
        time.sleep(0.1)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)

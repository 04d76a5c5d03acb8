"""What each step of first boot does. Each may have been cut anywhere, and leaves the same when it is done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from provisioning.firstboot.data import attach, lay_out
from provisioning.firstboot.machine import BACKROW, Machine, StepFailed
from provisioning.firstboot.plan import Step

BOOT = "/boot/firmware"
CARD = f"{BOOT}/backrow"
KEPT = "/data/firstboot"
UNITS = {
    "*.service": "/etc/systemd/system",
    "*.timer": "/etc/systemd/system",
    "*.target": "/etc/systemd/system",
    "*.path": "/etc/systemd/system",
    "*.mount": "/etc/systemd/system",
    "sysusers.d/*": "/etc/sysusers.d",
    "tmpfiles.d/*": "/etc/tmpfiles.d",
    "udev/*": "/etc/udev/rules.d",
}
OVERLAY = "etc/overlayroot.local.conf"
PACKAGE = "/opt/backrow/lib/python3*/site-packages/provisioning"
CLOUD = (
    "/var/lib/cloud",
    "/var/log/cloud-init.log",
    "/var/log/cloud-init-output.log",
    "/etc/netplan/50-cloud-init.yaml",
)
SEEDS = ("network-config", "user-data", "meta-data")

Settings = Mapping[str, Any]


def read_settings(machine: Machine) -> Settings:
    """Read what this card's preparation told; raises `StepFailed`."""
    text = machine.read(f"{KEPT}/settings.json") or machine.read(f"{CARD}/settings.json")
    if not text:
        raise StepFailed(f"{CARD}/settings.json: missing; prepare the card anew: backrow provision card")
    settings: Settings = json.loads(text)
    return settings


def make_partition(machine: Machine, settings: Settings) -> None:
    """Lay out the data partition, mount what lies on it, and keep what first boot was told."""
    lay_out(machine, str(settings["device"]))
    attach(machine)
    machine.make_folder(KEPT, 0o700)
    machine.write(f"{KEPT}/settings.json", json.dumps(settings))


def install_packages(machine: Machine, settings: Settings) -> None:
    """Install the Debian packages that the image lacks: from the card, else from the mirror that the image names."""
    machine.run("dpkg", "--configure", "-a")
    lacking = [name for name in settings["packages"] if not _is_installed(machine, name)]
    if not lacking:
        return
    options = ["-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold"]
    debs = [f"{CARD}/debs/{name}" for name in machine.names(f"{CARD}/debs")]
    if debs:
        machine.run("apt-get", "install", *options, *debs)
    else:
        proxy = [f"-oAcquire::http::Proxy={settings['proxy']}"] if settings["proxy"] else []
        machine.run("apt-get", "update", "-q", *proxy)
        machine.run("apt-get", "install", *options, *proxy, *lacking)


def _is_installed(machine: Machine, name: str) -> bool:
    return machine.ask("dpkg-query", "--show", "--showformat=${db:Status-Status}", name) == "installed"


def install_program(machine: Machine, _settings: Settings) -> None:
    """Install the project and its libraries from the card's wheels, by their hashes; no network is asked."""
    pip = ("/opt/backrow/bin/python", "-m", "pip", "install", "-q", "--no-index", "--disable-pip-version-check")
    wheels = f"{CARD}/wheels"
    machine.run("python3", "-m", "venv", "--clear", "--system-site-packages", "/opt/backrow")
    machine.run(*pip, "--find-links", wheels, "--require-hashes", "--requirement", f"{wheels}/card.txt")
    machine.run(*pip, "--no-deps", machine.find(f"{wheels}/backrow-*.whl"))
    machine.link("/usr/local/bin/backrow", BACKROW)


def lay_files(machine: Machine, settings: Settings) -> None:
    """Put settings, services, users and the school's documents in place; nothing of it takes part in this boot yet."""
    package = machine.find(PACKAGE)
    for file in sorted(each for each in _files(machine, f"{package}/machine") if each != OVERLAY):
        machine.copy(f"{package}/machine/{file}", f"/{file}")
    for pattern, target in UNITS.items():
        for file in _files(machine, f"{package}/systemd"):
            if PurePosixPath(file).match(pattern) and file.count("/") == pattern.count("/"):
                machine.copy(f"{package}/systemd/{file}", f"{target}/{PurePosixPath(file).name}")
    machine.copy(f"{CARD}/unit/device.toml", "/etc/backrow/device.toml", 0o640)
    for name in ("identity", "state"):
        machine.copy(f"{CARD}/unit/{name}", f"/var/lib/backrow/{name}", 0o640)
    _set_clock(machine, settings)
    _include_firmware_settings(machine)
    machine.remove("/var/swap")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemd-sysusers", *_ours(machine, "sysusers.d"))
    machine.run("systemd-tmpfiles", "--create", *_ours(machine, "tmpfiles.d"))
    machine.run("systemctl", "enable", "--quiet", *_mounts(machine, package))


def _files(machine: Machine, folder: str) -> list[str]:
    top = machine.at(folder)
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())


def _ours(machine: Machine, folder: str) -> list[str]:
    """List our files of a kind: a line of somebody else's that fails is none of ours."""
    return [name for name in machine.names(f"/etc/{folder}") if name.startswith("backrow")]


def _mounts(machine: Machine, package: str) -> list[str]:
    return [name for name in machine.names(f"{package}/machine/etc/systemd/system") if name.endswith(".mount")]


def _set_clock(machine: Machine, settings: Settings) -> None:
    zone = str(settings["timezone"])
    machine.link("/etc/localtime", f"/usr/share/zoneinfo/{zone}")
    machine.write("/etc/timezone", f"{zone}\n")
    if settings["ntp"]:
        servers = " ".join(settings["ntp"])
        machine.write("/etc/systemd/timesyncd.conf.d/60-school.conf", f"[Time]\nNTP={servers}\n")


def _include_firmware_settings(machine: Machine) -> None:
    text = machine.read(f"{BOOT}/config.txt")
    if "include backrow.txt" not in text.splitlines():
        machine.write(f"{BOOT}/config.txt", f"{text.rstrip()}\n\n[all]\ninclude backrow.txt\n")


def lay_network(machine: Machine, settings: Settings) -> None:
    """Put the network's settings on the data partition, and have NetworkManager take them up."""
    machine.copy(f"{CARD}/network", "/data/network", 0o600)
    if settings["country"] and machine.ask("which", "raspi-config"):
        machine.run("raspi-config", "nonint", "do_wifi_country", str(settings["country"]))
    if settings["ssh"]:
        machine.run("systemctl", "enable", "--quiet", "--now", "ssh.service")
    if machine.ask("systemctl", "is-active", "NetworkManager.service") == "active":
        machine.run("systemctl", "restart", "NetworkManager.service")


def enroll(machine: Machine, _settings: Settings) -> None:
    """Make the unit's keys and have the school's controller certify them; without a secret a person adopts the unit."""
    secret = f"{CARD}/secret"
    given = ("--secret-file", secret) if machine.exists(secret) else ()
    machine.follow(BACKROW, "device", "enroll", *given)
    machine.run("systemd-tmpfiles", "--create", *_ours(machine, "tmpfiles.d"))


def clean(machine: Machine, _settings: Settings) -> None:
    """Erase what the card's preparation left: the secret, Wi-Fi passwords, and every copy that cloud-init made."""
    machine.write("/etc/cloud/cloud-init.disabled", "First boot is through.\n")
    machine.shred(f"{CARD}/secret")
    for name in machine.names(f"{CARD}/network"):
        machine.shred(f"{CARD}/network/{name}")
    for name in SEEDS:
        machine.shred(f"{BOOT}/{name}")
    machine.shred(CLOUD[-1])
    for path in (*CLOUD, CARD):
        machine.remove(path)


def protect(machine: Machine, _settings: Settings) -> None:
    """Have the root partition forget from the next start on, and switch the unit's services on."""
    package = machine.find(PACKAGE)
    machine.copy(f"{package}/machine/{OVERLAY}", f"/{OVERLAY}")
    if machine.ask("which", "update-initramfs"):
        machine.run("update-initramfs", "-u")
    services = [
        name
        for name in _files(machine, f"{package}/systemd")
        if "[Install]" in machine.read(f"{package}/systemd/{name}")
    ]
    machine.run("systemctl", "enable", "--quiet", *services)


def restart(machine: Machine, _settings: Settings) -> None:
    """Start the machine again; what runs now ends by it."""
    machine.darken()
    machine.run("systemctl", "reboot", "--no-block")


def try_out(machine: Machine, _settings: Settings) -> None:
    """Have the recorder run, and the unit test itself; a unit that fails does not record until it passes."""
    machine.run("systemctl", "start", "backrow.target", "backrow-recorder.service")
    try:
        machine.run("systemctl", "start", "backrow-selftest.service")
    except StepFailed as failed:
        said = machine.ask("journalctl", "--no-pager", "--output=cat", "--lines=40", "--unit=backrow-selftest.service")
        machine.run("systemctl", "stop", "backrow-recorder.service")  # the lamp is first boot's now
        raise StepFailed(f"{failed}\n{said}") from None


STEPS: Mapping[Step, Callable[[Machine, Settings], None]] = {
    Step.PARTITION: make_partition,
    Step.PACKAGES: install_packages,
    Step.PROGRAM: install_program,
    Step.FILES: lay_files,
    Step.NETWORK: lay_network,
    Step.ENROLL: enroll,
    Step.CLEAN: clean,
    Step.PROTECT: protect,
    Step.RESTART: restart,
    Step.SELFTEST: try_out,
}

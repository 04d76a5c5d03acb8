"""Builds the lab: a Debian trixie root with libcamera's virtual camera and the real picamera2, and runs commands in it.

The root is kept and made anew when what it is made of has changed. Commands see the repository read-only at /src, the
folder for results at /out, and none of this machine's devices: a webcam of whoever runs the lab is never opened.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mirror import find_mirror

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "provisioning/locks" / name for name in ("lab.txt", "picamera2.txt")]
PACKAGES = (
    "ca-certificates",
    "gcc",  # pidng, which picamera2 imports, has no wheel
    "libc6-dev",
    "libcamera-ipa",
    "libcamera-tools",
    "python3-dev",
    "python3-libcamera",
    "python3-numpy",
    "python3-piexif",
    "python3-pil",
    "python3-prctl",
    "python3-venv",
)
# The virtual camera is compiled into the backported libcamera only; everything else is trixie's, as on a unit.
PREFERENCES = "Package: src:libcamera\nPin: release n=trixie-backports\nPin-Priority: 990\n"
VENV = "/opt/lab"
PYTHON = f"{VENV}/bin/python"
CAMERA = Path(__file__).with_name("virtual.yaml")
CAMERA_FILE = "usr/share/libcamera/pipeline/virtual/virtual.yaml"
DEVICES = ("null", "zero", "full", "random", "urandom")
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
# Inside: a mount namespace of its own, so that nothing stays mounted when the command is over or killed.
ENTER = """
root=$1; shift
mkdir -p "$root/src" "$root/out" "$root/dev/shm"
mount --bind "$LAB_SOURCE" "$root/src"; mount -o remount,bind,ro "$root/src"
mount --bind "$LAB_OUT" "$root/out"; mount --bind "$LAB_CAMERA" "$root/$LAB_CAMERA_FILE"
mount -t proc proc "$root/proc"; mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/tmp"; mount -t tmpfs tmpfs "$root/dev"; mkdir "$root/dev/shm"
mount -t tmpfs tmpfs "$root/dev/shm"
for name in $LAB_DEVICES; do touch "$root/dev/$name"; mount --bind "/dev/$name" "$root/dev/$name"; done
ln -s /proc/self/fd "$root/dev/fd"
exec chroot "$root" env -C /src "$@"
"""


class LabError(Exception):
    """The lab cannot be built or entered: what is missing, and how to get it."""


@dataclass(frozen=True)
class Lab:
    """A built root, the folder in which commands may leave results, and what libcamera's virtual camera shows."""

    root: Path
    out: Path
    camera: Path = CAMERA

    def run(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
        """Run a command inside; give its exit status."""
        inside = {
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "PATH": f"{VENV}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "/src",
            **(environment or {}),
        }
        outside = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "LAB_SOURCE": str(ROOT),
            "LAB_OUT": str(self.out),
            "LAB_CAMERA": str(self.camera),
            "LAB_CAMERA_FILE": CAMERA_FILE,
            "LAB_DEVICES": " ".join(DEVICES),
        }
        namespaces = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
        shell = ["sh", "-euc", ENTER, "enter", str(self.root), "env", "-i"]
        settings = [f"{name}={value}" for name, value in inside.items()]
        return subprocess.run([*namespaces, *shell, *settings, *command], env=outside, check=False).returncode


def make_lab(folder: Path, out: Path) -> Lab:
    """Give the lab in `folder`, built anew unless it is there and made of the same things; raises `LabError`."""
    _require_machine()
    out.mkdir(parents=True, exist_ok=True)
    lab, stamp, recipe = Lab(folder / "root", out), folder / "made-of", _recipe()
    if stamp.exists() and stamp.read_text("utf-8") == recipe:
        return lab
    print(f"pi_lab: building {lab.root} (once; a minute or two)", flush=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(lab.root, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    _bootstrap(lab.root)
    _install(lab)
    stamp.write_text(recipe, "utf-8")
    return lab


def _require_machine() -> None:
    if os.geteuid() != 0:
        raise LabError("needs root, to mount and to change the root folder: sudo .venv/bin/python -m tests.pi_lab")
    missing = [tool for tool in ("mmdebstrap", "unshare", "chroot", "mount") if shutil.which(tool) is None]
    if missing:
        raise LabError(f"needs {', '.join(missing)}; on Debian: apt-get install mmdebstrap util-linux coreutils mount")


def _recipe() -> str:
    """Name what the root is made of."""
    sources = [Path(__file__), *LOCKS]
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sources)


def _bootstrap(root: Path) -> None:
    mirror = find_mirror()
    if mirror is None:
        raise LabError("needs a Debian mirror, and this machine's apt names none: look at /etc/apt/sources.list.d")
    pin = f"printf '{PREFERENCES!s}' >\"$1/etc/apt/preferences.d/libcamera\"".replace("\n", "\\n")
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", f"--setup-hook={pin}"]
    sources = [f"deb {mirror} {suite} main" for suite in ("trixie", "trixie-backports")]
    if subprocess.run([*command, "trixie", str(root), *sources], check=False).returncode:
        raise LabError(f"mmdebstrap failed; does this machine reach {mirror}?")


def _install(lab: Lab) -> None:
    """Install the hash-pinned Python packages, with this machine's name servers, certificates and pip settings."""
    (lab.root / CAMERA_FILE).parent.mkdir(parents=True, exist_ok=True)
    (lab.root / CAMERA_FILE).touch()
    for name in (Path("etc/resolv.conf"), Path("etc/pip.conf"), CERTIFICATES):
        if (Path("/") / name).exists():
            shutil.copyfile(Path("/") / name, lab.root / name)
    settings = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    settings["PIP_CERT"] = f"/{CERTIFICATES}"
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--require-hashes", "-r"]
    # one after the other: what has no wheel is built by the setuptools of the first list
    installs = [[*pip, f"/src/{lock.relative_to(ROOT)}"] for lock in LOCKS]
    for command in (["python3", "-m", "venv", "--system-site-packages", VENV], *installs):
        if lab.run(command, environment=settings):
            raise LabError(f"could not be built: {' '.join(command)} failed inside {lab.root}")

"""The libraries of a unit as wheels, fetched once and kept for every card: a classroom's network may reach nothing.

pip fetches them by the hashes of `provisioning/locks/card.txt`, which names exactly what a unit gets (Python 3.13 of
Debian trixie, aarch64). The project itself is built from its source, or put together again from what is installed.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from provisioning.card.errors import CardError, tell_cause
from provisioning.packaged import LOCKS, find_checkout

LOCK = LOCKS / "card.txt"
PYTHON, ABI = "3.13", "cp313"
GLIBC = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
MADE_BY_INSTALLERS = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the wheel: the same files give the same wheel."""


def fetch_wheels(cache: Path, processor: str) -> Path:
    """Give the folder with a unit's libraries; fetch them when the cache lacks them. Raises `CardError`."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = cache / f"wheels-{digest}-{processor}"
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".wheels-", dir=cache))
    except OSError as error:
        raise CardError("cache", f"{cache}: libraries cannot be kept there: {tell_cause(error)}") from None
    try:
        _download(draft, processor)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _download(folder: Path, processor: str) -> None:
    platforms = (part for name in GLIBC for part in ("--platform", f"{name}_{processor}"))
    command = [
        *_find_pip(),
        *("download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--implementation", "cp", "--python-version", PYTHON),
        *("--abi", ABI, "--abi", "abi3", "--abi", "none", *platforms),
        *("--requirement", str(LOCK), "--dest", str(folder)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CardError("cache", f"the unit's libraries cannot be fetched: {done.stderr.strip()[-800:]}")


def _find_pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    for name in ("pip3", "pip"):
        if found := shutil.which(name):
            return [found]
    raise CardError("cache", "the unit's libraries are fetched by pip, which is not there: apt-get install python3-pip")


def make_own_wheel(folder: Path) -> Path:
    """Put this project into `folder` as a wheel; raises `CardError`."""
    checkout = find_checkout()
    if checkout is None:
        return repack(importlib.metadata.distribution("backrow"), folder)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CardError("", f"the project cannot be built from {checkout}: {done.stderr.strip()[-800:]}")
    (wheel,) = folder.glob("backrow-*.whl")
    return wheel


def repack(installed: importlib.metadata.Distribution, folder: Path) -> Path:
    """Make a wheel of the files that a wheel was installed as: the same, but for what an installer added."""
    target = folder / f"backrow-{installed.version}-py3-none-any.whl"
    record = [f"{info}/RECORD,," for info in {_info(path) for path, _ in _files(installed)} if info]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in _files(installed):
            wheel.writestr(zipfile.ZipInfo(path, EPOCH), data, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")
        (name,) = (line.removesuffix(",,") for line in record if line.endswith(",,"))
        wheel.writestr(zipfile.ZipInfo(name, EPOCH), "\n".join(sorted(record)) + "\n")
    return target


def _info(path: str) -> str:
    first = path.partition("/")[0]
    return first if first.endswith(".dist-info") else ""


def _files(installed: importlib.metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    for path in sorted(installed.files or (), key=str):
        outside = path.parts[0] == ".." or path.is_absolute()  # the command, which the installer makes anew
        made = _info(str(path)) and path.name in MADE_BY_INSTALLERS
        if not outside and not made and "__pycache__" not in path.parts:
            yield path.as_posix(), Path(str(path.locate())).read_bytes()

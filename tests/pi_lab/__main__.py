"""Tests with the real picamera2, on a PC: `sudo .venv/bin/python -m tests.pi_lab`, as root, on Debian with mmdebstrap.

    python -m tests.pi_lab [--root FOLDER] [--out FOLDER] [-- PYTEST-ARGUMENTS]   the tests marked `hardware`
    python -m tests.pi_lab figures                                                what encoding costs, as ratios
    python -m tests.pi_lab run COMMAND…                                           any command in the lab, at /src

The first call builds the lab (1 GB, a minute or two; kept under build/pi-lab); the tests take about two minutes. What
they filmed is left in the out folder, examined there with ffprobe and played in Chromium. What the lab cannot show
stands in docs/hardware/camera.md.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tests.pi_lab.root import PYTHON, ROOT, Lab, LabError, make_lab

TESTS = ("tests/pi_lab", "tests/contract/test_camera.py")
PYTEST = ("-m", "pytest", "-p", "tests.pi_lab.stand_in", "-p", "no:cacheprovider", "-m", "hardware")


def main() -> int:
    """Do what the command line asks; give the exit status."""
    arguments = _parse()
    try:
        lab = make_lab(arguments.root.resolve(), arguments.out.resolve())
        return _do(lab, arguments.what, arguments.more)
    except LabError as error:
        print(f"pi_lab: {error}", file=sys.stderr)
        return 2


def _do(lab: Lab, what: str, more: list[str]) -> int:
    if what == "run":
        return lab.run(more)
    if what == "figures":
        from tests.pi_lab.figures import prepare

        return replace(lab, camera=prepare(lab.out)).run([PYTHON, "-m", "tests.pi_lab.figures"])
    from tests.pi_lab.results import look_at_results

    for film in lab.out.glob("*.mp4"):
        film.unlink()
    return lab.run([PYTHON, *PYTEST, *(more or TESTS)]) or look_at_results(lab.out)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.pi_lab", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, default=ROOT / "build/pi-lab", help="where the lab is kept")
    parser.add_argument("--out", type=Path, default=ROOT / "build/pi-lab/out", help="where results are left")
    parser.add_argument("what", nargs="?", choices=("tests", "figures", "run"), default="tests")
    parser.add_argument("more", nargs=argparse.REMAINDER, help="arguments of pytest, or the command to run")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

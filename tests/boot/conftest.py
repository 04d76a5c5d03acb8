"""The boot tests run when they are asked for: `python -m tests.boot` (root; docs/runbooks/unit-machine.md)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.boot.machine import DATA, FILM, Machine, build_wheel, standing_machine
from tests.boot.root import make_root, what_is_missing
from tests.footage import find_footage, run_ffmpeg
from tests.school import School, make_school

BROKER_PORT, CONTROLLER_PORT = 8883, 8443


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what passed tests printed, which pytest keeps to itself: these are the measured times."""
    for report in terminalreporter.stats.get("passed", []):
        if report.capstdout.strip():
            terminalreporter.write_sep("-", report.nodeid)
            terminalreporter.write_line(report.capstdout.strip())


@pytest.fixture(scope="session")
def base() -> Path:
    """The Debian root with the unit's packages."""
    if missing := what_is_missing():
        pytest.fail(missing)
    return make_root()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it is delivered."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five seconds with a keyframe each second, as a real camera gives them, so that every segment plays alone."""
    path = tmp_path_factory.mktemp("film") / "lesson.mp4"
    pictures = ("-vf", "scale=640:360", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-keyint_min", "25")
    run_ffmpeg("-i", find_footage("bigbuckbunny.mp4"), "-t", "5", *pictures, "-c:a", "aac", "-ac", "1", path)
    return path


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def machine(base: Path, wheel: Path, film: Path, school: School, tmp_path: Path) -> Iterator[Machine]:
    """A unit on a machine of its own that is not switched on yet."""
    with _make_machine(base, wheel, film, school=school, folder=tmp_path) as one:
        yield one


@pytest.fixture(scope="module")
def booted(base: Path, wheel: Path, film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine that is up, for all tests of a module that change nothing."""
    folder = tmp_path_factory.mktemp("booted")
    with _make_machine(base, wheel, film, school=make_school(folder, now=datetime.now(UTC)), folder=folder) as one:
        one.boot()
        yield one


@pytest.fixture
def machine_at_school(base: Path, wheel: Path, film: Path, school: School, tmp_path: Path) -> Iterator[Machine]:
    """A unit that knows where broker and controller are; it is not switched on yet."""
    tables = {
        "broker": {"host": "localhost", "port": BROKER_PORT, "tls": True},
        "controller": {"url": f"https://localhost:{CONTROLLER_PORT}"},
    }
    with _make_machine(base, wheel, film, school=school, folder=tmp_path, more=tables) as one:
        yield one


@contextmanager
def _make_machine(
    base: Path,
    wheel: Path,
    film: Path,
    *,
    school: School,
    folder: Path,
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[Machine]:
    tables = {
        **(more or {}),
        "device": {"data": DATA},
        "camera": {"kind": "replay", "input": f"/{FILM}", "loop": True},
        "timings": {"settle_s": 0.3},
        "limits": {"segment_s": 2.0},
    }
    unit = school.make_unit(folder / "unit", tables=tables)
    with standing_machine(base, wheel, unit) as one:
        shutil.copy(film, one.root / FILM)
        yield one

"""`backrow controller roster`, run as on the server: every command once, and refusals that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller.cli import group
from tests.house import House, house
from tests.rosters import changed, pack, small_school

__all__ = ["house"]
Run = Callable[..., str]


@pytest.fixture
def run(house: House, tmp_path: Path) -> Run:
    """Give a way to run a command on an empty school; it gives what is printed."""
    core = house.services.config.controller
    config = tmp_path / "controller.toml"
    config.write_text(f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n')

    def invoke(command: str, *words: str, code: int = 0) -> str:
        result = CliRunner().invoke(group, ["roster", command, "--config", str(config), *words])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    """Give a small school as a file; its terms last."""
    path = tmp_path / "roster.zip"
    path.write_bytes(pack(changed(small_school(), "academicSessions.csv", 2, endDate="2099-06-30")).getvalue())
    return path


def drafted(printed: str) -> tuple[str, str]:
    """Give draft and number out of the line that says how to apply it."""
    found = re.search(r"roster apply (\w+) --seen (\d+)", printed)
    assert found, printed
    return found.group(1), found.group(2)


def test_zip_is_imported_looked_at_applied_and_listed(run: Run, zipped: Path) -> None:
    """Each step prints what the next one needs; names only when they are asked for."""
    printed = run("import", str(zipped))
    draft, seen = drafted(printed)
    assert "García" not in printed
    assert draft in run("drafts")
    assert "New: García, Ana" in run("preview", draft, "--names")
    assert run("classes") == ""
    assert "Done." in run("apply", draft, "--seen", seen)
    listed = run("classes")
    assert listed.startswith("3B (North): pupils 2, adults 1  ")
    class_id = listed.split()[-1]
    assert "3B,Ana,García,pupil," in run("export", class_id)
    assert "no class is called" in run("export", "none", code=1)


def test_flaws_are_printed_and_end_the_command(run: Run, tmp_path: Path) -> None:
    """Every one with its place, and how many there are."""
    path = tmp_path / "bad.csv"
    path.write_text("class,given,family,role\n3B,,,\n,Ana,X,king\n")
    printed = run("import", str(path), code=1)
    assert "bad.csv:2 given: expected something" in printed
    assert "bad.csv:3 role: expected one of" in printed
    assert "nothing was changed: 3 things are wrong" in printed


def test_what_vanishes_is_said(run: Run, zipped: Path) -> None:
    """More than a tenth needs the switch; a draft that nobody wants is discarded."""
    draft, seen = drafted(run("import", str(zipped)))
    run("apply", draft, "--seen", seen)
    fewer = small_school()
    fewer["enrollments.csv"] = [*fewer["enrollments.csv"][:2], fewer["enrollments.csv"][3]]
    zipped.write_bytes(pack(changed(fewer, "academicSessions.csv", 2, endDate="2099-06-30")).getvalue())
    printed = run("import", str(zipped))
    assert "More than a tenth would vanish" in printed
    draft, seen = drafted(printed)
    assert "would vanish" in run("apply", draft, "--seen", seen, code=1)
    assert "was changed since you looked" in run("apply", draft, "--seen", "0", "--vanishing", code=1)
    assert "Discarded" in run("discard", draft)
    assert "no such draft" in run("preview", draft, code=1)


def test_whoever_is_in_a_class_is_not_forgotten(run: Run, zipped: Path) -> None:
    """The command asks first, and says until when somebody is in a class."""
    draft, seen = drafted(run("import", str(zipped), "--site", ""))
    run("apply", draft, "--seen", seen)
    person = run("export", run("classes").split()[-1]).splitlines()[2].split(",")[4]
    assert "still in a class (until 2099-06-30)" in run("forget", person, "--yes", code=1)
    assert "nobody is known by" in run("forget", "none", "--yes", code=1)

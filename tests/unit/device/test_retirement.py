"""The end of a retired unit: who may be wiped, what is left, and that a cut at any operation is gone on from."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.cli import group
from device.config import load_config
from device.retirement import WipeRefused, wipe
from protocol.commands import Task
from protocol.durable import REAL, Files
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles
from tests.recorder_room import TrustedClock
from tests.school import WEEK, School, UnitBundle, make_school, new_id

SECRET = b"PRIVATE KEY"


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit that has lived: keys, certificate, records; its spool is empty."""
    made = school.make_unit(tmp_path / "unit")
    for path in ("recorder/journal", "uploads/abc", "agent/readings", "certificate/tls.pem", "identity/tls.key"):
        (made.data / path).parent.mkdir(exist_ok=True)
        (made.data / path).write_bytes(SECRET)
    return made


def retire(
    school: School, unit: UnitBundle, *, not_before: datetime | None = None, lasts: timedelta = 52 * WEEK
) -> None:
    """Lay the school's command."""
    line = school.issue_command(unit.device, Task.RETIRE, lasts=lasts, not_before=not_before or school.now)
    unit.put_state("commands/retire", line)


def perform(unit: UnitBundle, files: Files = REAL) -> None:
    """Wipe, with a clock that the network has set."""
    wipe(load_config(unit.config), unit.config, clock=TrustedClock(), files=files)


def left(unit: UnitBundle) -> list[Path]:
    """Give the files that are left of a unit."""
    return [path for path in unit.folder.rglob("*") if path.is_file()]


def test_nothing_is_left_of_a_wiped_unit(school: School, unit: UnitBundle) -> None:
    """No key, no certificate, no document, no record, no configuration."""
    retire(school, unit)
    perform(unit)
    assert left(unit) == []


def test_unit_that_is_not_retired_is_not_wiped(unit: UnitBundle) -> None:
    """Whoever gives the command at a unit by mistake, or lays the marker, takes nothing away."""
    (unit.data / "recorder" / "retired").write_bytes(b"{}")
    before = left(unit)
    with pytest.raises(WipeRefused, match="has not retired this unit"):
        perform(unit)
    assert left(unit) == before


@pytest.mark.parametrize("fault", ["foreign", "stranger", "early", "over"])
def test_command_that_does_not_hold_wipes_nothing(school: School, unit: UnitBundle, fault: str) -> None:
    """Another unit's, another school's, one whose time has not come, one that is over."""
    now = school.now
    stranger = make_school(unit.folder.parent / "stranger", now=now)
    lines = {
        "foreign": school.issue_command(new_id(), Task.RETIRE, lasts=WEEK, not_before=now),
        "stranger": stranger.issue_command(unit.device, Task.RETIRE, lasts=WEEK, not_before=now),
        "early": school.issue_command(unit.device, Task.RETIRE, lasts=WEEK, not_before=now + timedelta(days=1)),
        "over": school.issue_command(
            unit.device, Task.RETIRE, issued_at=now - WEEK, lasts=timedelta(days=1), not_before=now - WEEK
        ),
    }
    unit.put_state("commands/retire", lines[fault])
    with pytest.raises(WipeRefused):
        perform(unit)
    assert (unit.data / "identity" / "tls.key").read_bytes() == SECRET


def test_undelivered_lesson_is_never_wiped(school: School, unit: UnitBundle) -> None:
    """P5: whatever the school's command says, what lies in the spool stays."""
    retire(school, unit)
    lesson = unit.data / "spool" / new_id()
    lesson.mkdir(parents=True)
    (lesson / "000001.age").write_bytes(b"sealed")
    with pytest.raises(WipeRefused, match="not delivered yet"):
        perform(unit)
    assert (lesson / "000001.age").read_bytes() == b"sealed"
    assert (unit.data / "identity" / "tls.key").read_bytes() == SECRET


def test_wipe_that_was_cut_at_any_operation_is_gone_on_with(school: School, unit: UnitBundle, tmp_path: Path) -> None:
    """A power cut leaves a unit that was not begun on, or one that the next start wipes to the end."""
    retire(school, unit)
    kept = tmp_path / "kept"
    shutil.copytree(unit.folder, kept)
    counting = CountingFiles()
    perform(unit, counting)
    for at in range(1, len(counting.names) + 1):
        shutil.rmtree(unit.folder)
        shutil.copytree(kept, unit.folder)
        with pytest.raises(Cut):
            perform(unit, KilledFiles(at=at))
        if unit.config.exists():
            perform(unit)
        assert left(unit) == [], counting.names[at - 1]


def test_command_says_what_it_did_or_why_not(school: School, unit: UnitBundle) -> None:
    """A refusal is a sentence; on success the unit says that it needs a new card."""
    refused = CliRunner().invoke(group, ["wipe", "--config", str(unit.config)])
    assert (refused.exit_code, "has not retired this unit" in refused.output) == (1, True)
    retire(school, unit)
    done = CliRunner().invoke(group, ["wipe", "--config", str(unit.config)])
    assert done.exit_code == 0, done.output
    assert "only with a new card" in done.output

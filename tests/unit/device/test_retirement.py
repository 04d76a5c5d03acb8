"""The end of a retired unit: who may be wiped, what is left, and that a cut at any operation is gone on from."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from device.cli import group
from device.config import load_config
from device.retirement import BEGUN, WipeRefused, wipe
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
    network = made.folder / "network"
    network.mkdir()
    for name in ("school.nmconnection", "school-client.key", "home.nmconnection.draft"):
        (network / name).write_bytes(SECRET)
    return made


def retire(
    school: School, unit: UnitBundle, *, not_before: datetime | None = None, lasts: timedelta = 52 * WEEK
) -> None:
    """Lay the school's command."""
    line = school.issue_command(unit.device, Task.RETIRE, lasts=lasts, not_before=not_before or school.now)
    unit.put_state("commands/retire", line)


def perform(unit: UnitBundle, files: Files = REAL) -> None:
    """Wipe, with a clock that the network has set."""
    network = unit.folder / "network"
    wipe(load_config(unit.config), unit.config, network=network, clock=TrustedClock(), files=files)


def left(unit: UnitBundle) -> list[Path]:
    """Give the files that are left of a unit."""
    return [path for path in unit.folder.rglob("*") if path.is_file()]


def test_nothing_is_left_of_a_wiped_unit(school: School, unit: UnitBundle) -> None:
    """No key, no certificate, no document, no record, no password of the network, no configuration."""
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
    """A cut leaves a unit that was not begun on, or one that the next start wipes to the end: a mark always tells."""
    retire(school, unit)
    marks = (unit.data / "recorder" / "retired", unit.folder / BEGUN)  # which systemd/backrow-wipe.path waits for
    marks[0].write_bytes(b"{}")
    kept = tmp_path / "kept"
    shutil.copytree(unit.folder, kept)
    counting = CountingFiles()
    perform(unit, counting)
    for at in range(1, len(counting.names) + 1):
        shutil.rmtree(unit.folder)
        shutil.copytree(kept, unit.folder)
        with pytest.raises(Cut):
            perform(unit, KilledFiles(at=at))
        if any(mark.exists() for mark in marks):  # without one nothing starts it: it must be over then
            asked = ["wipe", "--config", str(unit.config), "--network", str(unit.folder / "network")]
            assert CliRunner().invoke(group, asked).exit_code == 0, counting.names[at - 1]
        assert left(unit) == [], counting.names[at - 1]


def test_network_is_erased_when_nothing_else_is_left_to_do(school: School, unit: UnitBundle, tmp_path: Path) -> None:
    """While a file of the unit itself is left, whatever the cut, every secret of the network is still whole."""
    retire(school, unit)
    kept, network = tmp_path / "kept", unit.folder / "network"
    shutil.copytree(unit.folder, kept)
    names = {path.name for path in network.iterdir()}
    counting = CountingFiles()
    perform(unit, counting)
    seen = set()
    for at in range(1, len(counting.names) + 1):
        shutil.rmtree(unit.folder)
        shutil.copytree(kept, unit.folder)
        with pytest.raises(Cut):
            perform(unit, KilledFiles(at=at))
        whole = {path.name for path in network.iterdir() if path.read_bytes() == SECRET} == names
        own = {path for path in left(unit) if path.parent != network} - {unit.config, unit.folder / BEGUN}
        assert whole or not own, counting.names[at - 1]
        seen.add((whole, bool(own)))
    assert seen == {(True, True), (True, False), (False, False)}


def test_network_is_overwritten_before_it_is_unlinked(school: School, unit: UnitBundle) -> None:
    """A second name of the same bytes shows nothing of them any more."""
    retire(school, unit)
    (unit.folder.parent / "seen").hardlink_to(unit.folder / "network" / "school.nmconnection")
    perform(unit)
    assert SECRET not in (unit.folder.parent / "seen").read_bytes()


def test_folder_that_is_not_named_is_not_looked_for(school: School, unit: UnitBundle) -> None:
    """A wipe tried on a machine that is no unit takes nothing of that machine's network."""
    retire(school, unit)
    network = unit.folder / "network"
    wipe(load_config(unit.config), unit.config, clock=TrustedClock())
    assert {path.parent for path in left(unit)} == {network}
    assert {path.read_bytes() for path in left(unit)} == {SECRET}


def test_network_of_a_unit_that_is_not_retired_stays(unit: UnitBundle) -> None:
    """Whoever gives the command by mistake cuts no unit off."""
    before = left(unit)
    with pytest.raises(WipeRefused):
        perform(unit)
    assert left(unit) == before


def test_command_says_what_it_did_or_why_not(school: School, unit: UnitBundle) -> None:
    """A refusal is a sentence; on success the unit says that it needs a new card."""
    refused = CliRunner().invoke(group, ["wipe", "--config", str(unit.config)])
    assert (refused.exit_code, "has not retired this unit" in refused.output) == (1, True)
    retire(school, unit)
    asked = ["wipe", "--config", str(unit.config), "--network", str(unit.folder / "network")]
    done = CliRunner().invoke(group, asked)
    assert done.exit_code == 0, done.output
    assert done.output == "This unit is wiped. It returns only with a new card.\n"
    assert left(unit) == []


def test_command_says_that_the_network_was_not_looked_for(school: School, unit: UnitBundle) -> None:
    """Whoever wipes by hand hears what may be left."""
    retire(school, unit)
    done = CliRunner().invoke(group, ["wipe", "--config", str(unit.config)])
    assert done.exit_code == 0, done.output
    assert "no --network was named" in done.output
    assert (unit.folder / "network" / "school-client.key").read_bytes() == SECRET


def test_unit_without_the_folder_is_wiped(school: School, unit: UnitBundle) -> None:
    """A unit that was set up by hand, with a cable, has none."""
    retire(school, unit)
    shutil.rmtree(unit.folder / "network")
    perform(unit)
    assert left(unit) == []

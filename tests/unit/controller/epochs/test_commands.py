"""`backrow controller epochs` and `storage` as somebody on the server uses them; nothing tells of recordings."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.cli import group
from controller.epochs.models import Epoch
from protocol.envelope import generate_x25519
from tests.house import House, Teacher, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment

LONG_OVER = "2020-w01"  # whatever the clock of the machine says
MONDAY = datetime(2019, 12, 30, tzinfo=UTC)


@dataclass
class Desk:
    """A server with one unit that is silent and one recording, and an epoch that was over years ago."""

    house: House
    config: Path
    teacher: Teacher
    recording: str

    def run(self, *words: str, typed: str = "") -> Result:
        """Run a command."""
        return CliRunner().invoke(group, [*words, "--config", str(self.config)], input=typed)

    @property
    def key_file(self) -> Path:
        """Where the old epoch's identity lies."""
        return self.house.services.config.controller.keys / "epochs" / f"{LONG_OVER}.key"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Make one."""
    house = make_house(tmp_path)
    house.add_admin()
    teacher = house.add_teacher()
    recording = house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    core = house.services.config.controller
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(core.keys / "root.pub", backup)
    config = tmp_path / "controller.toml"
    config.write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
        f'keys_backup = "{backup}"\n'
    )
    with house.services.database.writing() as session:
        session.add(Epoch(name=LONG_OVER, begins_at=MONDAY, ends_at=MONDAY + timedelta(days=7)))
    made = Desk(house, config, teacher, recording)
    made.key_file.write_text(f"{generate_x25519().encode()}\n")
    made.key_file.chmod(0o600)
    yield made
    house.services.database.close()


def test_list_names_who_blocks_and_not_why(desk: Desk) -> None:
    """The unit's name, and that it has not spoken: whether it holds something is nobody's to read (P7)."""
    answer = desk.run("epochs", "list")
    assert answer.exit_code == 0, answer.output
    first, second = answer.output.splitlines()[:2]
    assert first == f"{LONG_OVER}  2019-12-30 to 2020-01-05  blocked"
    assert second.strip() == (
        f"blocked by Room 12 ({desk.teacher.device}): it has not said that nothing of this week is left on it"
    )
    assert desk.recording not in answer.output
    status = desk.run("status")
    assert (status.exit_code, second in status.output.splitlines()) == (0, True)


def test_waiver_is_asked_for_after_what_would_be_lost(desk: Desk) -> None:
    """Who says no has changed nothing; who says yes lets the epoch end, and that is said with what it cannot reach."""
    waiver = ("epochs", "waive", LONG_OVER, desk.teacher.device, "--by", "grace@school.example", "--reason", "sunk")
    no = desk.run(*waiver, typed="n\n")
    assert (no.exit_code, "Room 12 from 2019-12-30 to 2020-01-05" in " ".join(no.output.split())) == (1, True)
    assert desk.run("epochs", "end").output.startswith(f"{LONG_OVER}  2019-12-30 to 2020-01-05  blocked")
    assert desk.key_file.exists()
    yes = desk.run(*waiver, typed="y\n")
    assert "Grace Admin lets epoch" in yes.output
    end = desk.run("epochs", "end")
    assert f"Epoch {LONG_OVER} has ended." in end.output
    assert "snapshot" in end.output
    assert not desk.key_file.exists()
    assert "ended on" in desk.run("epochs", "list").output.splitlines()[0]


def test_waiver_ahead_of_time_is_refused(desk: Desk) -> None:
    """Of an epoch that is not over nobody knows what would be lost."""
    begins_at = datetime.now(UTC)
    with desk.house.services.database.writing() as session:
        session.add(Epoch(name="2999-w01", begins_at=begins_at, ends_at=begins_at + timedelta(days=7)))
    words = ("--by", "grace@school.example", "--reason", "so that it is done", "--yes")
    answer = desk.run("epochs", "waive", "2999-w01", desk.teacher.device, *words)
    assert (answer.exit_code, "is not over" in answer.output) == (1, True)


def test_missing_identity_is_told(desk: Desk) -> None:
    """An epoch that has not ended and whose identity is not here needs somebody."""
    desk.key_file.unlink()
    assert "ITS IDENTITY IS NOT HERE" in desk.run("epochs", "list").output.splitlines()[0]


def test_storage_is_rotated_and_checked_by_hand(desk: Desk) -> None:
    """The words name the new identity and both places, and count nothing; a damaged entry is named by `check` alone."""
    answer = desk.run("storage", "rotate")
    assert answer.exit_code == 0, answer.output
    assert f"andin{desk.config.parent / 'backup'}:" in "".join(answer.output.split())
    assert desk.recording not in answer.output
    (name,) = desk.house.services.keys.storage
    check = desk.run("storage", "check")
    assert (check.exit_code, check.output.splitlines()[0]) == (0, f"{name}  in force")
    entry = desk.house.services.config.controller.key_store / f"{desk.recording}.age"
    entry.write_bytes(entry.read_bytes()[:-1])
    check = desk.run("storage", "check")
    assert (check.exit_code, f"{desk.recording}.age: opens with no storage identity" in check.output) == (1, True)
    failed = desk.run("storage", "rotate")
    assert (failed.exit_code, desk.recording in failed.output) == (1, False)


def test_rotation_without_a_named_backup_wants_a_word(desk: Desk) -> None:
    """It is refused with the setting's name, and done for whoever says so."""
    desk.config.write_text("\n".join(line for line in desk.config.read_text().splitlines() if "backup" not in line))
    refused = desk.run("storage", "rotate")
    assert (refused.exit_code, "keys_backup" in refused.output) == (1, True)
    assert desk.run("storage", "rotate", "--without-backup").exit_code == 0

"""The rotation as jobs and people start it: when it is due, with a named backup, and in words when it cannot be."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.errors import OperatorError
from controller.recordings.store import FolderStore
from controller.services import Services
from controller.storage.rotation import UNBACKED, rotate, rotate_when_due
from tests.fakes.cutfiles import RefusingFiles
from tests.house import House, make_house
from tests.unit.controller.uploads.unit_client import made_up_segment

MONTH = timedelta(days=30)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A controller whose keys have a named backup."""
    made = make_house(tmp_path)
    core = replace(made.services.config.controller, keys_backup=tmp_path / "backup")
    (tmp_path / "backup").mkdir()
    shutil.copy(core.keys / "root.pub", tmp_path / "backup")
    yield replace(made, services=replace(made.services, config=replace(made.services.config, controller=core)))
    made.services.database.close()


def names(services: Services) -> list[str]:
    """Name the storage identities."""
    return sorted(services.keys.storage)


def test_rotation_comes_by_itself_after_its_time(house: House, tmp_path: Path) -> None:
    """Not a day before; then the new identity is here and backed up, the old one gone, and what was delivered opens."""
    lesson = house.make_lesson(house.add_teacher(), [made_up_segment()])
    house.deliver(lesson)
    house.clock.pass_time(MONTH - timedelta(days=2))
    assert rotate_when_due(house.services) is None
    house.clock.pass_time(timedelta(days=2))
    before = names(house.services)
    name = rotate_when_due(house.services)
    assert names(house.services) == [name]
    assert before != [name]
    assert [path.name for path in (tmp_path / "backup" / "storage").glob("*.key")] == [f"{name}.key"]
    assert house.services.key_store.get(lesson.id) == lesson.identity
    assert rotate_when_due(house.services) is None


def test_nothing_rotates_by_itself_without_a_named_backup(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A broken disk would take every recording with it: the log says so, and the identity stays."""
    core = replace(house.services.config.controller, keys_backup=None)
    services = replace(house.services, config=replace(house.services.config, controller=core))
    house.clock.pass_time(2 * MONTH)
    before = names(services)
    with caplog.at_level(logging.WARNING):
        assert rotate_when_due(services) is None
    assert names(services) == before
    assert UNBACKED in caplog.text


def test_backup_that_is_not_there_stops_the_rotation(house: House, tmp_path: Path) -> None:
    """A disk that is not mounted: nothing is made, nothing is destroyed, and the words name the setting."""
    house.clock.pass_time(2 * MONTH)
    before = names(house.services)
    shutil.rmtree(tmp_path / "backup")
    with pytest.raises(OperatorError, match="keys_backup"):
        rotate_when_due(house.services)
    assert names(house.services) == before


def test_two_rotations_a_day_are_two_names(house: House) -> None:
    """By hand, as often as somebody wants."""
    first, second = rotate(house.services), rotate(house.services)
    assert second > first
    assert names(house.services) == [second]


def test_refusal_of_the_disk_is_told_in_words(house: House) -> None:
    """What the operator reads says that it is tried again; it is no traceback."""
    with pytest.raises(OperatorError, match="tried again"):
        rotate(house.services, RefusingFiles(1))


def test_running_process_follows_a_rotation(house: House) -> None:
    """A process that has read the keys long ago seals to the new identity and opens with it, without a restart."""
    running = replace(house.services, objects=FolderStore(house.services.config.controller.data))
    assert names(running) == names(house.services)
    name = rotate(house.services)
    assert running.keys.storage_in_force[0] == name

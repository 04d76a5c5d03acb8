"""Taking in, killed or refused at every operation on the disk: nothing is lost, nothing promised too early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from controller import wiring
from controller.recordings import repo
from controller.recordings.keystore import KeyStore
from controller.recordings.manifests import Manifests
from controller.recordings.models import Recording, RecordingState
from controller.recordings.store import FolderStore
from protocol.documents import Receipt, verify_document
from protocol.durable import Files
from protocol.manifest import KEY_INDEX, digest_of
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, RefusingFiles
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit

MOST_OPERATIONS = 60


def on_disk(house: House, files: Files) -> House:
    """Give the same controller, as a new process would be, over another door to the disk."""
    core = house.services.config.controller
    objects = FolderStore(core.data, files)
    fresh = wiring.make_services(house.services.config)
    fresh.database.close()
    return replace(
        house,
        services=replace(
            fresh,
            database=house.services.database,
            clock=house.services.clock,
            objects=objects,
            manifests=Manifests(objects),
            key_store=KeyStore(core.key_store, fresh.keys, files),
        ),
    )


@contextmanager
def delivered_to(folder: Path, files: Files) -> Iterator[tuple[House, UnitClient, Lesson]]:
    """Make a controller whose disk may fail, and a lesson that its unit is about to deliver."""
    house = make_house(folder)
    failing = make_unit(on_disk(house, files))
    yield house, failing, house.make_lesson(failing.teacher, [made_up_segment(), made_up_segment(70_000)])
    house.services.database.close()


def require_honest(house: House, lesson: Lesson) -> None:
    """Fail when a row or a receipt names something that does not lie in its store as it should."""
    with house.services.database.reading() as session:
        row = session.get(Recording, lesson.id)
        held = {item.object_index: item.digest for item in repo.held_objects(session, lesson.id)}
    for index, digest in held.items():
        if index == KEY_INDEX:
            assert house.services.key_store.get(lesson.id) == lesson.identity
            continue
        with house.services.objects.open(lesson.id, index) as file:
            assert digest_of(file.read()) == digest
    if row and row.receipt_line:
        receipt = verify_document(Receipt, row.receipt_line, house.services.keys.trust)
        assert {item.index for item in receipt.items} <= held.keys()


def require_delivery(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Deliver to a disk that works, and fail unless everything is there in the end."""
    made_again = make_unit(house, unit.teacher)
    made_again.web.application.extensions["backrow-arrivals"].finish_whole()
    assert {item.index for item in made_again.deliver(lesson).items} == {0, 1, 2}
    require_honest(house, lesson)
    with house.services.database.reading() as session:
        assert session.get_one(Recording, lesson.id).state is RecordingState.READY
    assert not list((house.services.config.controller.data / "incoming").iterdir())


def count_operations(folder: Path) -> int:
    """Count the operations of one delivery."""
    files = CountingFiles()
    with delivered_to(folder, files) as (_, unit, lesson):
        unit.deliver(lesson)
    return len(files.names)


def test_delivery_killed_at_any_operation_is_finished_by_the_next_process(tmp_path: Path) -> None:
    """Killed before, at or after every write, sync and rename: rows never lie, and the next delivery ends well."""
    operations = count_operations(tmp_path / "count")
    assert 10 < operations < MOST_OPERATIONS
    for at in range(1, operations + 1):
        with delivered_to(tmp_path / f"killed-{at}", KilledFiles(at)) as (house, unit, lesson):
            with pytest.raises(Cut):
                unit.deliver(lesson)
            require_honest(house, lesson)
            require_delivery(house, unit, lesson)


def test_disk_that_refuses_any_operation_is_survived(tmp_path: Path) -> None:
    """A disk that refuses once gives an answer, no false promise, and no harm to the delivery after it."""
    for at in range(1, count_operations(tmp_path / "count") + 1):
        with delivered_to(tmp_path / f"refused-{at}", RefusingFiles(at)) as (house, unit, lesson):
            answers = [unit.put_manifest(lesson), *(unit.upload(lesson, index) for index in lesson.objects)]
            assert {answer.status_code for answer in answers} <= {200, 204, 409, 507}
            assert any(answer.status_code == 507 for answer in answers)
            require_honest(house, lesson)
            require_delivery(house, unit, lesson)

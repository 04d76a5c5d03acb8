"""A disk that is really full, at every moment of a delivery: what was promised stays, the rest follows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from controller.config import Uploads
from controller.recordings import repo
from controller.recordings.models import RecordingState
from controller.recordings.scrub import Scrubber
from protocol.documents import Receipt, verify_document
from protocol.manifest import digest_of
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.small_disk import needs_mount, small_disk
from tests.unit.controller.recordings.test_scrub import MONTH
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit

STEP_BYTES = 8192
MOST_LEFT = 480 * 1024  # a lesson of 200 kB fits, with manifest, key and the rows' pages in the log of the database
REFUSED = {404, 409, 503, 507}

pytestmark = needs_mount


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller on a small disk of its own, which keeps no reserve: nothing but the disk itself refuses."""
    with small_disk(tmp_path / "disk", mebibytes=48) as disk:
        made = make_house(disk)
        config = replace(made.services.config, uploads=Uploads(reserve_bytes=1))
        yield replace(made, services=replace(made.services, config=config))
        made.services.database.close()


class Ballast:
    """A file that fills the disk but for some bytes."""

    def __init__(self, house: House) -> None:
        self._path = house.services.config.controller.data.parent / "ballast"

    def leave(self, free_bytes: int) -> None:
        """Fill the disk."""
        status = os.statvfs(self._path.parent)
        with self._path.open("wb") as file:
            file.write(bytes(max(0, status.f_bavail * status.f_frsize - free_bytes)))

    def drop(self) -> None:
        """Make room again."""
        self._path.unlink()


def try_to_deliver(unit: UnitClient, lesson: Lesson) -> tuple[set[int], Receipt | None]:
    """Send everything once, whatever the answers; give their statuses, and the receipt if there was one."""
    statuses = {unit.put_manifest(lesson).status_code}
    for index in lesson.objects:
        statuses.add(unit.upload(lesson, index).status_code)
    answer = unit.ask("GET", f"/recordings/{lesson.id}/receipt")
    statuses.add(answer.status_code)
    keys = unit.house.services.keys
    return statuses, verify_document(Receipt, answer.data, keys.trust) if answer.status_code == 200 else None


def require_kept(house: House, lesson: Lesson, receipt: Receipt | None) -> None:
    """Fail unless everything that a receipt named is there, byte for byte."""
    services = house.services
    for item in receipt.items if receipt else ():
        if item.index == 0:
            assert services.key_store.get(lesson.id) == lesson.identity
            continue
        with services.objects.open(lesson.id, item.index) as file:
            assert digest_of(file.read()) == item.digest


def test_disk_that_fills_at_any_moment_loses_nothing(house: House) -> None:
    """With 0, 8, 16 … 480 KiB left: refused in words, nothing that a receipt named is gone, all arrives with room."""
    unit, ballast, seen = make_unit(house), Ballast(house), set()
    for left in range(0, MOST_LEFT + 1, STEP_BYTES):
        lesson = house.make_lesson(unit.teacher, [made_up_segment(120_000), made_up_segment(80_000)])
        ballast.leave(left)
        statuses, receipt = try_to_deliver(unit, lesson)
        assert statuses <= {200, 201, 204} | REFUSED, f"{left} bytes left: {statuses}"
        require_kept(house, lesson, receipt)
        ballast.drop()
        require_kept(house, lesson, receipt)
        unit.web.application.extensions["backrow-arrivals"].finish_whole()
        assert {item.index for item in unit.deliver(lesson).items} == {0, 1, 2}
        require_kept(house, lesson, unit.receipt(lesson))
        seen.add(frozenset(statuses))
    assert any(507 in statuses for statuses in seen)
    assert any(statuses <= {200, 204} for statuses in seen), "the last ones had room"
    assert len(seen) >= 4, "the disk ran full at several moments"


def test_reading_back_on_a_full_disk_marks_nothing(house: House) -> None:
    """What was read cannot be written down; nothing is called damaged, and with room it is."""
    unit, ballast = make_unit(house), Ballast(house)
    lesson = house.make_lesson(unit.teacher, [made_up_segment(2_000) for _ in range(60)])
    unit.deliver(lesson)
    house.clock.pass_time(MONTH)
    scrubber = Scrubber(house.services, lambda _: False)
    house.services.database.close()  # folds the log into the database: what is written now needs room of its own
    ballast.leave(0)
    with pytest.raises(OperationalError, match=r"full|disk I/O"):
        scrubber.turn()
    ballast.drop()
    assert scrubber.turn() == 61
    with house.services.database.reading() as session:
        rows = repo.held_objects(session, lesson.id)
        assert repo.find_owned(session, lesson.id, unit.teacher.id).state is RecordingState.READY  # type: ignore[union-attr]
    assert not any(row.damaged_at for row in rows)

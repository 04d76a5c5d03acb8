"""Receipts: one signature for all that is held, signed before the database is locked, and never more than is held."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.live_keys import LiveKeys
from controller.recordings import receipts
from controller.recordings.models import Recording
from controller.recordings.wanted import mark_damaged
from protocol.documents import Receipt, verify_document
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[UnitClient]:
    """Make a controller and a unit."""
    house = make_house(tmp_path)
    yield make_unit(house)
    house.services.database.close()


def delivered(unit: UnitClient, *, segments: int) -> Lesson:
    """Deliver a lesson, and fetch no receipt."""
    lesson = unit.house.make_lesson(unit.teacher, [made_up_segment(200) for _ in range(segments)])
    unit.put_manifest(lesson)
    for index in lesson.objects:
        unit.upload(lesson, index)
    return lesson


def newest(house: House, lesson: Lesson) -> Receipt:
    """Give the receipt that was stored last."""
    with house.services.database.reading() as session:
        line = session.get_one(Recording, lesson.id).receipt_line
    assert line
    return verify_document(Receipt, line, house.services.keys.trust)


def test_one_receipt_names_everything_and_no_backup(unit: UnitClient) -> None:
    """Forty objects, one signature; nothing says that there is a backup, for there is none."""
    lessons = [delivered(unit, segments=39), delivered(unit, segments=1)]
    assert receipts.issue_due(unit.house.services) == 2
    assert receipts.issue_due(unit.house.services) == 0
    found = [newest(unit.house, lesson) for lesson in lessons]
    assert sorted(len(receipt.items) for receipt in found) == [2, 40]
    assert {receipt.version for receipt in found} == {1, 2}
    assert {receipt.backed_up_at for receipt in found} == {None}


class Interrupting(LiveKeys):
    """The school's keys; something happens when they are asked for, which is when a receipt is signed."""

    meanwhile: Any = None

    def current(self) -> Any:
        """Let it happen, once."""
        if self.meanwhile:
            happen, self.meanwhile = self.meanwhile, None
            happen()
        return super().current()


def interrupted(house: House) -> tuple[House, Interrupting]:
    """Give the same controller with keys that let something happen while it signs."""
    keys = Interrupting(house.services.config.controller.keys)
    return replace(house, services=replace(house.services, live_keys=keys)), keys


def test_what_is_damaged_while_a_receipt_is_signed_is_not_in_it(unit: UnitClient) -> None:
    """The receipt that was signed is thrown away and stays due; the next one does not name the object."""
    lesson = delivered(unit, segments=2)
    house, keys = interrupted(unit.house)

    def damage() -> None:
        from controller.recordings.models import HeldObject

        with house.services.database.writing() as session:
            row = session.get_one(Recording, lesson.id)
            mark_damaged(row, session.get_one(HeldObject, (lesson.id, 2)), house.clock())

    keys.meanwhile = damage
    assert receipts.issue_due(house.services) == 0
    assert receipts.issue_due(house.services) == 1
    assert {item.index for item in newest(house, lesson).items} == {0, 1}


def test_receipt_that_the_unit_fetches_meanwhile_is_the_newest(unit: UnitClient) -> None:
    """Two processes sign for one unit at once: versions stay unique, and what is stored last has the highest."""
    lesson = delivered(unit, segments=1)
    house, keys = interrupted(unit.house)
    keys.meanwhile = lambda: unit.receipt(lesson)
    assert receipts.issue_due(house.services) == 0
    assert newest(house, lesson).version == 1
    assert receipts.issue_due(house.services) == 0

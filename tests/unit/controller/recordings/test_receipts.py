"""Receipts: one signature for all that is held, signed before the database is locked, and never more than is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.live_keys import LiveKeys
from controller.recordings import receipts
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.services import delete_recording
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


def keeping(house: House, days: int) -> House:
    """Give the same controller, whose units may keep what they delivered for some days."""
    config = house.services.config
    kept = replace(config, retention=replace(config.retention, keep_delivered_days=days))
    return replace(house, services=replace(house.services, config=kept))


def state_of(house: House, lesson: Lesson, change: Callable[[Recording], object]) -> None:
    """Change a recording's row."""
    with house.services.database.writing() as session:
        change(session.get_one(Recording, lesson.id))


def test_receipt_says_until_when_a_copy_may_be_kept(unit: UnitClient) -> None:
    """Days from when the lesson was whole, by the setting; with none a unit lets go at once, as older ones do."""
    lesson = delivered(unit, segments=1)
    house = keeping(unit.house, 7)
    assert receipts.issue_due(house.services) == 1
    assert newest(house, lesson).keep_until == house.clock() + timedelta(days=7)
    state_of(house, lesson, lambda row: setattr(row, "receipt_due", True))
    house.clock.pass_time(timedelta(days=7))
    receipts.issue_due(house.services)
    assert newest(house, lesson).keep_until is None
    state_of(house, lesson, lambda row: setattr(row, "receipt_due", True))
    receipts.issue_due(keeping(house, 0).services)
    assert newest(house, lesson).keep_until is None


def test_receipt_of_what_its_owner_deletes_lets_go_of_the_copy_at_once(unit: UnitClient) -> None:
    """P8: the deletion makes a receipt due, and it keeps nothing; without a broker it comes with the documents."""
    lesson, other = delivered(unit, segments=1), delivered(unit, segments=1)
    house = keeping(unit.house, 7)
    receipts.issue_due(house.services)
    house.clock.pass_time(receipts.FRESH)
    assert untold(house, unit) == []
    state_of(house, lesson, lambda row: delete_recording(row, now=house.clock(), undo_days=7))
    assert receipts.issue_due(house.services) == 1
    assert newest(house, lesson).keep_until is None
    assert newest(house, other).keep_until is not None
    assert untold(house, unit) == [newest(house, lesson)]
    state_of(house, lesson, lambda row: setattr(row, "receipt_acked", row.receipt_version))
    assert untold(house, unit) == []


def untold(house: House, unit: UnitClient) -> list[Receipt]:
    """Give the receipts that the unit finds among its documents."""
    with house.services.database.reading() as session:
        lines = receipts.untold(session, unit.teacher.device, house.clock())
    return [verify_document(Receipt, line, house.services.keys.trust) for line in lines]


def test_new_receipt_is_among_the_documents_until_the_unit_has_it(unit: UnitClient) -> None:
    """A unit whose lease ended after its last byte finds it there for two days, what takes back before the others."""
    first, second = delivered(unit, segments=1), delivered(unit, segments=1)
    house = keeping(unit.house, 7)
    receipts.issue_due(house.services)
    assert {receipt.recording for receipt in untold(house, unit)} == {first.id, second.id}
    state_of(house, second, lambda row: setattr(row, "receipt_acked", row.receipt_version))
    assert untold(house, unit) == [newest(house, first)]
    state_of(house, second, lambda row: delete_recording(row, now=house.clock(), undo_days=7))
    receipts.issue_due(house.services)
    assert untold(house, unit) == [newest(house, second), newest(house, first)]
    house.clock.pass_time(receipts.FRESH)
    assert untold(house, unit) == [newest(house, second)]


def test_deletion_while_a_receipt_is_signed_is_not_forgotten(unit: UnitClient) -> None:
    """The receipt that still keeps the copy is thrown away, and the next one lets go of it."""
    lesson = delivered(unit, segments=1)
    house, keys = interrupted(keeping(unit.house, 7))
    keys.meanwhile = lambda: state_of(house, lesson, lambda row: setattr(row, "state", RecordingState.LOCKED))
    assert receipts.issue_due(house.services) == 0
    assert receipts.issue_due(house.services) == 1
    assert newest(house, lesson).keep_until is None


def test_receipt_names_what_is_damaged_as_wanted(unit: UnitClient) -> None:
    """So that a unit knows without asking, and finds it among its documents where it hears no broker."""
    lesson = delivered(unit, segments=2)
    house = keeping(unit.house, 7)
    receipts.issue_due(house.services)
    with house.services.database.writing() as session:
        row = session.get_one(Recording, lesson.id)
        mark_damaged(row, session.get_one(HeldObject, (lesson.id, 2)), house.clock())
    receipts.issue_due(house.services)
    told = newest(house, lesson)
    assert (told.wanted, {item.index for item in told.items}) == ((2,), {0, 1})
    assert told.keep_until is not None
    assert untold(house, unit) == [told]

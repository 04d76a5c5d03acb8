"""What the school says about recordings that exist: an owner's undo, a withdrawal. The recorder believes signatures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.uploads.spooled import Spool
from protocol.manifest import Event, EventName
from tests.fakes.camera import FakeCamera
from tests.recorder_room import DISCARD_S, Item, Room, draw_footage, make_fast_unit, open_room
from tests.school import School, UnitBundle, make_school, new_id


@pytest.fixture(scope="module")
def footage() -> tuple[Item, ...]:
    """A second."""
    return draw_footage(1.0)


@pytest.fixture
def school(tmp_path: Path) -> School:
    """A school whose documents hold today."""
    return make_school(tmp_path, now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    """A unit with fast gestures."""
    return make_fast_unit(school, tmp_path / "unit")


@pytest.fixture
def room(school: School, unit: UnitBundle, footage: tuple[Item, ...]) -> Iterator[Room]:
    """A recorder that records."""
    with open_room(school, unit, FakeCamera(footage, endless=True)) as opened:
        opened.wait_for("ready")
        opened.tap()
        opened.wait_for("recording")
        yield opened


def _deliverable(unit: UnitBundle) -> list[str]:
    """Give what the uploader would deliver."""
    return [each.recording for each in Spool(unit.data / "spool", unit.recorder.verifying).look().recordings]


def test_discard_is_not_delivered_until_its_owner_takes_it_back(room: Room, school: School, unit: UnitBundle) -> None:
    """A discarded recording stays out of every upload; the owner's signed undo makes it one like any other."""
    shown = len(room.lamp.shown)
    room.hold(DISCARD_S)
    room.wait_for("ready", after=shown)
    (folder,) = unit.recordings()
    assert unit.manifest(folder).discarded
    assert _deliverable(unit) == []
    unit.put_state(f"undo/{folder.name}", school.issue_undo(unit.device, folder.name))
    room.wait_until(lambda: _deliverable(unit) == [folder.name], "the uploader may have it")
    assert unit.manifest(folder).closed is not None


def test_withdrawal_stops_the_recording_that_it_names_and_erases_it(
    room: Room, school: School, unit: UnitBundle
) -> None:
    """P3 and P5: the camera stops, the recording is closed, and then nothing of it is left; the unit is ready."""
    (folder,) = unit.recordings()
    shown = len(room.lamp.shown)
    unit.put_state("withdrawal", school.issue_withdrawal(unit.device, folder.name, new_id()))
    room.wait_for("ready", after=shown)
    room.wait_until(lambda: not folder.exists(), "it is erased")
    assert unit.recordings() == []


def test_newer_policy_under_which_a_recording_goes_on_is_written_down(
    room: Room, school: School, unit: UnitBundle
) -> None:
    """P9: the manifest says, once, under which snapshot the recording went on."""
    unit.put_state("policy", school.issue_policy(unit.device, owner=unit.owner, version=2))
    (folder,) = unit.recordings()
    room.wait_until(lambda: _policies(unit, folder) == ["1.2"], "the manifest names the new policy")
    unit.put_state("policy", school.issue_policy(unit.device, owner=unit.owner, version=3))
    room.wait_until(lambda: _policies(unit, folder) == ["1.2", "1.3"], "and the next one")


def _policies(unit: UnitBundle, folder: Path) -> list[str]:
    events = [line.content for line in unit.manifest(folder).events if isinstance(line.content, Event)]
    return [event.detail for event in events if event.name is EventName.POLICY]

"""Copies on a unit of a school whose seven processes run: they stay after the delivery, and go when they have to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.recordings.models import Recording
from controller.recordings.services import delete_recording
from tests.e2e import home
from tests.e2e.stack import Stack, found_place, set_values
from tests.footage import find_footage


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose units keep copies, as schools' units do."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=8_000_000)
    set_values(place.school.config, {"retention": {"keep_delivered_days": 7}})
    with Stack(place) as running:
        running.open()
        yield running


def acknowledged(stack: Stack, recording: str) -> bool:
    """Tell whether the unit has said that it has the newest receipt."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        row = session.get_one(Recording, recording)
        return not row.receipt_due and 0 < row.receipt_version <= row.receipt_acked


def test_copy_stays_after_delivery_and_goes_when_its_owner_deletes(stack: Stack) -> None:
    """Both are at home, byte for byte as on the card; the deleted one leaves that, the other outlasts a restart."""
    deleted, kept = stack.record(2.0), stack.record(2.0)
    stack.wait_ready(deleted, kept)
    for recording in (deleted, kept):
        stack.wait_told("the unit's word on its receipt", lambda name=recording: acknowledged(stack, name))
    assert {deleted, kept} <= set(stack.spooled())
    for recording in (deleted, kept):
        for path in stack.stored(recording).glob("0*.age"):
            assert (stack.school.spool / recording / path.name).read_bytes() == path.read_bytes()
    with home.looking_in(stack) as services, services.database.writing() as session:
        assert delete_recording(session.get_one(Recording, deleted), now=services.clock(), undo_days=7)
    stack.wait("the copy to go", lambda: deleted not in stack.spooled())
    assert kept in stack.spooled()
    stack.stop("recorder")
    stack.let_go_of_panel()
    stack.start("recorder")
    stack.wait_lamp("ready")
    again = stack.record(2.0)
    stack.wait_ready(again)
    assert kept in stack.spooled()
    assert stack.ended() == []

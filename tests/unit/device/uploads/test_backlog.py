"""What waits and what is due: said alike by agent and uploader, from the card, and never more than waits."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.health.status import RecorderStatus, StatusFile
from device.identity import DocumentStore
from device.uploads.backlog import Backlogs, receipts_at
from device.uploads.gauge import Gauge
from device.uploads.meter import Piece
from device.uploads.plan import UploadRecord, decide_due
from device.uploads.records import Records
from device.uploads.spooled import Spool
from protocol.backlog import Backlog
from protocol.durable import REAL
from tests.fakes.spooled import spool_recording
from tests.school import receipt_items
from tests.unit.device.uploads.conftest import NOW, Night

EVENING = NOW - timedelta(hours=8)
SIZES = st.integers(0, 2**40)


@given(waiting=SIZES, free=SIZES, missing=SIZES, day=SIZES)
def test_day_fits_when_what_is_due_has_left(waiting: int, free: int, missing: int, day: int) -> None:
    """Due is the least that makes room for a school day beside the reserve, and never more than waits."""
    due = decide_due(waiting, free_bytes=free, missing_bytes=missing, day_bytes=day)
    assert 0 <= due <= waiting
    assert due == waiting or free + due >= day + missing
    assert due == 0 or free + due <= day + missing


def backlogs_of(night: Night, *, reserve_bytes: int = 0) -> Backlogs:
    """Look at the unit as its processes do."""
    data = night.unit.data
    spool = Spool(data / "spool", night.unit.recorder.verifying)
    store = DocumentStore(data / "state", device=night.unit.device, root=night.school.root.verifying, files=REAL)
    return Backlogs(
        data,
        spool,
        Records(data / "uploads"),
        receipts=lambda: receipts_at(store, NOW),
        reserve_bytes=reserve_bytes,
    )


def say_day(night: Night, day_bytes: int | None) -> None:
    """Let the recorder say how much a day may bring."""
    (night.unit.data / "recorder").mkdir(exist_ok=True)
    StatusFile(night.unit.data / "recorder" / "status", REAL).say(RecorderStatus(fit=True, day_bytes=day_bytes))


def test_backlog_adds_up_what_waits(night: Night) -> None:
    """Closed recordings count, the oldest gives the date, and what the link gave is beside them."""
    first = spool_recording(night.unit, began_at=EVENING)
    second = spool_recording(night.unit, began_at=EVENING + timedelta(hours=1))
    piece = Piece(size_bytes=100_000, began_s=0, ended_s=1, lease_bps=80_000_000)
    Gauge(night.unit.data / "uploads").note(piece)
    found = backlogs_of(night).look()
    assert found.backlog.waiting_bytes == first.total_bytes + second.total_bytes
    assert (found.backlog.measured_bps, found.backlog.link_bps) == (800_000, 800_000)
    assert found.oldest_at == EVENING


def test_copy_waits_for_nothing_and_counts_as_free(night: Night) -> None:
    """What a receipt names is delivered, whatever the uploader remembers, and its space is there for the next day."""
    kept = spool_recording(night.unit, began_at=EVENING, sizes=(300_000,))
    waiting = spool_recording(night.unit, began_at=EVENING + timedelta(hours=1), sizes=(300_000,))
    night.unit.put_state(f"receipts/{kept.recording}", night.school.issue_receipt(kept.manifest))
    found = backlogs_of(night).look()
    assert found.backlog.waiting_bytes == waiting.total_bytes
    assert found.oldest_at == EVENING + timedelta(hours=1)
    free = os.statvfs(night.unit.data).f_bavail * os.statvfs(night.unit.data).f_frsize
    slack = 2**27  # others write to this disk, too
    say_day(night, free + slack)
    assert backlogs_of(night).look().backlog.due_bytes == waiting.total_bytes
    big = spool_recording(night.unit, began_at=EVENING)
    with (big.folder / "000001.age").open("r+b") as file:
        file.truncate(4 * slack)  # a hole: it takes nothing of the disk, and has its length
    night.unit.put_state(f"receipts/{big.recording}", night.school.issue_receipt(big.manifest))
    assert backlogs_of(night).look().backlog.due_bytes == 0


def test_what_is_wanted_again_waits(night: Night) -> None:
    """An object that the receipt takes back waits, although it was delivered once; then the unit is granted a lease."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    everything = tuple(sorted(spooled.objects))
    delivered = UploadRecord(recording=spooled.recording, delivered=everything)
    Records(night.unit.data / "uploads").save(delivered)
    assert backlogs_of(night).look().backlog.waiting_bytes == 0
    items = [item for item in receipt_items(spooled.manifest) if item.index != 2]
    line = night.school.issue_receipt(spooled.manifest, items=items, wanted=(2,))
    night.unit.put_state(f"receipts/{spooled.recording}", line)
    assert backlogs_of(night).look().backlog.waiting_bytes == len(spooled.objects[2])


@pytest.mark.parametrize("day_bytes", [None, 1, 2**50])
def test_due_follows_the_card_and_what_the_recorder_said(night: Night, day_bytes: int | None) -> None:
    """Everything is due on a card that a day would fill, nothing on one with room, or while nothing is known."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    say_day(night, day_bytes)
    due = spooled.total_bytes if day_bytes == 2**50 else 0
    assert backlogs_of(night).look().backlog.due_bytes == due


def test_due_counts_the_reserve_that_is_not_held_yet(night: Night) -> None:
    """A reserve that the recorder has still to set aside is taken already."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    say_day(night, 1)
    found = os.statvfs(night.unit.data)
    reserve = found.f_blocks * found.f_frsize * 2
    assert backlogs_of(night, reserve_bytes=reserve).look().backlog.due_bytes == spooled.total_bytes


def test_nothing_is_due_on_a_card_without_a_recorder(night: Night) -> None:
    """Where nobody has said what a day brings, or the status is damaged, nothing is claimed to be due."""
    spool_recording(night.unit, began_at=EVENING)
    assert backlogs_of(night).look().backlog.due_bytes == 0
    say_day(night, 2**50)
    (night.unit.data / "recorder" / "status").write_bytes(b"{")
    assert backlogs_of(night).look().backlog.due_bytes == 0


def test_every_asking_says_what_waits_also_when_nothing_does(night: Night) -> None:
    """P7: the asking of a unit with an empty spool is the same as that of a full one, but for the numbers."""
    for _ in range(4):
        night.turn()
    spooled = spool_recording(night.unit, began_at=EVENING)
    for _ in range(4):
        night.turn()
    asked = [one.backlog for one in night.ingest.asked if one.path.endswith("/lease")]
    assert None not in asked
    assert asked[0] == Backlog()
    assert asked[-1] == Backlog(waiting_bytes=spooled.total_bytes)


def test_what_was_sent_is_measured(night: Night) -> None:
    """After a delivery under a lease of 800 kbit/s the unit says that it got about as much."""
    spooled = spool_recording(night.unit, began_at=EVENING, sizes=(200_000,))
    night.grant(night.lease(rate_bps=800_000))
    night.deliver(spooled)
    measured = backlogs_of(night).look().backlog
    assert 700_000 < measured.measured_bps < 1_100_000  # a burst may be in it

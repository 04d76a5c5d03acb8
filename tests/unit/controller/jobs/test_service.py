"""The jobs: what is due is done, nothing before its time, and one that fails keeps no other from running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.jobs.service import Job, destroy_due, make_jobs, perform, run_jobs
from controller.recordings import repo
from controller.recordings.models import Recording, RecordingState
from controller.recordings.receipts import issue_due
from controller.recordings.services import delete_recording, undo_deletion
from controller.uploads.incoming import IncomingStore
from protocol.documents import Receipt, verify_document
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease for a month."""
    made = make_unit(house)
    made.take_lease(timedelta(days=30))
    return made


@pytest.fixture
def lesson(house: House, unit: UnitClient) -> Lesson:
    """Record a lesson of two segments."""
    return house.make_lesson(unit.teacher, [made_up_segment(), made_up_segment()])


def delete(house: House, lesson: Lesson) -> None:
    """Delete a recording at its owner's word."""
    with house.services.database.writing() as session:
        assert delete_recording(session.get_one(Recording, lesson.id), now=house.clock(), undo_days=7)


def row_of(house: House, lesson: Lesson) -> Recording:
    """Read a recording's row anew."""
    with house.services.database.reading() as session:
        return session.get_one(Recording, lesson.id)


def test_deletion_is_carried_out_after_its_time_to_undo(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Seven days after the owner's word the key and every object are gone for good; a tombstone stays (P8)."""
    unit.deliver(lesson)
    delete(house, lesson)
    house.clock.pass_time(timedelta(days=6, hours=23))
    assert destroy_due(house.services) == 0
    assert house.services.key_store.holds(lesson.id)
    house.clock.pass_time(timedelta(hours=1))
    assert destroy_due(house.services) == 1
    assert not house.services.key_store.holds(lesson.id)
    assert house.services.objects.size_bytes(lesson.id, 1) is None
    row = row_of(house, lesson)
    assert (row.state, row.destroyed_at, row.title) == (RecordingState.DESTROYED, house.clock(), "")
    with house.services.database.reading() as session:
        assert repo.recordings_of(session, lesson.owner) == []


def test_deletion_that_was_undone_destroys_nothing(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Taken back on the seventh day, a deletion leaves the recording ready."""
    unit.deliver(lesson)
    delete(house, lesson)
    house.clock.pass_time(timedelta(days=6))
    with house.services.database.writing() as session:
        assert undo_deletion(session.get_one(Recording, lesson.id), now=house.clock())
    house.clock.pass_time(timedelta(days=30))
    assert destroy_due(house.services) == 0
    assert row_of(house, lesson).state is RecordingState.READY


def test_recording_that_arrived_while_it_was_locked_is_ready_when_that_is_undone(
    house: House, unit: UnitClient, lesson: Lesson
) -> None:
    """Deleted while it arrived, it goes on arriving in the dark; taken back, it is ready with nothing more to send."""
    unit.put_manifest(lesson)
    delete(house, lesson)
    unit.deliver(lesson)
    assert row_of(house, lesson).state is RecordingState.LOCKED
    with house.services.database.writing() as session:
        assert undo_deletion(session.get_one(Recording, lesson.id), now=house.clock())
    assert row_of(house, lesson).state is RecordingState.READY


def test_unit_may_release_what_its_owner_had_destroyed(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Deleted before all had arrived: nothing more is wanted, and a receipt lets the unit release the rest as well."""
    unit.put_manifest(lesson)
    unit.upload(lesson, 0)
    delete(house, lesson)
    house.clock.pass_time(timedelta(days=8))
    destroy_due(house.services)
    assert unit.put_manifest(lesson).get_json()["wanted"] == []
    assert unit.create(lesson, 1).status_code == 410
    assert {item.index for item in unit.receipt(lesson).items} == {0, 1, 2}
    assert not (house.services.config.controller.data / "objects" / lesson.id).exists()


def test_receipt_that_nobody_fetched_is_issued(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A receipt that is due is signed once, with everything that is held."""
    unit.put_manifest(lesson)
    unit.upload(lesson, 0)
    unit.upload(lesson, 1)
    assert issue_due(house.services) == 1
    assert issue_due(house.services) == 0
    line = row_of(house, lesson).receipt_line
    assert line is not None
    receipt = verify_document(Receipt, line, house.services.keys.trust)
    assert [item.index for item in receipt.items] == [0, 1]


def test_unfinished_upload_is_swept_when_it_is_over(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """An upload that nobody continued for two nights is removed; one of today stays."""
    unit.put_manifest(lesson)
    place = unit.create(lesson, 1).headers["Location"]
    unit.patch(place, 0, lesson.objects[1][:1000])
    incoming = IncomingStore(house.services.config.controller.data / "incoming")
    (sweep,) = (job for job in make_jobs(house.services, incoming) if job.name == "old uploads and leases")
    assert sweep.perform() == []
    house.clock.pass_time(timedelta(days=3))
    assert sweep.perform() == [place.rsplit("/", 1)[1]]
    assert unit.head(place).status_code == 404


def test_every_job_runs_on_a_new_controller(house: House) -> None:
    """With nothing to do, each job does nothing, without a fault."""
    incoming = IncomingStore(house.services.config.controller.data / "incoming")
    assert all(perform(job) for job in make_jobs(house.services, incoming))


def test_job_that_fails_keeps_no_other_from_running(house: House) -> None:
    """One job raises each time; the other runs at its pace all the same, until stopped."""
    stop, done = threading.Event(), []

    def fail() -> None:
        raise RuntimeError("this job fails")

    def count() -> None:
        done.append(house.clock.now)
        house.clock.pass_time(timedelta(minutes=1))
        if len(done) == 3:
            stop.set()

    run_jobs((Job("fails", timedelta(0), fail), Job("counts", timedelta(minutes=1), count)), house.clock, stop)
    assert len(done) == 3

"""The disk and the leases: a controller without room grants none, says so, and goes on when there is room again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.calendar.window import ALWAYS
from controller.config import Uploads
from controller.disk import policy
from controller.disk.models import THE_ROW, DiskState
from controller.disk.services import find_outlook, tell_outlook
from controller.uploads import leases
from controller.uploads import repo as uploads
from controller.uploads.models import Upload, UploadState
from tests.fakes.room import RoomyStore, with_room
from tests.house import House, make_house
from tests.lesson import Lesson
from tests.school import new_id
from tests.unit.controller.uploads.test_leases import add_waiting
from tests.unit.controller.uploads.unit_client import made_up_segment, make_unit

LEASE_BYTES = 112_500_000  # 1 Mbit/s for 900 s


@pytest.fixture
def placed(tmp_path: Path) -> Iterator[tuple[House, RoomyStore]]:
    """Make a controller with 1 Mbit/s in all, marks at 1, 2 and 4 GB, and a disk whose room a test sets."""
    made = make_house(tmp_path)
    uploads = Uploads(window=ALWAYS, rate_bps=1_000_000, reserve_bytes=10**9, low_bytes=2 * 10**9, high_bytes=4 * 10**9)
    made = replace(made, services=replace(made.services, config=replace(made.services.config, uploads=uploads)))
    yield with_room(made, 10**12)
    made.services.database.close()


def granted(house: House) -> int:
    """Tick, and count the leases that were granted."""
    return len(leases.tick(house.services).grants)


def full_since(house: House) -> object:
    """Tell since when the disk counts as full."""
    with house.services.database.reading() as session:
        state = session.get(DiskState, THE_ROW)
        return state and state.full_since


def test_lease_is_as_long_as_there_is_room(placed: tuple[House, RoomyStore]) -> None:
    """Room for half of it above the low mark: it ends after half the time."""
    house, store = placed
    add_waiting(house, "Ada")
    store.free = 2 * 10**9 + LEASE_BYTES // 2
    (grant,) = leases.tick(house.services).grants
    assert grant.ends_at - house.clock() == timedelta(seconds=450)


def test_no_lease_without_room_for_two_ticks(placed: tuple[House, RoomyStore]) -> None:
    """A byte less than two ticks may bring above the low mark: none, and the disk is full until the high mark."""
    house, store = placed
    add_waiting(house, "Ada")
    store.free = 2 * 10**9 + LEASE_BYTES * 60 // 900 - 1
    assert granted(house) == 0
    assert full_since(house) == house.clock()
    store.free = 4 * 10**9 - 1
    assert granted(house) == 0
    store.free = 4 * 10**9
    assert granted(house) == 1
    assert full_since(house) is None


def test_running_leases_are_counted(placed: tuple[House, RoomyStore]) -> None:
    """Room for one lease at the whole rate: two units share it, and never promise more than there is."""
    house, store = placed
    store.free = 2 * 10**9 + LEASE_BYTES
    for name in ("Ada", "Ben"):
        add_waiting(house, name)
        for _ in range(4):
            granted(house)
            with house.services.database.reading() as session:
                running = uploads.leases_in_force(session, house.clock())
                promised = [policy.promise_of(row.rate_bps, ends_at=row.ends_at, now=house.clock()) for row in running]
            assert sum(promised) <= LEASE_BYTES
            store.free -= LEASE_BYTES // 30  # what came in these 30 s
            house.clock.pass_time(timedelta(seconds=30))
    assert len(running) == 2
    assert full_since(house) is None


def test_renewal_without_room_lets_the_lease_run_out(placed: tuple[House, RoomyStore]) -> None:
    """The disk filled by other things: what runs stays until its end, above the reserve, and is not renewed."""
    house, store = placed
    add_waiting(house, "Ada")
    assert granted(house) == 1
    store.free = 2 * 10**9
    house.clock.pass_time(timedelta(minutes=10))
    plan = leases.tick(house.services)
    assert (plan.grants, plan.revocations) == ((), ())


def test_what_runs_is_revoked_before_the_reserve(placed: tuple[House, RoomyStore]) -> None:
    """What it may still bring would not fit above the reserve: it is taken back."""
    house, store = placed
    add_waiting(house, "Ada")
    assert granted(house) == 1
    store.free = 10**9 + LEASE_BYTES - 1
    assert len(leases.tick(house.services).revocations) == 1


def test_full_disk_refuses_and_loses_nothing(placed: tuple[House, RoomyStore]) -> None:
    """A unit that sends all the same is told `full`; what it had delivered stays, and with room the rest follows."""
    house, store = placed
    unit = make_unit(house)
    lesson = house.make_lesson(unit.teacher, [made_up_segment(), made_up_segment()])
    assert unit.put_manifest(lesson).status_code == 200
    assert unit.upload(lesson, 0).status_code == 204
    store.free = 10**9
    answer = unit.upload(lesson, 1)
    assert (answer.status_code, answer.get_json()["error"]) == (507, "full")
    assert {item.index for item in unit.receipt(lesson).items} == {0}
    store.free = 10**12
    assert {item.index for item in unit.deliver(lesson).items} == {0, 1, 2}


def test_manifest_is_not_taken_into_the_reserve(placed: tuple[House, RoomyStore]) -> None:
    """Manifests fill a disk, too: one that is new is told `full`, and taken in when there is room."""
    house, store = placed
    unit = make_unit(house)
    lesson: Lesson = house.make_lesson(unit.teacher, [made_up_segment()])
    store.free = 10**9
    assert unit.put_manifest(lesson).status_code == 507
    store.free = 10**12
    assert unit.put_manifest(lesson).status_code == 200


def add_taken(house: House, *, rooms: int, size_bytes: int) -> None:
    """Write down that each of so many units delivered so much an hour ago."""
    segment = [made_up_segment(200)]
    for number in range(rooms):
        teacher = house.add_teacher(f"T{number} Moreno", f"Room {number}")
        recording = house.deliver(house.make_lesson(teacher, segment))
        with house.services.database.writing() as session:
            row = Upload(id=new_id(), device=teacher.device, recording=recording, object_index=1, size_bytes=size_bytes)
            row.state, row.ended_at = UploadState.TAKEN_IN, house.clock() - timedelta(hours=1)
            session.add(row)


@pytest.mark.parametrize(("rooms", "nights"), [(4, None), (5, 7)])
def test_nights_left_are_told_of_five_rooms_or_more(
    placed: tuple[House, RoomyStore], rooms: int, nights: int | None
) -> None:
    """Room above the low mark for as much as came in the last week: seven nights; of four rooms nothing is told."""
    house, store = placed
    add_taken(house, rooms=rooms, size_bytes=10**9)
    store.free = 2 * 10**9 + rooms * 10**9
    with house.services.database.reading() as session:
        assert find_outlook(house.services, session).nights_left == nights
    assert ("nights" in tell_outlook(house.services)) == (nights is not None)


def test_status_says_since_when_leases_are_refused(placed: tuple[House, RoomyStore]) -> None:
    """IT reads that units may deliver, that none is let in, and where to read on."""
    house, store = placed
    assert "units may deliver" in tell_outlook(house.services)
    add_waiting(house, "Ada")
    store.free = 2 * 10**9
    granted(house)
    assert "FULL since 2" in tell_outlook(house.services)
    assert "server-disk" in tell_outlook(house.services)
    store.free = 10**9
    assert "nothing is taken in" in tell_outlook(house.services)

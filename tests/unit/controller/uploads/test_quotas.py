"""One unit that is broken or means harm fills neither incoming, nor quarantine, nor the tables; the others go on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from controller.audit.models import Incident
from controller.audit.repo import MOST_A_DAY
from controller.config import Uploads
from controller.jobs.service import sweep_uploads
from controller.recordings.models import Recording
from controller.recordings.services import Stores, destroy_recording
from controller.uploads.incoming import IncomingStore
from controller.uploads.models import Upload
from controller.uploads.policy import Quota, Usage, judge_recordings, judge_usage
from protocol.manifest import KEY_INDEX
from tests.house import House, make_house
from tests.school import new_id
from tests.unit.controller.uploads.unit_client import UnitClient, made_up_segment, make_unit

SMALL = Uploads(
    reserve_bytes=1,
    unit_unfinished_uploads=3,
    unit_unfinished_bytes=1_000_000,
    unit_daily_uploads=12,
    unit_daily_bytes=2_000_000,
    unit_daily_recordings=2,
    quarantine_bytes=400_000,
)
COUNTS = st.integers(0, 20)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller with small quotas."""
    made = make_house(tmp_path)
    config = replace(made.services.config, uploads=SMALL)
    yield replace(made, services=replace(made.services, config=config))
    made.services.database.close()


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit."""
    return make_unit(house)


def kinds(house: House) -> list[str]:
    """Give the incidents' kinds in their order."""
    with house.services.database.reading() as session:
        return list(session.scalars(select(Incident.kind).order_by(Incident.id)))


def quarantined(house: House) -> dict[str, int]:
    """Give names and lengths of what lies in quarantine."""
    folder = house.services.config.controller.data / "quarantine"
    return {path.name: path.stat().st_size for path in folder.glob("**/*") if path.is_file()}


@given(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), st.integers(0, 20))
def test_usage_never_passes_a_quota(usage: tuple[int, int, int, int], length: int) -> None:
    """Whatever is let in leaves every sum within its quota."""
    now, quota = Usage(*usage), Quota(unfinished=5, unfinished_bytes=15, daily=10, daily_bytes=25)
    if judge_usage(now, quota, length_bytes=length) is None:
        assert now.unfinished + 1 <= quota.unfinished
        assert now.unfinished_bytes + length <= quota.unfinished_bytes
        assert now.daily + now.unfinished + 1 <= quota.daily
        assert now.daily_bytes + now.unfinished_bytes + length <= quota.daily_bytes


def test_new_recordings_are_counted() -> None:
    """As many as may be, and no more."""
    assert judge_recordings(4, most=5) is None
    assert judge_recordings(5, most=5) is not None


def test_unfinished_uploads_are_bounded(house: House, unit: UnitClient) -> None:
    """The fourth upload is told to wait; another unit is not concerned; with one ended, or expired, there is room."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(50_000) for _ in range(5)])
    unit.put_manifest(lesson)
    places = [unit.create(lesson, index).headers["Location"] for index in (0, 1, 2)]
    answer = unit.create(lesson, 3)
    assert (answer.status_code, answer.get_json()["error"]) == (429, "quota_unfinished")
    other = make_unit(house, house.add_teacher("Ben Otero", "Room 13"))
    other.deliver(house.make_lesson(other.teacher, [made_up_segment(50_000)]))
    assert unit.patch(places[0], 0, lesson.objects[0]).status_code == 204
    assert unit.create(lesson, 3).status_code == 201
    assert unit.create(lesson, 4).status_code == 429
    house.clock.pass_time(timedelta(days=3))
    unit.take_lease()
    sweep_uploads(house.services, IncomingStore(house.services.config.controller.data / "incoming"))
    assert unit.create(lesson, 4).status_code == 201


def test_bound_outlasts_a_restart(house: House, unit: UnitClient) -> None:
    """A controller that was killed counts what lies in its folder."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(50_000) for _ in range(5)])
    unit.put_manifest(lesson)
    for index in (0, 1, 2):
        assert unit.create(lesson, index).status_code == 201
    assert make_unit(house, unit.teacher).create(lesson, 3).status_code == 429


def test_announced_bytes_are_bounded(house: House, unit: UnitClient) -> None:
    """Announcing is enough: two halves of the quota and a byte do not fit."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(500_000), made_up_segment(500_000)])
    unit.put_manifest(lesson)
    assert unit.create(lesson, 1).status_code == 201
    assert unit.create(lesson, 2).get_json()["error"] == "quota_unfinished"


def test_delivery_of_a_day_is_bounded_and_goes_on_tomorrow(house: House, unit: UnitClient) -> None:
    """2 MB a day: the rest is refused in words, IT sees a fault of this unit, and a day later it is taken."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(450_000) for _ in range(5)])
    unit.put_manifest(lesson)
    for index in range(5):
        assert unit.upload(lesson, index).status_code == 204
    answer = unit.upload(lesson, 5)
    assert (answer.status_code, answer.get_json()["error"]) == (429, "quota_daily")
    assert "tomorrow" in answer.get_json()["detail"]
    assert unit.upload(lesson, 5).status_code == 429
    assert kinds(house) == ["quota_daily"], "written down once"
    admin = house.browser(house.add_admin())
    assert "sends more than a unit may" in admin.get("/units").text
    assert "sends more than a unit may" in admin.get(f"/units/{unit.teacher.device}").text
    assert {item.index for item in unit.receipt(lesson).items} == {0, 1, 2, 3, 4}
    house.clock.pass_time(timedelta(days=1, seconds=1))
    unit.take_lease()
    assert unit.upload(lesson, 5).status_code == 204


def test_new_recordings_of_a_day_are_bounded(house: House, unit: UnitClient) -> None:
    """Manifests cost room as well: the third new recording waits, those that are known go on."""
    lessons = [house.make_lesson(unit.teacher, [made_up_segment(200)]) for _ in range(3)]
    assert [unit.put_manifest(lesson).status_code for lesson in lessons] == [200, 200, 429]
    assert unit.put_manifest(lessons[0]).status_code == 200
    house.clock.pass_time(timedelta(days=1, seconds=1))
    unit.take_lease()
    assert unit.put_manifest(lessons[2]).status_code == 200


def test_damage_is_wanted_again_at_once_and_kept_once(house: House, unit: UnitClient) -> None:
    """Three damaged tries at one object: one file, one incident, wanted each time, and then whole."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(100_000)])
    unit.put_manifest(lesson)
    for _ in range(3):
        assert unit.upload(lesson, 1, os.urandom(len(lesson.objects[1]))).get_json()["error"] == "digest_mismatch"
        assert unit.put_manifest(lesson).get_json()["wanted"] == [0, 1]
    assert quarantined(house) == {f"{lesson.id}-000001": len(lesson.objects[1])}
    assert kinds(house) == ["digest_mismatch"]
    assert {item.index for item in unit.deliver(lesson).items} == {0, 1}


def test_quarantine_of_a_unit_is_bounded(house: House, unit: UnitClient) -> None:
    """400 kB are kept of six times 100 kB: the oldest went, told once; another unit's stay."""
    other = make_unit(house, house.add_teacher("Ben Otero", "Room 13"))
    theirs = house.make_lesson(other.teacher, [made_up_segment(100_000)])
    other.put_manifest(theirs)
    other.upload(theirs, 1, os.urandom(len(theirs.objects[1])))
    lesson = house.make_lesson(unit.teacher, [made_up_segment(100_000) for _ in range(6)])
    unit.put_manifest(lesson)
    for index in range(1, 7):
        assert unit.upload(lesson, index, os.urandom(len(lesson.objects[index]))).status_code == 422
        newest = next((house.services.config.controller.data / "quarantine").glob(f"**/{lesson.id}-00000{index}"))
        os.utime(newest, (index, index))
    assert sorted(quarantined(house)) == sorted(
        [f"{theirs.id}-000001", *(f"{lesson.id}-00000{at}" for at in (4, 5, 6))]
    )
    assert kinds(house).count("quarantine_full") == 1


def test_damaged_key_is_not_kept(house: House, unit: UnitClient) -> None:
    """Part of it may be what the epoch's identity opens: it is gone, and wanted again."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(200)])
    unit.put_manifest(lesson)
    damaged = lesson.objects[KEY_INDEX][:-1] + bytes([lesson.objects[KEY_INDEX][-1] ^ 1])
    assert unit.upload(lesson, KEY_INDEX, damaged).status_code == 422
    assert quarantined(house) == {}
    assert not list((house.services.config.controller.data / "incoming").iterdir())
    assert unit.put_manifest(lesson).get_json()["wanted"] == [0, 1]


def test_quarantine_is_emptied_in_time_and_with_its_recording(house: House, unit: UnitClient) -> None:
    """After 30 days, and at once when the owner has the recording destroyed, file and row are gone."""
    lessons = [house.make_lesson(unit.teacher, [made_up_segment(200)]) for _ in range(2)]
    for lesson in lessons:
        unit.put_manifest(lesson)
        unit.upload(lesson, 1, os.urandom(len(lesson.objects[1])))
    services = house.services
    with services.database.writing() as session:
        row = session.get_one(Recording, lessons[0].id)
        destroy_recording(session, row, None, stores=Stores(services.objects, services.key_store), now=house.clock())
    assert list(quarantined(house)) == [f"{lessons[1].id}-000001"]
    incoming = IncomingStore(services.config.controller.data / "incoming")
    kept = next((services.config.controller.data / "quarantine").glob("**/*-000001"))
    os.utime(kept, (house.clock().timestamp(),) * 2)
    house.clock.pass_time(timedelta(days=29))
    sweep_uploads(services, incoming)
    assert len(quarantined(house)) == 1
    house.clock.pass_time(timedelta(days=2))
    sweep_uploads(services, incoming)
    assert quarantined(house) == {}
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Upload)) == 0


def test_incidents_of_a_unit_are_bounded(house: House, unit: UnitClient) -> None:
    """Manifests that nobody signed, of recordings without end: a hundred are written down in a day."""
    for _ in range(MOST_A_DAY + 20):
        assert unit.ask("PUT", f"/recordings/{new_id()}/manifest", data=b"nothing").status_code in (422, 429)
    assert len(kinds(house)) == MOST_A_DAY

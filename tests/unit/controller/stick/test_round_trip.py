"""What a unit wrote onto a stick arrives as over the network, and the answer lets the unit live on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from controller.devices.models import Device, DeviceState, UnitCounter
from controller.recordings.models import Recording, RecordingState
from controller.uploads.models import Upload, UploadState
from device.counters import count
from protocol.abilities import Ability, encode_abilities
from protocol.documents import Recipients
from protocol.stick_folder import NOTE
from tests.unit.controller.stick.conftest import Carried
from tests.unit.controller.uploads.unit_client import discarded


def test_lessons_arrive_whole_and_their_receipts_come_back(carried: Carried) -> None:
    """Unit → stick → school → stick → unit: every byte is held, ready to be watched, and receipted."""
    lessons = [carried.record(), carried.record((70_000, 66_000), torn=frozenset({2}))]
    carried.write()
    outcome = carried.bring()
    assert (outcome.problems, outcome.answered, outcome.label) == ((), True, "Room 12")
    assert all(carried.is_held(lesson) for lesson in lessons)
    assert not any(carried.receipt(lesson) for lesson in lessons), "nothing came back yet"
    carried.write()
    for lesson in lessons:
        receipt = carried.receipt(lesson)
        assert receipt is not None
        assert {item.index for item in receipt.items} == set(lesson.objects)
        with carried.house.services.database.reading() as session:
            assert session.get_one(Recording, lesson.id).state is RecordingState.READY
    assert carried.is_clean()


def test_documents_come_back_with_receipts(carried: Carried) -> None:
    """A unit whose policy is gone has it again after one journey of the stick, with keyring and recipients."""
    policy = carried.unit / "data" / "state" / "policy"
    line = policy.read_bytes()
    policy.unlink()
    carried.write()
    carried.bring()
    carried.write()
    assert policy.read_bytes() == line
    assert carried.visit.store().load_whatever_its_end(Recipients).document is not None


def test_same_stick_twice_changes_nothing(carried: Carried) -> None:
    """What is held is read over: no second upload, the same receipt, no fault."""
    lesson = carried.record()
    carried.write()
    carried.bring()
    first = _receipt_line(carried, lesson.id)
    outcome = carried.bring()
    assert outcome.problems == ()
    assert _receipt_line(carried, lesson.id) == first
    assert len(_uploads(carried)) == len(lesson.objects)


def test_two_units_share_a_stick(make_carried: Callable[..., Carried]) -> None:
    """Each has its folder, its verdict and its answer."""
    first = make_carried("Room 12", "Ada Moreno")
    second = make_carried("Room 13", "Bea Ruiz", stick=first.visit.root)
    lessons = first.record(), second.record()
    first.write()
    second.write()
    done = first.run("import", str(first.visit.root))
    assert done.exit_code == 0, done.output
    assert "Room 12" in done.output
    assert "Room 13" in done.output
    assert first.is_held(lessons[0])
    assert second.is_held(lessons[1])
    first.write()
    second.write()
    assert first.receipt(lessons[0])
    assert second.receipt(lessons[1])
    assert second.receipt(lessons[0]) is None


def test_older_stick_after_a_newer_one_takes_nothing_back(carried: Carried) -> None:
    """Its counters, statement and manifests are older; the unit stays active, and all that was held stays held."""
    state, now = carried.unit / "data" / "state", carried.house.clock.now
    old = carried.record()
    count(state, birth=3, boot="1" * 32, now=now)
    carried.write()
    older = [part.read_bytes() for part in carried.folder.parts()]
    new = carried.record()
    newest = count(state, birth=9, boot="2" * 32, now=now)
    carried.write()
    assert carried.bring().problems == ()
    for path, data in zip(carried.folder.parts(), older, strict=True):
        path.write_bytes(data)
    assert carried.bring().problems == ()
    with carried.house.services.database.reading() as session:
        known = session.get_one(UnitCounter, carried.teacher.device)
        assert (known.birth, known.boots) == (newest.birth, newest.boots)
        assert session.get_one(Device, carried.teacher.device).state is DeviceState.ACTIVE
    assert carried.is_held(old)
    assert carried.is_held(new)


def test_recording_that_came_by_network_meanwhile_is_read_over(carried: Carried) -> None:
    """Half by network, half by stick: one recording, each object once."""
    lesson = carried.record((5_000, 6_000, 7_000))
    carried.write()
    carried.house.deliver(lesson, only=1)
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)
    assert sorted(row.object_index for row in _uploads(carried)) == [2, 3]


def test_what_is_printed_is_the_same_for_none_and_for_many(carried: Carried) -> None:
    """Whoever takes the stick in learns no number (P7): the words of an empty export are those of a full one."""
    carried.write()
    empty = carried.run("import", str(carried.visit.root))
    size = carried.folder.answer.stat().st_size
    for _ in range(4):
        carried.record()
    carried.write()
    full = carried.run("import", str(carried.visit.root))
    assert empty.exit_code == full.exit_code == 0
    assert full.output == empty.output
    assert carried.folder.answer.stat().st_size == size
    assert "Bring it back to unit Room 12" in (carried.visit.root / NOTE).read_text("utf-8")


def test_discarded_recording_is_passed_over_in_silence(carried: Carried) -> None:
    """That a lesson was discarded is nobody's business at the server."""
    lesson, kept = carried.record(), carried.record()
    (carried.unit / "data" / "spool" / lesson.id / "manifest").write_bytes(discarded(lesson))
    carried.write()
    assert carried.bring().problems == ()
    assert carried.is_held(kept)


def test_certificate_that_is_over_still_proves_the_unit(carried: Carried) -> None:
    """A unit without a network cannot renew it; what it recorded comes home a year later."""
    lesson = carried.record()
    carried.write()
    carried.house.clock.pass_time(timedelta(days=400))
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


def test_visit_does_not_need_a_wide_stick(carried: Carried) -> None:
    """A stick that holds half of what waits brings it all in two journeys."""
    lessons = [carried.record((900_000,)) for _ in range(3)]
    big = carried.record((17 * 2**20,))
    carried.write()
    assert carried.bring().problems == ()
    assert all(carried.is_held(lesson) for lesson in lessons)
    assert not carried.is_held(big)


def _uploads(carried: Carried) -> list[Upload]:
    with carried.house.services.database.reading() as session:
        return session.query(Upload).where(Upload.state == UploadState.TAKEN_IN).all()


def _receipt_line(carried: Carried, recording: str) -> bytes | None:
    with carried.house.services.database.reading() as session:
        return session.get_one(Recording, recording).receipt_line


def test_unit_that_only_a_stick_reaches_says_what_it_can(carried: Carried) -> None:
    """So that a school without sound need not refuse it for want of a network."""
    carried.record()
    carried.write()
    assert carried.bring().problems == ()
    with carried.house.services.database.reading() as session:
        assert session.get_one(Device, carried.teacher.device).abilities == encode_abilities(Ability)

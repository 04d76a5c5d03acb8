"""The units' door, asked through WSGI: from the manifest to the receipt, and what is refused on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.audit.models import Incident
from controller.config import Uploads
from controller.devices.models import Device, DeviceState
from controller.devices.services import NewDevice
from controller.recordings.models import Recording, RecordingState
from controller.uploads.models import Upload, UploadState
from protocol.envelope import NoMatchError, open_sealed, seal
from protocol.manifest import Content, Recovered, digest_of, parse_manifest
from protocol.pki import encode_certificates, parse_certificates
from protocol.signing import SigningKey
from tests.house import House, make_house
from tests.joined import add_device
from tests.lesson import Lesson
from tests.unit.controller.uploads.unit_client import (
    PATH,
    TUS,
    UnitClient,
    discarded,
    lifted,
    made_up_segment,
    make_unit,
    resigned,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Make a controller."""
    made = make_house(tmp_path)
    yield made
    made.services.database.close()


@pytest.fixture
def unit(house: House) -> UnitClient:
    """Make a unit with a lease."""
    return make_unit(house)


@pytest.fixture
def lesson(house: House, unit: UnitClient) -> Lesson:
    """Record a lesson of three segments."""
    return house.make_lesson(unit.teacher, [made_up_segment() for _ in range(3)])


def state_of(house: House, lesson: Lesson) -> RecordingState:
    """Tell how far a recording has come."""
    with house.services.database.reading() as session:
        return session.get_one(Recording, lesson.id).state


def incidents(house: House) -> list[str]:
    """Give the kinds of everything that was written down at the door."""
    with house.services.database.reading() as session:
        return [row.kind for row in session.scalars(select(Incident).order_by(Incident.id))]


def test_delivery_is_received_and_makes_the_recording_ready(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """When every object has come, the recording is ready and the receipt names exactly what the manifest names."""
    receipt = unit.deliver(lesson)
    manifest = parse_manifest(lesson.manifest, lesson.recorder.verifying)
    named = {(index, *(manifest.expected(index) or ())) for index in manifest.objects()}
    assert {(item.index, item.digest, item.size_bytes) for item in receipt.items} == named
    assert (receipt.manifest_head, receipt.manifest_lines) == (manifest.head, len(manifest.lines))
    assert state_of(house, lesson) is RecordingState.READY
    for index in (1, 2, 3):
        with house.services.objects.open(lesson.id, index) as file:
            assert file.read() == lesson.objects[index]


def test_key_is_kept_only_under_the_storage_identity(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """After key.age came in, no file of the controller that the epoch's identity opens is left (P8)."""
    unit.deliver(lesson)
    data, epoch = house.services.config.controller.data, house.services.keys.epochs[lesson.epoch]
    entry = house.services.config.controller.key_store / f"{lesson.id}.age"
    sealed = [path for path in data.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"age-"]
    assert len(sealed) == 3
    for path in [entry, *sealed]:
        with pytest.raises(NoMatchError):
            open_sealed(path.read_bytes(), [epoch])
    assert house.services.key_store.get(lesson.id) == lesson.identity


def test_manifest_tells_what_is_wanted_as_it_grows(unit: UnitClient, lesson: Lesson) -> None:
    """A manifest sent while the lesson is recorded names what is whole so far; sent again, only the rest."""
    lines = lesson.manifest.splitlines(keepends=True)
    begun = b"".join(lines[:3])  # begun, opened 1, sealed 1
    assert unit.put_manifest(lesson, begun).get_json() == {"lines": 3, "wanted": [0, 1]}
    assert unit.upload(lesson, 0).status_code == 204
    assert unit.upload(lesson, 1).status_code == 204
    assert unit.put_manifest(lesson).get_json()["wanted"] == [2, 3]
    assert unit.put_manifest(lesson, begun).get_json()["lines"] == len(lines), "an older manifest takes nothing back"


def test_corrupted_segment_is_quarantined_and_asked_for_again(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A segment with one wrong bit is refused, kept aside, written down, and wanted until the right one comes."""
    unit.put_manifest(lesson)
    wrong = bytearray(lesson.objects[2])
    wrong[1000] ^= 1
    answer = unit.upload(lesson, 2, bytes(wrong))
    assert (answer.status_code, answer.get_json()["error"]) == (422, "digest_mismatch")
    (kept,) = (house.services.config.controller.data / "quarantine").glob("*/*")
    assert kept.read_bytes() == bytes(wrong)
    assert incidents(house) == ["digest_mismatch"]
    assert 2 in unit.put_manifest(lesson).get_json()["wanted"]
    assert unit.deliver(lesson).items[2].index == 2
    assert state_of(house, lesson) is RecordingState.READY


def test_key_that_opens_to_something_else_is_quarantined(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A key.age that the manifest names but that holds another recording's identity is never stored as its key."""
    other = house.make_lesson(unit.teacher, [made_up_segment()])
    mixed = replace(lesson, id=lesson.id, identity=other.identity)
    swapped = replace(mixed, epoch_identity=house.services.keys.storage_in_force[1])
    unit.put_manifest(swapped)
    assert unit.upload(swapped, 0).get_json()["error"] == "key_unreadable"
    assert not house.services.key_store.holds(lesson.id)


def test_same_upload_twice_does_no_harm(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """An object that is held already can be sent again: it is taken, and nothing changes."""
    before = unit.deliver(lesson)
    assert unit.upload(lesson, 1).status_code == 204
    assert unit.upload(lesson, 0).status_code == 204
    assert unit.receipt(lesson) == before
    assert not list((house.services.config.controller.data / "incoming").iterdir())


def test_two_uploads_of_one_object_end_in_one(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Two uploads of the same object can be open at once; the first that is whole is held, the second drops out."""
    unit.put_manifest(lesson)
    data = lesson.objects[1]
    first, second = (unit.create(lesson, 1).headers["Location"] for _ in range(2))
    assert unit.patch(first, 0, data[:5000]).status_code == 204
    assert unit.patch(second, 0, data).status_code == 204
    assert unit.patch(first, 5000, data[5000:]).status_code == 204
    with house.services.objects.open(lesson.id, 1) as file:
        assert file.read() == data


def test_head_after_the_last_byte_says_all_is_here(unit: UnitClient, lesson: Lesson) -> None:
    """A client that lost the last answer asks again and learns that the upload is whole."""
    unit.put_manifest(lesson)
    made = unit.create(lesson, 1, data=lesson.objects[1])
    assert made.headers["Upload-Offset"] == str(len(lesson.objects[1]))
    answer = unit.head(made.headers["Location"])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (200, str(len(lesson.objects[1])))


def test_upload_resumes_at_the_acknowledged_offset(unit: UnitClient, lesson: Lesson) -> None:
    """What was acknowledged is never sent again; a wrong offset is refused and changes nothing."""
    unit.put_manifest(lesson)
    place, data = unit.create(lesson, 1).headers["Location"], lesson.objects[1]
    assert unit.patch(place, 0, data[:70_000]).headers["Upload-Offset"] == "70000"
    assert unit.patch(place, 60_000, data[60_000:]).status_code == 409
    assert unit.head(place).headers["Upload-Offset"] == "70000"
    assert unit.patch(place, 70_000, data[70_000:]).status_code == 204


def test_body_longer_than_announced_is_refused_whole(unit: UnitClient, lesson: Lesson) -> None:
    """A body that goes beyond the announced length leaves no byte behind."""
    unit.put_manifest(lesson)
    place = unit.create(lesson, 1).headers["Location"]
    answer = unit.patch(place, 0, lesson.objects[1] + b"!")
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_long")
    assert unit.head(place).headers["Upload-Offset"] == "0"


def test_length_that_the_manifest_does_not_name_is_refused(unit: UnitClient, lesson: Lesson) -> None:
    """An upload is made only for the length that was signed, so that nothing can fill the disk."""
    unit.put_manifest(lesson)
    assert unit.create(lesson, 1, length=10**9).get_json()["error"] == "length_mismatch"
    assert unit.create(lesson, 1, length=10**12).get_json()["error"] == "too_long"


def test_upload_before_its_manifest_is_refused(unit: UnitClient, lesson: Lesson) -> None:
    """Nothing is taken in that no manifest announced."""
    assert unit.create(lesson, 1).get_json()["error"] == "not_announced"


@pytest.mark.parametrize("metadata", ["", "recording", "index MQ==", "recording !!!", "recording YWJj,index MQ=="])
def test_metadata_that_names_no_object_is_refused(unit: UnitClient, metadata: str) -> None:
    """An upload says which object of which recording it is; anything else is refused as malformed."""
    answer = unit.ask("POST", "/uploads", more={**TUS, "Upload-Length": "5", "Upload-Metadata": metadata})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "malformed")


def test_forged_manifest_is_refused_and_written_down(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A manifest that another key signed is not taken in, and the attempt leaves a row."""
    forged = replace(lesson, recorder=SigningKey.generate())
    answer = unit.put_manifest(forged)
    assert (answer.status_code, answer.get_json()["error"]) == (422, "manifest_unverified")
    assert incidents(house) == ["manifest_unverified"]
    assert unit.ask("GET", f"/recordings/{lesson.id}/receipt").status_code == 404


def test_manifest_of_another_unit_is_refused(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A unit can neither deliver another unit's recording nor read its receipt nor touch its uploads."""
    unit.put_manifest(lesson)
    place = unit.create(lesson, 1).headers["Location"]
    other = make_unit(house, house.add_teacher("Bo Lind", "Room 13"))
    assert other.put_manifest(lesson).get_json()["error"] == "manifest_unverified"
    assert other.ask("GET", f"/recordings/{lesson.id}/receipt").status_code == 404
    assert other.create(lesson, 1).get_json()["error"] == "recording_foreign"
    assert other.patch(place, 0, lesson.objects[1]).status_code == 404


def test_manifest_of_another_recording_is_refused(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """The recording in the address and the one in the manifest are the same, or nothing is taken in."""
    other = house.make_lesson(unit.teacher, [made_up_segment()])
    assert unit.put_manifest(lesson, other.manifest).get_json()["error"] == "manifest_foreign"


def test_manifest_with_a_gap_is_refused(unit: UnitClient, lesson: Lesson) -> None:
    """A line that is missing in the middle breaks the chain and is named."""
    lines = lesson.manifest.splitlines(keepends=True)
    answer = unit.put_manifest(lesson, b"".join(lines[:2] + lines[3:]))
    assert (answer.status_code, answer.get_json()["error"]) == (422, "manifest_unverified")
    assert "line 2" in answer.get_json()["detail"]


def test_forked_manifest_is_refused_and_changes_nothing(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Two manifests of one recording that disagree: the second is refused with 409 and written down."""
    unit.put_manifest(lesson)
    fork = replace(lesson, segments=[made_up_segment()])
    answer = unit.put_manifest(fork)
    assert (answer.status_code, answer.get_json()["error"]) == (409, "manifest_fork")
    assert incidents(house) == ["manifest_fork"]
    assert house.services.objects.read_manifest(lesson.id) == lesson.manifest


def test_lost_object_is_wanted_again(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """An object that vanished from the store leaves the receipt and is wanted again while the unit may have it."""
    unit.deliver(lesson)
    (house.services.config.controller.data / "objects" / lesson.id / "000002.age").unlink()
    assert unit.put_manifest(lesson).get_json()["wanted"] == [2]
    assert 2 not in {item.index for item in unit.receipt(lesson).items}
    assert state_of(house, lesson) is RecordingState.READY, "the rest of it plays"
    assert 2 in {item.index for item in unit.deliver(lesson).items}


def test_object_that_a_crash_left_without_its_row_is_adopted(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Killed between the rename and the row, the controller finds the object at the next manifest."""
    unit.put_manifest(lesson)
    store = house.services.config.controller.data / "objects" / lesson.id
    (store / "000001.age").write_bytes(lesson.objects[1])
    (store / "000002.age").write_bytes(bytes(len(lesson.objects[2])))
    house.services.key_store.put(lesson.id, lesson.identity)
    assert unit.put_manifest(lesson).get_json()["wanted"] == [2, 3], "a damaged one is not adopted"


def test_whole_upload_that_a_crash_left_is_finished_at_the_start(
    house: House, unit: UnitClient, lesson: Lesson
) -> None:
    """Killed between the last byte and taking in, the next process finishes the upload by itself."""
    unit.put_manifest(lesson)
    place = unit.create(lesson, 1).headers["Location"]
    part = house.services.config.controller.data / "incoming" / f"{place.rsplit('/', 1)[1]}.part"
    part.write_bytes(lesson.objects[1])
    arrivals = make_unit(house, unit.teacher).web.application.extensions["backrow-arrivals"]
    assert arrivals.finish_whole() == 1
    with house.services.database.reading() as session:
        assert [row.state for row in session.scalars(select(Upload))] == [UploadState.TAKEN_IN]
    assert 1 not in make_unit(house, unit.teacher).put_manifest(lesson).get_json()["wanted"]


def test_full_disk_refuses_before_a_byte_is_sent(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Below the reserve no upload is made: 507 at once, before the body."""
    unit.put_manifest(lesson)
    config = replace(house.services.config, uploads=Uploads(reserve_bytes=2**60))
    full = make_unit(replace(house, services=replace(house.services, config=config)), unit.teacher)
    answer = full.create(lesson, 0)
    assert (answer.status_code, answer.get_json()["error"]) == (507, "full")


def test_recovered_segment_needs_its_key_first(house: House, unit: UnitClient) -> None:
    """A segment that a power cut tore is looked into before it is taken in, so its key comes before it."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(), made_up_segment()], torn=frozenset({2}))
    unit.put_manifest(lesson)
    assert unit.create(lesson, 2).get_json()["error"] == "key_first"
    assert {item.index for item in unit.deliver(lesson).items} == {0, 1, 2}


def test_discarded_recording_is_not_taken_in(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """A lesson that the teacher discarded at the button never arrives."""
    answer = unit.put_manifest(lesson, discarded(lesson))
    assert (answer.status_code, answer.get_json()["error"]) == (409, "discarded")
    with house.services.database.reading() as session:
        assert session.get(Recording, lesson.id) is None


def test_recording_that_is_discarded_while_it_arrives_is_locked(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Discarded after some of it had come, a recording is locked at once and nothing more is wanted."""
    unit.put_manifest(lesson, b"".join(lesson.manifest.splitlines(keepends=True)[:3]))
    unit.upload(lesson, 0)
    assert unit.put_manifest(lesson, discarded(lesson)).get_json()["wanted"] == []
    assert state_of(house, lesson) is RecordingState.LOCKED


def test_recording_whose_discard_was_lifted_is_taken_in(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """The owner took the discard back before anything had come: the recording arrives like any other."""
    lesson.manifest = lifted(lesson)
    assert {item.index for item in unit.deliver(lesson).items} == set(lesson.objects)
    assert state_of(house, lesson) is RecordingState.READY


def test_recording_whose_discard_was_lifted_on_its_way_is_unlocked(
    house: House, unit: UnitClient, lesson: Lesson
) -> None:
    """What was locked for a discard arrives on when the owner takes that back."""
    unit.put_manifest(lesson, b"".join(discarded(lesson).splitlines(keepends=True)[:3]))
    unit.upload(lesson, 0)
    unit.put_manifest(lesson, discarded(lesson))
    assert state_of(house, lesson) is RecordingState.LOCKED
    assert 1 in unit.put_manifest(lesson, lifted(lesson)).get_json()["wanted"]
    assert state_of(house, lesson) is RecordingState.ARRIVING


def test_lease_is_given_to_whom_it_is_for(unit: UnitClient) -> None:
    """The lease in force is given to whoever is known; nobody else learns that there is one."""
    assert unit.ask("GET", "/lease").data == unit.lease
    assert unit.web.get(f"{PATH}/lease").get_json()["error"] == "lease_missing"


def test_documents_are_given_as_signed_lines(house: House, unit: UnitClient) -> None:
    """Keyring, recipients and, once there is one, the policy: a line each, as they were signed."""
    lines = unit.ask("GET", "/documents").data.splitlines(keepends=True)
    assert lines == [house.services.keys.keyring_line, house.services.keys.recipients_line]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda unit: unit.headers.clear(), "lease_missing"),
        (lambda unit: unit.headers.update({"Backrow-Lease": "{} 0123456789abcdef AAAA"}), "lease_foreign"),
        (lambda unit: unit.house.clock.pass_time(timedelta(hours=2)), "lease_expired"),
        (lambda unit: unit.show_older_lease(), "lease_fenced"),
    ],
)
def test_bytes_without_the_newest_lease_are_refused(
    unit: UnitClient, lesson: Lesson, spoil: Callable[[UnitClient], object], code: str
) -> None:
    """No lease, a forged one, an old one, one under an old fence: each is refused with its own code."""
    unit.put_manifest(lesson)
    place = unit.create(lesson, 1).headers["Location"]
    spoil(unit)
    answer = unit.patch(place, 0, lesson.objects[1])
    assert (answer.status_code, answer.get_json()["error"]) == (403, code)


def with_certificate(unit: UnitClient, bundle: Path, device: str) -> dict[str, str]:
    """Give what the TLS listener tells WSGI of a verified client certificate: it alone, without its chain."""
    leaf = parse_certificates((bundle / "data" / "certificate" / "tls.pem").read_bytes(), "tls.pem")[0]
    pem = encode_certificates([leaf]).decode("ascii")
    return {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL_CLIENT_S_DN_CN": device, "SSL_CLIENT_CERT": pem}


def test_certificate_and_lease_must_agree(house: House, unit: UnitClient, lesson: Lesson, tmp_path: Path) -> None:
    """A lease shown with the certificate of another unit is refused, and so is a certificate that was replaced."""
    wanted = NewDevice(label="Room 13", owner=unit.teacher.id, settings={})
    row = add_device(house.services, wanted, tmp_path / "unit")
    shown = with_certificate(unit, tmp_path / "unit", row.id)
    documents = unit.web.get(f"{PATH}/documents", environ_overrides=shown)
    assert len(documents.data.splitlines()) == 3
    assert unit.web.get(f"{PATH}/lease", environ_overrides=shown).status_code == 204
    answer = unit.ask("PUT", f"/recordings/{lesson.id}/manifest", data=lesson.manifest, environ_overrides=shown)
    assert (answer.status_code, answer.get_json()["error"]) == (403, "lease_foreign")
    for other, code in ((unit.teacher.device, "certificate_unknown"), ("a" * 26, "certificate_unknown")):
        mixed = {**shown, "SSL_CLIENT_S_DN_CN": other}
        assert unit.web.get(f"{PATH}/documents", environ_overrides=mixed).get_json()["error"] == code


@pytest.mark.parametrize("state", [DeviceState.PENDING, DeviceState.QUARANTINED, DeviceState.LOST])
def test_unit_that_may_not_deliver_is_refused(house: House, unit: UnitClient, state: DeviceState) -> None:
    """A lease helps nobody whose state does not let it in; a retired unit delivers what it holds."""
    with house.services.database.writing() as session:
        session.get_one(Device, unit.teacher.device).state = state
    assert unit.ask("GET", "/lease").get_json()["error"] == f"device_{state}"
    with house.services.database.writing() as session:
        session.get_one(Device, unit.teacher.device).state = DeviceState.RETIRED
    assert unit.ask("GET", "/lease").status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/lease", 405)])
def test_every_refusal_is_json(unit: UnitClient, method: str, path: str, status: int) -> None:
    """An address or a method that is not here is refused in the same form as everything else."""
    answer = unit.ask(method, path, data=b"x" * 1000)
    assert (answer.status_code, set(answer.get_json())) == (status, {"error", "detail"})


def test_uploads_of_one_object_race_to_one_end(house: House, unit: UnitClient, lesson: Lesson) -> None:
    """Eight uploads of one object at once: all are answered as delivered, one copy is held, nothing is left over."""
    unit.put_manifest(lesson)
    app = unit.web.application
    racers = [replace(unit, web=app.test_client()) for _ in range(8)]
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(one.upload(lesson, 1).status_code)) for one in racers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [204] * 8
    assert [item.index for item in unit.receipt(lesson).items] == [1]
    assert not list((house.services.config.controller.data / "incoming").iterdir())


def found_on_the_card(lesson: Lesson, index: int, data: bytes) -> bytes:
    """Give the manifest of a recorder that found these bytes in a torn segment when it started again."""

    def change(content: Content) -> Content:
        if isinstance(content, Recovered) and content.index == index:
            return replace(content, digest=digest_of(data), size_bytes=len(data))
        return content

    return resigned(lesson, change)


def test_segment_that_was_exchanged_on_the_card_is_refused(house: House, unit: UnitClient) -> None:
    """A torn segment that was replaced while the unit was off has another header than was signed: quarantined."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment()], torn=frozenset({1}))
    forged = seal(bytes(len(lesson.objects[1])), [lesson.identity.recipient])[: len(lesson.objects[1])]
    unit.put_manifest(lesson, found_on_the_card(lesson, 1, forged))
    assert unit.upload(lesson, 0).status_code == 204
    assert unit.upload(lesson, 1, forged).get_json()["error"] == "recovered_mismatch"
    assert incidents(house) == ["recovered_mismatch"]
    assert state_of(house, lesson) is RecordingState.ARRIVING


def test_segment_that_was_edited_on_the_card_is_noted(house: House, unit: UnitClient) -> None:
    """A torn segment with a changed chunk is taken in, because what is before the change is good, and written down."""
    lesson = house.make_lesson(unit.teacher, [made_up_segment(400_000)], torn=frozenset({1}))
    edited = bytearray(lesson.objects[1])
    edited[200_000] ^= 1
    unit.put_manifest(lesson, found_on_the_card(lesson, 1, bytes(edited)))
    unit.upload(lesson, 0)
    assert unit.upload(lesson, 1, bytes(edited)).status_code == 204
    assert incidents(house) == ["recovered_short"]
    assert state_of(house, lesson) is RecordingState.READY

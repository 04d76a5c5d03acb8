"""Sticks that somebody made up, changed, or mixed up: nothing is accepted that was not signed; the words say why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from controller.devices.history import Deed
from controller.devices.life import declare_lost
from controller.devices.models import Device, DeviceState, UnitCounter
from controller.recordings.models import Recording
from controller.stick.service import find_exports
from protocol.counters import Counters, encode_counters
from protocol.durable import REAL
from protocol.envelope import generate_x25519, seal
from protocol.stick import MIB, RECORD_BYTES, Kind, Way, record_header
from protocol.stick_folder import StickFolder
from tests.house import NIGHT
from tests.school import new_id
from tests.unit.controller.stick.conftest import Carried
from tests.unit.controller.stick.forged import honest_head, lay, lay_sealed, of_lesson, recipient, signed


def recordings(carried: Carried) -> list[str]:
    """List what the school knows of."""
    with carried.house.services.database.reading() as session:
        return [row.id for row in session.query(Recording)]


def refused(carried: Carried, words: str) -> None:
    """Fail unless the stick is refused in these words, nothing of it is taken in, and it is not answered."""
    outcome = carried.bring()
    assert words in " ".join(outcome.problems)
    assert (outcome.answered, outcome.label) == (False, "")
    assert recordings(carried) == []
    assert not carried.folder.answer.exists()
    assert carried.is_clean()


def test_head_that_another_key_signed_is_refused(carried: Carried) -> None:
    """Whoever knows the school's public recipient can seal to it, and cannot speak as a unit."""
    lesson = carried.record()
    lay(carried, of_lesson(lesson), head=signed(carried, honest_head(carried), ec.generate_private_key(ec.SECP256R1())))
    refused(carried, "not signed with the key of the certificate")


def test_head_with_a_certificate_that_nobody_issued_is_refused(carried: Carried) -> None:
    """A digest that is in no table."""
    head = replace(honest_head(carried), certificate="ab" * 32)
    lay(carried, of_lesson(carried.record()), head=signed(carried, head))
    refused(carried, "no certificate that is registered here")


def test_unit_cannot_speak_for_another(make_carried: Callable[..., Carried]) -> None:
    """Neither in its own folder with the other's name, nor in the other's folder with its own."""
    mine, other = make_carried("Room 12", "Ada Moreno"), make_carried("Room 13", "Bea Ruiz")
    lesson = mine.record()
    lay(mine, of_lesson(lesson), head=signed(mine, replace(honest_head(mine), device=other.teacher.device)))
    refused(mine, "no certificate that is registered here")
    stranger = StickFolder(mine.visit.root, other.teacher.device)
    lay(mine, of_lesson(lesson))
    mine.folder.path.rename(stranger.path)
    outcome = mine.bring()
    assert "folder of another unit" in " ".join(outcome.problems)
    assert recordings(mine) == []


def test_recording_of_another_unit_is_not_taken_in(make_carried: Callable[..., Carried]) -> None:
    """A genuine manifest in a foreign export is refused, and no receipt of it is told to the one who carried it."""
    mine, other = make_carried("Room 12", "Ada Moreno"), make_carried("Room 13", "Bea Ruiz")
    lesson, own = other.record(), mine.record()
    other.write()
    other.bring()
    lay(mine, [*of_lesson(lesson), *of_lesson(own)])
    outcome = mine.bring()
    assert "not what the unit's recorder signed" in " ".join(outcome.problems)
    assert mine.is_held(own)
    mine.write()
    assert mine.receipt(own)
    assert mine.receipt(lesson) is None


@pytest.mark.parametrize("state", [DeviceState.LOST, DeviceState.PENDING, DeviceState.REMOVED])
def test_unit_that_is_not_let_in_gets_and_gives_nothing(carried: Carried, state: DeviceState) -> None:
    """Its stick is refused as its requests are."""
    carried.record()
    carried.write()
    with carried.house.services.database.writing() as session:
        session.get_one(Device, carried.teacher.device).state = state
    refused(carried, f"the unit is {state}")


def test_certificate_of_a_lost_unit_is_revoked_on_a_stick_too(carried: Carried) -> None:
    """Declared lost as IT does it: the stick that lay in the drawer brings nothing."""
    carried.record()
    carried.write()
    declare_lost(carried.house.services, carried.teacher.device, Deed("operator", NIGHT))
    refused(carried, "revoked")


def test_quarantined_unit_gets_documents_alone(carried: Carried) -> None:
    """What it recorded stays on its card until a person has looked; then the same stick brings it."""
    lesson = carried.record()
    carried.write()
    services = carried.house.services
    with services.database.writing() as session:
        session.get_one(Device, carried.teacher.device).state = DeviceState.QUARANTINED
    outcome = carried.bring()
    assert "quarantined" in " ".join(outcome.problems)
    assert outcome.answered
    assert recordings(carried) == []
    with services.database.writing() as session:
        session.get_one(Device, carried.teacher.device).state = DeviceState.ACTIVE
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


def test_copy_of_a_card_is_noticed_on_a_stick(carried: Carried) -> None:
    """The same start counted by two: no stick is so old that this comes of it; the unit is quarantined at once."""
    with carried.house.services.database.writing() as session:
        known = UnitCounter(device=carried.teacher.device, birth=9, boots=5, boot="1" * 32, noted_at=NIGHT)
        session.add(known)
    twin = encode_counters(Counters(birth=10, boots=5, boot="2" * 32))
    lay(carried, of_lesson(carried.record()), head=signed(carried, replace(honest_head(carried), counters=twin)))
    assert "quarantined" in " ".join(carried.bring().problems)
    assert recordings(carried) == []


def test_stick_of_another_school_is_told(carried: Carried) -> None:
    """Nothing opens it."""
    lay_sealed(carried, seal(b"anything", [generate_x25519().recipient]))
    refused(carried, "nothing of this school opens it")


@pytest.mark.parametrize(
    "sealed", [b"", b"age-encryption.org/v1\n", os.urandom(3000), b"-----BEGIN AGE ENCRYPTED FILE-----\n" * 9]
)
def test_file_that_is_no_sealed_file_is_told(carried: Carried, sealed: bytes) -> None:
    """Empty, cut in its header, or noise."""
    lay_sealed(carried, sealed)
    refused(carried, "the stick is damaged")


def test_changed_object_is_kept_apart_and_the_rest_taken_in(carried: Carried) -> None:
    """One byte differs from what the manifest says: told, not held, wanted again, and whole with the next stick."""
    lesson = carried.record((9_000, 4_000, 2_000))
    changed = bytes(lesson.objects[2][:-1]) + bytes([lesson.objects[2][-1] ^ 1])
    lay(carried, of_lesson(lesson, o2=changed))
    outcome = carried.bring()
    assert "not what the unit's recorder signed" in " ".join(outcome.problems)
    assert outcome.answered
    assert carried.is_clean()
    carried.write()
    receipt = carried.receipt(lesson)
    assert receipt is not None
    assert {item.index for item in receipt.items} == {0, 1, 3}
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


@pytest.mark.parametrize("name", ["longer", "shorter", "unknown", "manifest"])
def test_object_that_the_manifest_does_not_name_so_is_refused(carried: Carried, name: str) -> None:
    """Of another length, of an index that is not there, or under a manifest that nobody signed; the rest goes on."""
    lesson, good = carried.record(), carried.record()
    bodies = {"longer": lesson.objects[1] + b"x", "shorter": lesson.objects[1][:-1]}
    forged = of_lesson(lesson, **({"o1": bodies[name]} if name in bodies else {}))
    if name == "unknown":
        forged.append((Kind.OBJECT, 999_999, b"x" * 100))
    if name == "manifest":
        forged = of_lesson(lesson, manifest=lesson.manifest.replace(b"synthetic", b"synthetiq"))
    lay(carried, [*forged, *of_lesson(good)])
    outcome = carried.bring()
    assert carried.is_held(good)
    assert carried.is_held(lesson) == (name == "unknown")
    assert outcome.problems or name == "unknown", "an index that nobody wants is passed over"
    assert carried.is_clean()


@pytest.mark.parametrize("length", [2**40, 2**63, 2**64 - 1])
def test_huge_length_is_refused_before_a_byte_of_it_is_kept(carried: Carried, length: int) -> None:
    """An object of a terabyte, and more than a reader ever takes."""
    lesson = carried.record()
    header = bytearray(record_header(Kind.OBJECT, 0, 1))
    header[RECORD_BYTES - 8 :] = length.to_bytes(8, "big")
    lay(carried, of_lesson(lesson)[:1], end=bytes(header) + b"x" * 5000)
    outcome = carried.bring()
    assert "the stick is damaged" in " ".join(outcome.problems)
    assert carried.is_clean()
    assert not carried.is_held(lesson)


def test_records_out_of_order_end_the_reading(carried: Carried) -> None:
    """A second head, or an object behind the padding: what came before stays, and no more is read."""
    first, second = carried.record(), carried.record()
    head, padding = (Kind.HEAD, 0, signed(carried, honest_head(carried))), (Kind.PADDING, 0, b"")
    for wrong in ([head], [padding, of_lesson(first)[1]], [*of_lesson(first), padding]):
        lay(carried, [*wrong, *of_lesson(second)])
        assert "cannot stand here" in " ".join(carried.bring().problems)
        assert not carried.is_held(second)
    assert carried.is_held(first)


def test_names_and_links_lead_nowhere(carried: Carried, tmp_path: Path) -> None:
    """Folders that are no unit's, links as folder or answer: nothing is opened, and nothing overwritten."""
    lesson = carried.record()
    carried.write()
    top, victim = carried.visit.root / "backrow", tmp_path / "victim"
    victim.write_text("mine")
    for name in ("..%2f..%2fetc", "ROOM 12", "a" * 25, "a" * 27, "con"):
        (top / name).mkdir()
        (top / name / "to-school.001").write_bytes(b"x")
    (top / new_id()).symlink_to(carried.folder.path)
    carried.folder.answer.symlink_to(victim)
    carried.folder.answer.with_name("from-school.age.new").symlink_to(victim)
    assert [folder.device for folder in find_exports(carried.visit.root)] == [carried.teacher.device]
    assert carried.bring().problems == ()
    assert victim.read_text() == "mine"
    assert not carried.folder.answer.is_symlink()
    assert carried.is_held(lesson)


def test_part_that_is_a_link_or_a_pipe_is_not_read(carried: Carried) -> None:
    """Neither is followed, nor waited for."""
    carried.record()
    carried.write()
    part = carried.folder.part(1)
    for put in (lambda: part.symlink_to("/etc/shadow"), lambda: os.mkfifo(part), part.mkdir):
        part.unlink()
        put()
        outcome = carried.bring()
        assert "cannot be read" in " ".join(outcome.problems)
        if part.is_dir():
            part.rmdir()
            part.touch()
    assert recordings(carried) == []


def test_flipped_bits_never_bring_what_was_not_signed(carried: Carried) -> None:
    """One bit each at 60 places from the beginning to the end: told each time, and only genuine objects are held."""
    lesson = carried.record((200_000, 150_000))
    carried.write()
    part = carried.folder.part(1)
    good = part.read_bytes()
    places = [*range(0, 2_000, 100), *range(2_000, 420_000, 15_000), len(good) // 2, len(good) - 1]
    for place in places:
        with part.open("r+b") as file:
            file.seek(place)
            file.write(bytes([good[place] ^ (1 << place % 8)]))
        assert carried.bring().problems, f"a bit at byte {place}"
        assert carried.is_clean()
        carried.is_held(lesson)  # compares what is held byte for byte
        with part.open("r+b") as file:
            file.seek(place)
            file.write(good[place : place + 1])
    assert carried.bring().problems == ()
    assert carried.is_held(lesson)


def test_stick_that_ends_early_is_told_and_what_was_whole_stays(carried: Carried) -> None:
    """Cut at growing lengths: more and more is held, never half of anything; the whole stick goes on from there."""
    lesson = carried.record((200_000, 150_000))
    carried.write()
    part = carried.folder.part(1)
    good = part.read_bytes()
    for length in (0, 100, 1_000, 70_000, 300_000, 500_000, len(good) - 1):
        part.write_bytes(good[:length])
        assert "damaged" in " ".join(carried.bring().problems), f"{length} bytes"
        assert carried.is_clean()
    assert carried.is_held(lesson), "all of it lay before the last cut"
    part.write_bytes(good)
    assert carried.bring().problems == ()


def test_export_that_is_only_padding_is_taken_in(carried: Carried) -> None:
    """A unit with nothing to say gets its documents, and a stick with nothing behind its last part has an end."""
    lay(carried, [(Kind.PADDING, 0, bytes(MIB))])
    outcome = carried.bring()
    assert (outcome.problems, outcome.answered) == ((), True)
    sealed = seal(Way.FROM_SCHOOL.value + record_header(Kind.END, 0), [recipient(carried)])
    carried.folder.clear(REAL)
    lay_sealed(carried, sealed)
    assert "begins with" in " ".join(carried.bring().problems), "an answer is no export"

"""Joining: by a secret, by a person, through refusals, lost answers and a network that comes late."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest

from device.enrollment.joining import EnrollmentRefused
from device.enrollment.plan import Fit
from protocol.enrollment import EST_PATH, RECORDER_KEY_PATH, encode_body
from protocol.errors import ProtocolError
from protocol.keyfiles import load_signing_key
from protocol.pki import (
    encode_pkcs7,
    issue_device,
    issue_device_for,
    issue_issuing_authority,
    issue_root_authority,
    spell_fingerprint,
    spki_digest,
)
from tests.unit.device.enrollment.conftest import DOCUMENTS, Room

ENROLL = f"{EST_PATH}/simpleenroll"


def test_unit_joins_with_its_secret(room: Room) -> None:
    """Keys of its own making, a certificate that chains to the pinned root, the recorder's key and the documents."""
    assert room.enroll()
    leaf, *issuers = room.chain()
    assert room.store().fit() is Fit.OURS
    assert issuers == [room.school.authority.certificate]
    assert room.registry.issued == [leaf]
    recorder = load_signing_key(room.unit.data / "identity" / "recorder.key")
    assert room.registry.recorder_key == recorder.verifying.encode()
    assert all((room.unit.data / "state" / kind).is_file() for kind in DOCUMENTS)


def test_secret_is_gone_when_the_unit_has_its_certificate(room: Room) -> None:
    """Nothing secret lasts on the card, and an enrolled unit needs none."""
    assert room.enroll()
    assert not room.secret.exists()
    assert room.enroll()
    assert len(room.registry.issued) == 1


def test_private_keys_are_the_owners_alone(room: Room) -> None:
    """Mode 600 for both keys; what is public can be read by the group."""
    room.enroll()
    names = ("identity/tls.key", "identity/recorder.key", "identity/recorder.pub", "certificate/tls.pem")
    modes = [stat.S_IMODE((room.unit.data / name).stat().st_mode) for name in names]
    assert modes == [0o600, 0o600, 0o640, 0o640]


def test_unit_without_a_secret_waits_for_a_person(room: Room) -> None:
    """It shows its key's fingerprint, asks no sooner than it was told to, and joins once it is adopted."""
    room.secret.unlink()
    room.world.on_wait = lambda: room.registry.adopted.add(spki_digest(room.store().wanted_key().public_key()))
    assert room.enroll()
    fingerprint = spell_fingerprint(spki_digest(room.store().tls_key().public_key()))
    assert any(fingerprint in words for words in room.said)
    assert room.world.waited_s[0] >= 30


def test_unit_that_nobody_adopts_gives_up_when_it_was_told_to(room: Room) -> None:
    """With a patience it ends, says so, and keeps its key: the same fingerprint waits the next time."""
    room.secret.unlink()
    assert not room.enroll(patience_s=100.0)
    key = (room.unit.data / "identity" / "tls.key").read_bytes()
    assert not room.enroll(patience_s=100.0)
    assert (room.unit.data / "identity" / "tls.key").read_bytes() == key
    assert room.registry.asked.count(f"POST {ENROLL}") > 4


def test_secret_that_is_not_where_it_was_said_to_be_is_missed_once(room: Room) -> None:
    """A mistyped path is no silent wish for an adoption; a secret that is laid there later is still taken."""
    secret = room.secret.read_text("ascii")
    room.secret.unlink()
    room.world.on_wait = lambda: room.secret.write_text(secret, "ascii") if len(room.world.waited_s) == 3 else None
    assert room.enroll()
    assert room.said.count(f"{room.secret}: no one-time secret lies there. The unit asks to be adopted instead") == 1
    assert not room.secret.exists()


@pytest.mark.parametrize("spoil", ["wrong", "malformed", "used"])
def test_unit_whose_secret_is_refused_asks_to_be_adopted(room: Room, spoil: str) -> None:
    """A secret that is over, damaged or used by another key costs a person's look, and no new card."""
    if spoil == "wrong":
        room.registry.secret = "another"
    elif spoil == "malformed":
        room.secret.write_text("no secret at all", "ascii")
    else:
        room.registry.bound = "0" * 64
    room.world.on_wait = lambda: room.registry.adopted.add(spki_digest(room.store().wanted_key().public_key()))
    assert room.enroll()
    assert sum("lets nobody in" in words for words in room.said) == 1
    assert not room.secret.exists()


def test_lost_answers_lock_nobody_out(room: Room) -> None:
    """The controller has bound the secret and the unit never heard of it: the same key asks again and gets in."""
    room.registry.lose_replies = 3
    assert room.enroll()
    assert len(room.registry.issued) >= 2
    assert room.store().fit() is Fit.OURS


def test_unit_waits_for_a_controller_that_cannot_answer_now(room: Room) -> None:
    """503 is said once and tried again, ever later."""
    room.registry.refuse[ENROLL] = (503, b"later")
    room.world.on_wait = lambda: room.registry.refuse.clear() if len(room.world.waited_s) == 5 else None
    assert room.enroll()
    assert sum("503" in words for words in room.said) == 1
    assert room.world.waited_s == sorted(room.world.waited_s)


def test_refusal_that_waiting_does_not_change_ends_the_run(room: Room) -> None:
    """A key that the registry holds already is a person's matter; the words say what to do."""
    room.registry.recorder_key = "another"
    with pytest.raises(EnrollmentRefused, match=r"409.*readopt"):
        room.enroll()
    room.registry.recorder_key = None
    room.registry.refuse[RECORDER_KEY_PATH] = (403, b'{"error": "x", "detail": "not this one"}')
    with pytest.raises(EnrollmentRefused, match="not this one"):
        room.enroll()


def test_refused_adoption_ends_the_run(room: Room) -> None:
    """A person who says no is heard."""
    room.secret.unlink()
    room.registry.refuse[ENROLL] = (403, b"a person refused this key")
    with pytest.raises(EnrollmentRefused, match="a person refused this key"):
        room.enroll()


def test_unit_whose_certificate_was_revoked_is_told_to_join_anew(room: Room) -> None:
    """The registry knows its certificate no more: an end with words, not a wait without one."""
    room.enroll()
    room.registry.issued.clear()
    room.world.advance(70 * 86_400)
    with pytest.raises(EnrollmentRefused, match=r"not known.*enroll --new-key"):
        room.enroll()


@pytest.mark.parametrize("whose", ["another school", "another unit", "another key", "garbage"])
def test_certificate_that_is_not_this_units_is_never_stored(room: Room, whose: str) -> None:
    """Of another root, for another name, for another key, or none at all: refused, whoever handed it out."""
    room.enroll()
    key, now = room.store().tls_key().public_key(), room.world.now_at
    stranger = issue_root_authority("A made-up school", now=now)
    rogue = issue_issuing_authority(stranger, "issuing", now=now)
    made = {
        "another school": issue_device_for(rogue, room.unit.device, key, now=now),
        "another unit": issue_device_for(room.school.authority, "a" * 26, key, now=now),
        "another key": issue_device(room.school.authority, room.unit.device, now=now).certificate,
    }
    der = encode_pkcs7([made[whose], rogue.certificate]) if whose in made else b"garbage"
    room.registry.in_place_of[ENROLL] = encode_body(der)
    (room.unit.data / "certificate" / "tls.pem").unlink()
    with pytest.raises(ProtocolError, match=r"chain|expected"):
        room.enroll()
    assert room.chain() == ()


@pytest.mark.parametrize("clock", [timedelta(days=-365 * 56), timedelta(days=3650)])
def test_unit_with_a_wrong_clock_joins(room: Room, clock: timedelta) -> None:
    """At 1970 and ten years ahead, while nobody has set the clock: the controller's own time decides."""
    true_now, room.clock_is_trusted = room.world.now_at, False
    room.registry.now = lambda: true_now
    room.world.now_at += clock
    assert room.enroll()
    assert room.store().fit() is Fit.OURS


def test_new_key_replaces_the_old_one_by_a_secret(room: Room) -> None:
    """A unit whose certificate was revoked joins anew with another key, and forgets the old one."""
    room.enroll()
    old = (room.unit.data / "identity" / "tls.key").read_bytes()
    room.registry.bound = ""
    room.secret.write_text(room.registry.secret, "ascii")
    assert room.enroll(new_key=True)
    assert (room.unit.data / "identity" / "tls.key").read_bytes() != old
    assert not (room.unit.data / "identity" / "tls.key.next").exists()
    assert room.store().fit() is Fit.OURS

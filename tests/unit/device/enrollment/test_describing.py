"""What `backrow device check` says of enrollment."""

from __future__ import annotations

from datetime import timedelta

from device.check import check_unit
from protocol.pki import issue_device, spell_fingerprint, spki_digest
from tests.unit.device.enrollment.conftest import Room


def wrong(room: Room, later: timedelta = timedelta(0)) -> dict[str, str]:
    """Give what the check finds wrong with keys and certificate."""
    findings = check_unit(room.config, room.world.now_at + later)
    return {each.what: each.problem for each in findings if each.problem and each.what.startswith(("cert", "identity"))}


def test_unit_that_has_not_joined_is_told_how(room: Room) -> None:
    """No key yet, then a key without a certificate: what to run, and the fingerprint that a person compares."""
    assert "backrow device enroll" in wrong(room)["identity/tls.key"]
    room.secret.unlink()
    assert not room.enroll(patience_s=1.0)
    fingerprint = spell_fingerprint(spki_digest(room.store().tls_key().public_key()))
    assert fingerprint in wrong(room)["certificate/tls.pem"]


def test_enrolled_unit_has_nothing_wrong_until_its_certificate_ends(room: Room) -> None:
    """The last day is named; afterwards the renewal is pointed at."""
    assert room.enroll()
    assert wrong(room) == {}
    (problem,) = wrong(room, timedelta(days=91)).values()
    assert "backrow-renew" in problem


def test_certificate_of_another_key_and_unfinished_changes_are_named(room: Room) -> None:
    """Each with the command that mends it."""
    assert room.enroll()
    store = room.store()
    store.stage_tls_key()
    store.stage_recorder_key()
    stranger = issue_device(room.school.authority, room.unit.device, now=room.world.now_at)
    store.put_certificate([stranger.certificate, *stranger.chain])
    found = wrong(room)
    assert "another key" in found["certificate/tls.pem"]
    assert "backrow device enroll" in found["identity/tls.key.next"]
    assert "new-recorder-key" in found["identity/recorder.key.next"]

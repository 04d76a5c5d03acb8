"""A night of the uploader against a small controller on loopback: what is sent, in which order, and what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from protocol.documents import KeyringKey, Purpose, issue_document
from protocol.manifest import CloseReason, EventName
from protocol.signing import SigningKey
from tests.fakes.ingest import Fault
from tests.fakes.spooled import append_event, spool_recording
from tests.unit.device.uploads.conftest import NOW, Night

EVENING = NOW - timedelta(hours=8)


def uploads_asked(night: Night) -> list[str]:
    """List the methods that were asked, without the hourly look for documents."""
    return [one.method for one in night.ingest.asked if not one.path.endswith("/documents")]


def snapshot(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Describe every file below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_night_delivers_manifest_key_and_segments_in_order(night: Night) -> None:
    """A closed recording leaves as manifest, `key.age`, segments in order, receipt; byte for byte."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.deliver(spooled)
    assert list(night.ingest.held) == [(spooled.recording, index) for index in (0, 1, 2)]
    kinds = uploads_asked(night)
    assert kinds[:3] == ["PUT", "POST", "PATCH"]
    assert kinds[-1] == "GET"


def test_night_sends_the_oldest_recording_first(night: Night) -> None:
    """What was recorded first leaves first, whatever the folders are called."""
    late, early, middle = (spool_recording(night.unit, began_at=EVENING + timedelta(hours=hour)) for hour in (3, 1, 2))
    night.grant()
    night.deliver(late, early, middle)
    order = list(dict.fromkeys(recording for recording, _ in night.ingest.held))
    assert order == [early.recording, middle.recording, late.recording]


def test_night_sends_what_its_owner_needs_today_ahead_of_older_ones(night: Night) -> None:
    """The recording that the lease names goes first with its manifest; a name that is not here changes nothing."""
    early, middle, late = (spool_recording(night.unit, began_at=EVENING + timedelta(hours=hour)) for hour in (1, 2, 3))
    night.grant(night.school.issue_lease(night.unit.device, first=late.recording))
    night.settle(lambda: night.is_delivered(late))
    assert list(night.ingest.manifests) == [late.recording]
    night.grant(night.school.issue_lease(night.unit.device, version=2, first="a" * 26))
    night.deliver(early, middle)
    assert list(night.ingest.manifests) == [late.recording, early.recording, middle.recording]


def test_night_is_not_held_up_by_a_wanted_recording_that_fails(night: Night) -> None:
    """What its owner needs today and cannot be taken steps back like every other after a few attempts."""
    stuck, other = (spool_recording(night.unit, began_at=EVENING + timedelta(hours=hour)) for hour in (2, 1))
    night.ingest.faults.extend(Fault("PUT", path=f"/{stuck.recording}/manifest", status=409) for _ in range(9))
    night.grant(night.school.issue_lease(night.unit.device, first=stuck.recording))
    night.deliver(other)
    assert not night.is_delivered(stuck)


def test_night_leaves_discarded_and_unfinished_recordings_alone(night: Night) -> None:
    """A discarded recording, and one that still goes on, are not even announced by a manifest."""
    spool_recording(night.unit, began_at=EVENING, closed=CloseReason.DISCARDED)
    spool_recording(night.unit, began_at=EVENING, closed=None)
    wanted = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.deliver(wanted)
    night.run()
    assert set(night.ingest.manifests) == {wanted.recording}


def test_night_delivers_what_was_recovered_and_what_was_undiscarded(night: Night) -> None:
    """A recording that a power cut ended, and one whose discard was taken back, are delivered whole."""
    cut = spool_recording(night.unit, began_at=EVENING, closed=CloseReason.INTERRUPTED, recovered_last=True)
    undone = spool_recording(night.unit, began_at=EVENING, closed=CloseReason.DISCARDED, undiscarded=True)
    night.grant()
    night.deliver(cut, undone)


def test_night_never_touches_the_spool(night: Night) -> None:
    """Not one file of the spool is written, replaced or removed by the uploader."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    before = snapshot(night.unit.data / "spool")
    night.grant()
    night.deliver(spooled)
    night.run()
    assert snapshot(night.unit.data / "spool") == before


def test_night_is_quiet_when_everything_is_delivered(night: Night) -> None:
    """With every receipt held, no request about recordings is made any more."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.deliver(spooled)
    night.run()
    before = len(night.ingest.asked)
    for _ in range(10):
        assert night.turn() > 0
    assert {one.path for one in night.ingest.asked[before:]} <= {"/units/v1/lease", "/units/v1/documents"}


def test_night_sends_nothing_without_a_lease(night: Night) -> None:
    """Without a lease the uploader asks for one, ever more seldom, and sends not one byte."""
    spool_recording(night.unit, began_at=EVENING)
    for _ in range(20):
        night.turn()
    assert set(uploads_asked(night)) == {"GET"}
    assert night.ingest.count("GET", "/lease") <= 20
    assert night.world.now_at > NOW + timedelta(minutes=10 + 5 * 10)


def test_night_follows_a_lease_that_came_over_https(night: Night) -> None:
    """When the broker is gone, a lease asked for over HTTPS is verified, kept and followed."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    for _ in range(5):
        night.turn()
    night.ingest.lease_line = night.lease()
    night.deliver(spooled)
    assert (night.unit.data / "state" / "lease").read_bytes() == night.ingest.lease_line


def test_night_waits_for_a_lease_to_begin(night: Night) -> None:
    """A lease for later is no permission now, and is one when its time comes."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    later = NOW + timedelta(minutes=20)
    night.grant(night.school.issue_lease(night.unit.device, not_before=later))
    night.settle(lambda: bool(night.ingest.manifests))
    assert night.world.now_at >= later
    night.deliver(spooled)


def test_night_refuses_a_forged_lease(night: Night) -> None:
    """A lease that a stranger signed, laid into the state by whoever got in, opens nothing."""
    spool_recording(night.unit, began_at=EVENING)
    stranger = SigningKey.generate()
    forged = night.lease().rsplit(b" ", 2)[0]
    night.grant(b"%s %s %s\n" % (forged, stranger.verifying.key_id.encode(), b"A" * 86))
    for _ in range(10):
        night.turn()
    assert night.ingest.manifests == {}


def test_night_needs_a_person_for_a_forged_manifest_and_goes_on(night: Night) -> None:
    """A manifest that the recorder did not sign is not sent; the reason is written down, the others are delivered."""
    forged = spool_recording(night.unit, began_at=EVENING, signer=SigningKey.generate())
    honest = spool_recording(night.unit, began_at=NOW)
    night.grant()
    night.deliver(honest)
    assert set(night.ingest.manifests) == {honest.recording}
    assert "signed by key" in night.record(forged.recording).needs_person


def test_night_sends_the_manifest_again_when_it_has_grown(night: Night) -> None:
    """A line that was appended after the delivery makes the uploader send the manifest and fetch a new receipt."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.deliver(spooled)
    append_event(night.unit, spooled, EventName.BOOKMARK)
    night.settle(lambda: night.ingest.receipts == 2)
    assert night.ingest.manifests[spooled.recording] == (spooled.folder / "manifest").read_bytes()
    assert night.ingest.count("POST") == 3
    assert night.run() == 0


def test_night_believes_no_receipt_but_the_schools(night: Night) -> None:
    """A receipt that another key signed is not kept, and the recording does not count as delivered."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    stranger = replace(night.school, receipt_key=SigningKey.generate())
    night.ingest.forged_receipt = stranger.issue_receipt(spooled.manifest, version=9)
    for _ in range(30):
        night.turn()
    assert not (night.unit.data / "state" / "receipts").exists()
    assert night.record(spooled.recording).failures > 0
    night.ingest.forged_receipt = None
    night.deliver(spooled)


def test_night_learns_a_new_keyring_when_a_signer_is_unknown(night: Night) -> None:
    """A lease that a new key signed is accepted after the newest keyring was fetched over HTTPS."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.turn()
    new_key = SigningKey.generate()
    ours = night.school.trust.keyring
    assert ours
    keyring = replace(ours, version=2, keys=(*ours.keys, KeyringKey(purpose=Purpose.LEASE, public=_public(new_key))))
    line = issue_document(keyring, night.school.root)
    night.ingest.school = replace(night.school, lease_key=new_key, keyring=line)
    night.ingest.documents = (night.school.recipients, b"noise\n", line)
    night.ingest.lease_line = night.ingest.school.issue_lease(night.unit.device)
    night.deliver(spooled)


def _public(key: SigningKey) -> str:
    return key.verifying.encode()


def test_night_forgets_a_recording_that_was_released(night: Night) -> None:
    """When the recorder has removed a recording, its upload record goes, too."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    night.grant()
    night.deliver(spooled)
    assert (night.unit.data / "uploads" / spooled.recording).exists()
    for path in spooled.folder.iterdir():
        path.unlink()
    spooled.folder.rmdir()
    night.turn()
    assert not (night.unit.data / "uploads" / spooled.recording).exists()


@pytest.mark.parametrize("content", [b"", b"{", b'{"recording":7}', b"\xff\xfe"])
def test_night_survives_a_damaged_record(night: Night, content: bytes) -> None:
    """A record that cannot be read costs questions to the controller and nothing else."""
    spooled = spool_recording(night.unit, began_at=EVENING)
    folder = night.unit.data / "uploads"
    folder.mkdir()
    (folder / spooled.recording).write_bytes(content)
    night.grant()
    night.deliver(spooled)

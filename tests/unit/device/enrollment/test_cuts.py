"""Enrollment and renewal killed, or cut off from power, at every operation of the disk: repeating ends well."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from device.enrollment.checking import life_of
from device.enrollment.command import RenewalFailed, renew_key, renew_when_due
from device.enrollment.plan import Fit
from protocol.pki import spki_digest
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, Tail
from tests.unit.device.enrollment.conftest import DOCUMENTS, Room

MOST_OPERATIONS = 200


def fresh(room: Room, folder: Path) -> Room:
    """Give the unit as its bundle left it, in a folder of its own, and a registry that has forgotten it."""
    shutil.copytree(room.unit.data, folder / "data")
    (folder / "secret").write_text(room.registry.secret, "ascii")
    room.registry.bound, room.registry.recorder_key = "", None
    room.registry.issued.clear()
    room.registry.revoked.clear()
    return room.move_to(folder)


def require_whole(room: Room) -> None:
    """Enrolled, with the keys that the registry knows, and nothing half-written or secret beside them."""
    data = room.config.data
    assert room.store().fit() is Fit.OURS
    names = {path.name for folder in ("identity", "certificate") for path in (data / folder).iterdir()}
    assert names == {"root.pub", "ca.pem", "tls.key", "recorder.key", "recorder.pub", "tls.pem"}
    assert room.registry.recorder_key == room.store().recorder_key().verifying.encode()
    assert not room.secret.exists()
    assert all((data / "state" / kind).is_file() for kind in DOCUMENTS)


def spki_of(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return spki_digest(key)


def count_operations(room: Room, work: Callable[[Room, CountingFiles], object], folder: Path) -> int:
    counting = CountingFiles()
    work(fresh(room, folder), counting)
    return len(counting.names)


def test_enrollment_killed_at_every_operation_ends_enrolled(room: Room, tmp_path: Path) -> None:
    """The process is gone at each write, sync and rename in turn; the second run finishes with one key."""
    operations = count_operations(room, lambda each, files: each.enroll(files), tmp_path / "0")
    assert 20 < operations < MOST_OPERATIONS
    for at in range(1, operations + 1):
        again = fresh(room, tmp_path / str(at))
        with pytest.raises(Cut):
            again.enroll(KilledFiles(at))
        assert again.enroll(), at
        require_whole(again)
        assert len({spki_of(one) for one in room.registry.issued}) == 1, at


@pytest.mark.parametrize("tail", [Tail.NOTHING, Tail.HALF])
def test_enrollment_without_power_at_every_operation_ends_enrolled(room: Room, tmp_path: Path, tail: Tail) -> None:
    """What was not synced is gone or torn; the controller never gives a certificate to a key that the card lost."""
    operations = count_operations(room, lambda each, files: each.enroll(files), tmp_path / "0")
    for at in range(1, operations + 1):
        again = fresh(room, tmp_path / str(at))
        files = PoweredFiles(again.config.data.parent, at, tail)
        files.take_as_durable()
        with pytest.raises(Cut):
            again.enroll(files)
        files.leave()
        assert again.enroll(), at
        require_whole(again)
        assert len({spki_of(one) for one in room.registry.issued}) == 1, at


def due(room: Room, folder: Path, part: float) -> Room:
    """Give an enrolled unit at a part of its certificate's life."""
    again = fresh(room, folder)
    start = again.world.now_at
    assert again.enroll()
    life = life_of(again.chain()[0])
    again.world.now_at = start + (life.ends_at - life.begins_at) * part
    return again


@pytest.mark.parametrize("part", [0.8, 1.3])
def test_renewal_killed_at_every_operation_ends_with_one_certificate(room: Room, tmp_path: Path, part: float) -> None:
    """The old or the new certificate, never half of one; the next run renews, also when the old one is over."""
    start = room.world.now_at
    for at in range(1, MOST_OPERATIONS):
        room.world.now_at = start
        again = due(room, tmp_path / str(at), part)
        files = KilledFiles(at)
        try:
            renew_when_due(again.config, again.shop(files))
        except Cut:
            assert again.store().fit() is Fit.OURS
            renew_when_due(again.config, again.shop())
            assert again.enroll(), at
        else:
            assert at > 5
            return
        assert again.chain()[0].not_valid_after_utc > again.world.now_at
        require_whole(again)
    raise AssertionError("the renewal never ended")


def test_new_key_cut_at_every_operation_ends_with_one_key(room: Room, tmp_path: Path) -> None:
    """Between the two files that must fit together a cut is mended by the next `enroll`, with the key that was made."""
    start = room.world.now_at
    for at in range(1, MOST_OPERATIONS):
        room.world.now_at = start
        again = due(room, tmp_path / str(at), 0.1)
        try:
            renew_key(again.config, again.shop(KilledFiles(at)))
        except Cut:
            if again.store().fit() is Fit.STAGED:
                assert again.enroll()
            renew_key(again.config, again.shop())
            assert again.enroll()
        else:
            assert at > 8
            return
        require_whole(again)
    raise AssertionError("the new key never came")


def test_lost_replies_and_kills_together_lock_nobody_out(room: Room, tmp_path: Path) -> None:
    """A kill at each operation, and each first answer lost on the way."""
    operations = count_operations(room, lambda each, files: each.enroll(files), tmp_path / "0")
    for at in range(1, operations + 1, 3):
        again = fresh(room, tmp_path / str(at))
        room.registry.lose_replies = 2
        with pytest.raises(Cut):
            again.enroll(KilledFiles(at))
        room.registry.lose_replies = 1
        again = replace(again, said=[])
        assert again.enroll(), at
        require_whole(again)


def test_failed_renewal_leaves_no_draft(room: Room, tmp_path: Path) -> None:
    """A refusal of the controller touches no file."""
    again = due(room, tmp_path / "1", 0.8)
    before = {path: path.read_bytes() for path in again.config.data.rglob("*") if path.is_file()}
    again.registry.issued.clear()
    with pytest.raises(RenewalFailed):
        renew_when_due(again.config, again.shop())
    assert {path: path.read_bytes() for path in again.config.data.rglob("*") if path.is_file()} == before

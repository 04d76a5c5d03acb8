"""What may be erased, and everything that may not (promise P5)."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device.identity import DocumentStore
from device.spool.keeping import SpoolKeeper
from device.spool.releasing import Releaser, UndoRule
from device.spool.retention import NOTHING, Release, plan_discard, plan_release, undo_ends_at
from protocol.documents import (
    Keyring,
    KeyringKey,
    Purpose,
    Receipt,
    ReceiptItem,
    Undo,
    Withdrawal,
    issue_document,
)
from protocol.durable import Files
from protocol.manifest import CloseReason, Manifest
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.school import WEEK, new_id, receipt_items
from tests.unit.device.spool.conftest import SpoolBench

BERLIN = ZoneInfo("Europe/Berlin")
NOW = BEGAN_AT


def _receipt(manifest: Manifest, items: Sequence[ReceiptItem] | None = None, lines: int = 0) -> Receipt:
    return Receipt(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=NOW + WEEK,
        device=manifest.begun.device,
        recording=manifest.begun.recording,
        manifest_lines=lines or len(manifest.lines),
        manifest_head=manifest.head,
        items=tuple(receipt_items(manifest) if items is None else items),
    )


def test_receipt_for_everything_releases_the_whole(bench: SpoolBench) -> None:
    """Closed manifest, key and every segment are held: the folder may go."""
    manifest = bench.manifest(bench.record())
    assert plan_release(manifest, _receipt(manifest)) == Release(whole=True)


def test_without_a_receipt_nothing_is_released(bench: SpoolBench) -> None:
    """However old or full, nothing goes."""
    assert plan_release(bench.manifest(bench.record()), None) == NOTHING


def test_receipt_for_some_segments_releases_those_and_no_key(bench: SpoolBench) -> None:
    """The key and the manifest stay until everything is held."""
    manifest = bench.manifest(bench.record(3))
    items = [item for item in receipt_items(manifest) if item.index in (0, 2)]
    assert plan_release(manifest, _receipt(manifest, items)) == Release(segments=(2,))


@pytest.mark.parametrize("change", [{"digest": "0" * 64}, {"size_bytes": 1}, {"index": 9}])
def test_receipt_for_other_bytes_releases_nothing(bench: SpoolBench, change: dict[str, object]) -> None:
    """A receipt counts for exactly the bytes that the recorder's own manifest names."""
    manifest = bench.manifest(bench.record(1))
    items = [replace(receipt_items(manifest)[1], **change)]  # type: ignore[arg-type]
    assert plan_release(manifest, _receipt(manifest, items)) == NOTHING


@pytest.mark.parametrize("change", ["recording", "device"])
def test_receipt_of_another_recording_or_unit_releases_nothing(bench: SpoolBench, change: str) -> None:
    """Digests alone are not enough: the receipt names whose they are."""
    manifest = bench.manifest(bench.record())
    assert plan_release(manifest, replace(_receipt(manifest), **{change: new_id()})) == NOTHING  # type: ignore[arg-type]


def test_receipt_for_an_older_manifest_keeps_the_folder(bench: SpoolBench) -> None:
    """Lines that the controller does not hold yet are not erased, even when every segment is held."""
    manifest = bench.manifest(bench.record(2))
    older = replace(_receipt(manifest), manifest_lines=len(manifest.lines) - 1, manifest_head=manifest.lines[-2].digest)
    assert plan_release(manifest, older) == Release(segments=(1, 2))


def test_recording_that_is_open_is_never_released_as_a_whole(bench: SpoolBench) -> None:
    """A manifest without its last line may grow."""
    manifest = bench.manifest(bench.record(2, reason=None))
    assert plan_release(manifest, _receipt(manifest)) == Release(segments=(1, 2))


def test_discard_can_be_undone_until_its_hour(bench: SpoolBench) -> None:
    """Before the hour the footage stays; at the hour it may go."""
    manifest = bench.manifest(bench.record(reason=CloseReason.DISCARDED))
    ends = NOW + timedelta(hours=3)
    assert plan_discard(manifest, undo_ends_at=ends, now=ends - timedelta(seconds=1)) == NOTHING
    assert plan_discard(manifest, undo_ends_at=ends, now=ends) == Release(whole=True)


def test_only_a_discard_is_erased_without_a_receipt(bench: SpoolBench) -> None:
    """No other last line lets footage go that nobody holds."""
    for reason in set(CloseReason) - {CloseReason.DISCARDED}:
        manifest = bench.manifest(bench.record(reason=reason))
        assert plan_discard(manifest, undo_ends_at=NOW, now=NOW + WEEK) == NOTHING


@pytest.mark.parametrize(
    ("discarded", "ends"),
    [
        (datetime(2026, 9, 1, 10, tzinfo=UTC), datetime(2026, 9, 1, 18, tzinfo=BERLIN)),
        (datetime(2026, 9, 1, 15, 59, tzinfo=UTC), datetime(2026, 9, 1, 18, tzinfo=BERLIN)),
        (datetime(2026, 9, 1, 16, tzinfo=UTC), datetime(2026, 9, 2, 18, tzinfo=BERLIN)),
        (datetime(2026, 10, 24, 17, tzinfo=UTC), datetime(2026, 10, 25, 18, tzinfo=BERLIN)),
    ],
)
def test_undo_ends_at_the_schools_next_evening(discarded: datetime, ends: datetime) -> None:
    """18:00 by the school's own clock, summer time or not; a discard after that has until the next day."""
    assert undo_ends_at(discarded, until=time(18), zone=BERLIN) == ends


class _Bench:
    """A releaser over a spool, with receipts that a receipt key signed."""

    def __init__(self, bench: SpoolBench, state: Path) -> None:
        root, self._key = SigningKey.generate(), SigningKey.generate()
        keyring = Keyring(
            generation=1,
            version=1,
            issued_at=NOW,
            expires_at=NOW + 52 * WEEK,
            school="A made-up school",
            keys=tuple(
                KeyringKey(purpose=purpose, public=self._key.verifying.encode())
                for purpose in (Purpose.RECEIPT, Purpose.POLICY)
            ),
        )
        state.mkdir()
        (state / "keyring").write_bytes(issue_document(keyring, root))
        self._state = state
        self._device = bench.device
        self._receipts = state / "receipts"
        self._receipts.mkdir()
        documents = DocumentStore(state, device=bench.device, root=root.verifying, files=bench.files)
        self.releaser = Releaser(
            bench.store,
            documents,
            receipts=self._receipts,
            keeper=SpoolKeeper(bench.store, bench.signer),
            undo=UndoRule(until=time(18), zone=BERLIN, grace=timedelta(minutes=30)),
        )

    def put_receipt(self, manifest: Manifest, items: Sequence[ReceiptItem] | None = None, version: int = 1) -> None:
        receipt = replace(_receipt(manifest, items), version=version)
        path = self._receipts / manifest.begun.recording
        path.write_bytes(issue_document(receipt, self._key))

    def take_keyring(self) -> bytes:
        """Take the keyring away, and give it."""
        path = self._state / "keyring"
        line = path.read_bytes()
        path.unlink()
        return line

    def put_keyring(self, line: bytes) -> None:
        (self._state / "keyring").write_bytes(line)

    def put_undo(self, recording: str, *, device: str = "", named: str = "", key: SigningKey | None = None) -> None:
        undo = Undo(
            generation=1,
            version=1,
            issued_at=NOW,
            expires_at=NOW + WEEK,
            device=device or self._device,
            recording=named or recording,
        )
        (self._state / "undo").mkdir(exist_ok=True)
        (self._state / "undo" / recording).write_bytes(issue_document(undo, key or self._key))

    def put_withdrawal(self, *recordings: str, device: str = "", key: SigningKey | None = None) -> None:
        withdrawal = Withdrawal(
            generation=1,
            version=1,
            issued_at=NOW,
            expires_at=NOW + WEEK,
            device=device or self._device,
            recordings=recordings,
        )
        (self._state / "withdrawal").write_bytes(issue_document(withdrawal, key or self._key))

    def look(self, now: datetime = NOW, *, trusted: bool = True, active: str = "") -> None:
        self.releaser.release(now=now, trusted=trusted, active=active, in_force=None)


@pytest.fixture
def releasing(bench: SpoolBench, tmp_path: Path) -> _Bench:
    """A releaser over the bench's spool."""
    return _Bench(bench, tmp_path / "state")


def test_releaser_removes_segments_as_receipts_come(bench: SpoolBench, releasing: _Bench) -> None:
    """First some segments, then, with the receipt for everything, the folder."""
    recording = bench.record(2)
    manifest = bench.manifest(recording)
    releasing.look()
    assert bench.store.size_bytes(recording, 1) is not None
    releasing.put_receipt(manifest, receipt_items(manifest)[1:2])
    releasing.look()
    assert bench.store.size_bytes(recording, 1) is None
    assert bench.store.size_bytes(recording, 2) is not None
    releasing.put_receipt(manifest, version=2)
    releasing.look()
    assert bench.store.recordings() == ()


def test_releaser_asks_again_when_the_key_of_a_receipt_comes_after_it(bench: SpoolBench, releasing: _Bench) -> None:
    """A receipt that does not verify releases nothing, and is no dead letter: the next keyring may name its key."""
    recording = bench.record(2)
    releasing.put_receipt(bench.manifest(recording))
    keyring = releasing.take_keyring()
    releasing.look()
    assert bench.store.size_bytes(recording, 1) is not None
    releasing.put_keyring(keyring)
    releasing.look()
    assert bench.store.recordings() == ()


def test_releaser_asks_again_when_the_clock_is_right(bench: SpoolBench, releasing: _Bench) -> None:
    """By a clock ten years ahead every receipt has ended; when it is set, they count again."""
    recording = bench.record(2)
    releasing.put_receipt(bench.manifest(recording))
    releasing.look(NOW + 520 * WEEK, trusted=False)
    assert bench.store.recordings() == (recording,)
    releasing.look()
    assert bench.store.recordings() == ()


class _StiffFiles(Files):
    """A card that lets nothing be removed while it is stiff."""

    stiff = False

    def unlink(self, path: Path) -> None:
        """See `Files.unlink`."""
        if self.stiff:
            raise OSError(errno.EROFS, "FAKE: read-only")
        super().unlink(path)


def test_releaser_tries_again_what_the_card_refused(make_bench: Callable[[Files], SpoolBench], tmp_path: Path) -> None:
    """A card that was read-only for an hour must not keep delivered footage until the next restart."""
    files = _StiffFiles()
    bench = make_bench(files)
    releasing = _Bench(bench, tmp_path / "state")
    recording = bench.record(2)
    manifest = bench.manifest(recording)
    releasing.put_receipt(manifest, receipt_items(manifest)[1:2])
    files.stiff = True
    with pytest.raises(OSError, match="FAKE"):
        releasing.look()
    files.stiff = False
    releasing.look()
    assert bench.store.size_bytes(recording, 1) is None


def test_releaser_leaves_the_recording_that_is_being_made(bench: SpoolBench, releasing: _Bench) -> None:
    """What is active is nobody's to release."""
    recording = bench.record(2)
    releasing.put_receipt(bench.manifest(recording))
    releasing.look(active=recording)
    assert bench.store.recordings() == (recording,)


def test_releaser_destroys_a_discard_after_its_evening(bench: SpoolBench, releasing: _Bench) -> None:
    """Before 18:00 it stays, after it goes, without any receipt."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    releasing.look()
    releasing.look(datetime(2026, 9, 1, 15, 59, tzinfo=UTC))
    assert bench.store.recordings() == (recording,)
    releasing.look(datetime(2026, 9, 1, 16, 0, tzinfo=UTC))
    assert bench.store.recordings() == ()


def test_releaser_that_has_just_started_waits_for_an_undo(bench: SpoolBench, releasing: _Bench) -> None:
    """A unit that was off when its owner took a discard back hears of it before it destroys anything."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    morning = NOW + timedelta(days=1)
    releasing.look(morning)
    releasing.look(morning + timedelta(minutes=29))
    assert bench.store.recordings() == (recording,)
    releasing.look(morning + timedelta(minutes=30))
    assert bench.store.recordings() == ()


def test_undo_lifts_a_discard_for_good(bench: SpoolBench, releasing: _Bench) -> None:
    """A verified undo becomes one line of the manifest; the footage stays, and only a receipt releases it now."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    releasing.look()
    releasing.put_undo(recording)
    releasing.look()
    manifest = bench.manifest(recording)
    assert not manifest.discarded
    releasing.look(NOW + WEEK)
    assert bench.manifest(recording).lines == manifest.lines
    releasing.put_receipt(manifest)
    releasing.look()
    assert bench.store.recordings() == ()


def test_undo_that_waited_with_its_recording_is_heard_before_the_discard(bench: SpoolBench, releasing: _Bench) -> None:
    """Both are found after the undo time: the owner's word came first."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    releasing.put_undo(recording)
    releasing.look(NOW + timedelta(days=2))
    assert not bench.manifest(recording).discarded


def test_undo_that_is_not_for_exactly_this_recording_lifts_nothing(bench: SpoolBench, releasing: _Bench) -> None:
    """Another unit's, another recording's or another key's undo is only bytes."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    for wrong in ({"device": new_id()}, {"named": new_id()}, {"key": SigningKey.generate()}):
        releasing.put_undo(recording, **wrong)  # type: ignore[arg-type]
        releasing.look()
        assert bench.manifest(recording).discarded


def test_undo_of_a_recording_that_was_not_discarded_writes_nothing(bench: SpoolBench, releasing: _Bench) -> None:
    """What was kept needs no undo, and its manifest does not grow by one."""
    recording = bench.record()
    before = bench.manifest(recording).lines
    releasing.put_undo(recording)
    releasing.look()
    assert bench.manifest(recording).lines == before


def test_withdrawal_erases_what_it_names_and_nothing_else(bench: SpoolBench, releasing: _Bench) -> None:
    """P5's third reason: delivered or not, trusted clock or not, the named recording goes, the others stay."""
    named, other = bench.record(), bench.record()
    releasing.put_withdrawal(named, new_id())
    releasing.look(trusted=False)
    assert bench.store.recordings() == (other,)
    assert [each.begun.recording for each in releasing.releaser.take_erased()] == [named]


def test_withdrawal_erases_what_cannot_be_read(bench: SpoolBench, releasing: _Bench) -> None:
    """P8: an edited manifest is no shelter."""
    recording = bench.record()
    path = bench.store.manifest_path(recording)
    path.write_bytes(path.read_bytes().replace(b'"stopped"', b'"discarded"'))
    releasing.put_withdrawal(recording)
    releasing.look()
    assert bench.store.recordings() == ()


def test_withdrawal_leaves_the_recording_that_is_being_made(bench: SpoolBench, releasing: _Bench) -> None:
    """It is stopped first, and erased at the look after its last line."""
    recording = bench.record()
    releasing.put_withdrawal(recording)
    releasing.look(active=recording)
    assert bench.store.recordings() == (recording,)


@pytest.mark.parametrize("wrong", [{"device": new_id()}, {"key": SigningKey.generate()}], ids=["device", "key"])
def test_withdrawal_that_does_not_verify_erases_nothing(
    bench: SpoolBench, releasing: _Bench, wrong: dict[str, object]
) -> None:
    """P5: a network process that lays down bytes cannot make the recorder erase."""
    recording = bench.record()
    releasing.put_withdrawal(recording, **wrong)  # type: ignore[arg-type]
    releasing.look()
    assert bench.store.recordings() == (recording,)


def test_releaser_destroys_no_discard_by_a_clock_that_is_not_trusted(bench: SpoolBench, releasing: _Bench) -> None:
    """P5: a clock that jumped into the future must not shorten the time for undoing, however often it is looked at."""
    recording = bench.record(reason=CloseReason.DISCARDED)
    releasing.look(NOW + 52 * WEEK, trusted=False)
    releasing.look(NOW + 53 * WEEK, trusted=False)
    assert bench.store.recordings() == (recording,)


def test_releaser_leaves_a_manifest_that_was_edited(bench: SpoolBench, releasing: _Bench) -> None:
    """Without a manifest that verifies nothing can be said of the footage: it stays."""
    recording = bench.record()
    manifest = bench.manifest(recording)
    path = bench.store.manifest_path(recording)
    path.write_bytes(path.read_bytes().replace(b'"stopped"', b'"discarded"'))
    releasing.put_receipt(manifest)
    releasing.look(NOW + WEEK)
    assert bench.store.recordings() == (recording,)

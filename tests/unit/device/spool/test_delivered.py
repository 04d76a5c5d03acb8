"""Copies of what was delivered: until when they may stay, which give way, and that nothing else ever does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.identity import DocumentStore
from device.spool.delivered import Copy, may_stay, plan_way
from device.spool.held import HeldEpochs
from device.spool.keeping import SpoolKeeper
from device.spool.releasing import Releaser, UndoRule
from device.spool.retention import Release
from protocol.documents import (
    Keyring,
    KeyringKey,
    Purpose,
    Receipt,
    Withdrawal,
    issue_document,
)
from protocol.durable import REAL, Files
from protocol.epochs import name_held
from protocol.manifest import KEY_INDEX, CloseReason, Manifest
from protocol.signing import SigningKey
from tests.fakes.clock import BEGAN_AT
from tests.fakes.cutfiles import CountingFiles, Cut, KilledFiles, PoweredFiles, RefusingFiles, Tail
from tests.school import WEEK, receipt_items
from tests.unit.device.spool.conftest import SpoolBench

NOW = BEGAN_AT
EPOCH = "2026-w36"  # the bench's
UNTIL = NOW + timedelta(days=7)
DAY = timedelta(days=1)
copies = st.lists(
    st.builds(
        Copy,
        recording=st.uuids().map(str),
        release=st.just(Release(whole=True)),
        size_bytes=st.integers(1, 1000),
        until=st.integers(0, 10).map(lambda days: NOW + timedelta(days=days)),
    ),
    max_size=8,
    unique_by=lambda each: each.recording,
)


@given(copies, st.integers(0, 5000))
def test_way_is_given_as_far_as_space_is_missing(found: list[Copy], missing: int) -> None:
    """What goes is enough, or everything; without the last of them it would not be enough."""
    gone = plan_way(found, missing)
    freed = sum(each.size_bytes for each in gone)
    assert freed >= missing or set(gone) == set(found)
    assert not gone or freed - gone[-1].size_bytes < missing


@given(copies, st.integers(1, 5000))
def test_what_may_stay_least_long_gives_way_first(found: list[Copy], missing: int) -> None:
    """None goes that could have stayed longer than one that stays."""
    gone = plan_way(found, missing)
    stays = [each.until for each in found if each not in gone]
    assert not gone or not stays or max(each.until for each in gone) <= min(stays)


def make_receipt(manifest: Manifest, **changes: object) -> Receipt:
    """Make a receipt for everything, by which a copy may be kept for a week."""
    receipt = Receipt(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=NOW + 52 * WEEK,
        device=manifest.begun.device,
        recording=manifest.begun.recording,
        manifest_lines=len(manifest.lines),
        manifest_head=manifest.head,
        items=tuple(receipt_items(manifest)),
        keep_until=UNTIL,
    )
    return replace(receipt, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "in_force", "at"),
    [
        ({"keep_until": None}, EPOCH, NOW),
        ({"backed_up_at": NOW}, EPOCH, NOW),
        ({}, "2026-w37", NOW),
        ({}, None, NOW),
        ({}, EPOCH, UNTIL),
    ],
    ids=["not allowed", "backed up", "next epoch", "retired", "over"],
)
def test_copy_stays_only_while_everything_allows_it(
    bench: SpoolBench, changes: dict[str, object], in_force: str | None, at: datetime
) -> None:
    """The receipt's word, no backup, the epoch in force, and the time: each alone ends it."""
    receipt = make_receipt(bench.manifest(bench.record()))
    assert may_stay(receipt, epoch=EPOCH, in_force=EPOCH, now=NOW)
    assert not may_stay(replace(receipt, **changes), epoch=EPOCH, in_force=in_force, now=at)  # type: ignore[arg-type]


class Card:
    """A releaser over a spool, whose receipts allow copies; `files` may fail."""

    def __init__(self, bench: SpoolBench, state: Path, files: Files) -> None:
        self.bench = bench
        root, self.key = SigningKey.generate(), SigningKey.generate()
        both = (Purpose.RECEIPT, Purpose.POLICY)
        keys = tuple(KeyringKey(purpose=purpose, public=self.key.verifying.encode()) for purpose in both)
        keyring = Keyring(
            generation=1, version=1, issued_at=NOW, expires_at=NOW + 52 * WEEK, school="A made-up school", keys=keys
        )
        self.state = state
        (state / "receipts").mkdir(parents=True)
        (state / "keyring").write_bytes(issue_document(keyring, root))
        documents = DocumentStore(state, device=bench.device, root=root.verifying, files=REAL)
        bench.store.files = files
        self.make_releaser = lambda: Releaser(
            bench.store,
            documents,
            receipts=state / "receipts",
            keeper=SpoolKeeper(bench.store, bench.signer),
            undo=UndoRule(until=time(18), zone=UTC, grace=timedelta()),
        )
        self.releaser = self.make_releaser()

    def restart(self, files: Files) -> None:
        """Begin anew from the disk alone, through another door."""
        self.bench.store.files = files
        self.releaser = self.make_releaser()

    def deliver(self, recording: str, **changes: object) -> None:
        """Lay a receipt down."""
        receipt = make_receipt(self.bench.manifest(recording), **changes)
        (self.state / "receipts" / recording).write_bytes(issue_document(receipt, self.key))

    def look(self, now: datetime = NOW, *, in_force: str | None = EPOCH) -> None:
        """Look through the spool once."""
        self.releaser.release(now=now, trusted=True, active="", in_force=in_force)

    def size_bytes(self, recording: str) -> int:
        """Add up what lies there of a recording, without its manifest."""
        objects = self.bench.manifest(recording).objects()
        return sum(self.bench.store.size_bytes(recording, index) or 0 for index in objects)


@pytest.fixture
def card(bench: SpoolBench, tmp_path: Path) -> Card:
    """A card that does not fail."""
    return Card(bench, tmp_path / "state", REAL)


def test_delivered_recording_stays_whole_until_its_time(bench: SpoolBench, card: Card) -> None:
    """Byte for byte, after a restart too; at its time all of it goes."""
    recording = bench.record(3)
    whole = {path.name: path.read_bytes() for path in bench.store.folder(recording).iterdir()}
    card.deliver(recording)
    card.look()
    card.restart(REAL)
    card.look(UNTIL - timedelta(seconds=1))
    assert {path.name: path.read_bytes() for path in bench.store.folder(recording).iterdir()} == whole
    assert card.releaser.kept_bytes == card.size_bytes(recording)
    assert card.releaser.delivered() == {recording}
    card.look(UNTIL)
    assert bench.store.recordings() == ()
    assert (card.releaser.kept_bytes, card.releaser.delivered()) == (0, frozenset())
    assert [each.begun.recording for each in card.releaser.take_erased()] == [recording]


def test_copy_goes_with_its_epoch(bench: SpoolBench, card: Card) -> None:
    """P8: the unit never has to say that a copy holds an epoch that is over; nor does a retired unit keep any."""
    recording = bench.record()
    card.deliver(recording)
    card.look()
    assert bench.store.recordings() == (recording,)
    card.look(in_force="2026-w37")
    assert bench.store.recordings() == ()


def test_statement_of_epochs_is_the_same_with_copies_as_without(
    make_bench: Callable[[Files], SpoolBench], tmp_path: Path
) -> None:
    """P8: at every look of two weeks a unit that keeps copies says what one says that keeps none, wherever it ends."""
    cards = [Card(make_bench(REAL), tmp_path / str(days), REAL) for days in (0, 30)]
    keep_until = [None, NOW + timedelta(days=30)]
    weeks = ["2026-w36"] * 7 + ["2026-w37"] * 7
    for day, in_force in enumerate(weeks):
        said = []
        for card, until in zip(cards, keep_until, strict=True):
            if in_force == EPOCH:
                card.deliver(card.bench.record(1), keep_until=until)
            card.look(NOW + timedelta(days=day), in_force=in_force)
            held = HeldEpochs(card.bench.store, card.bench.recorder.verifying)
            said.append(name_held((*held.look(), in_force)))
        assert said == [((in_force,), False)] * 2, day
    assert [card.bench.store.recordings() for card in cards] == [(), ()]


def test_copy_goes_at_once_when_a_newer_receipt_lets_go(bench: SpoolBench, card: Card) -> None:
    """P8: what its owner deletes; and what is backed up."""
    deleted, backed_up, other = (bench.record() for _ in range(3))
    for recording in (deleted, backed_up, other):
        card.deliver(recording)
    card.look()
    assert len(bench.store.recordings()) == 3
    card.deliver(deleted, version=2, keep_until=None)
    card.deliver(backed_up, version=2, backed_up_at=NOW)
    card.look()
    assert bench.store.recordings() == (other,)
    assert card.releaser.kept_bytes == card.size_bytes(other)


def test_withdrawal_takes_a_copy_as_everything_else(bench: SpoolBench, card: Card) -> None:
    """What consent no longer covers goes, kept or not."""
    recording = bench.record()
    card.deliver(recording)
    card.look()
    withdrawal = Withdrawal(
        generation=1, version=1, issued_at=NOW, expires_at=NOW + WEEK, device=bench.device, recordings=(recording,)
    )
    (card.state / "withdrawal").write_bytes(issue_document(withdrawal, card.key))
    card.look()
    assert bench.store.recordings() == ()
    assert card.releaser.give_way(1) == 0


def test_copies_give_way_oldest_first_and_nothing_else_does(bench: SpoolBench, card: Card) -> None:
    """P5: however much space is asked for, what no receipt covers stays."""
    first, second, waiting = (bench.record() for _ in range(3))
    opened = bench.record(reason=None)
    discarded = bench.record(reason=CloseReason.DISCARDED)
    card.deliver(first, keep_until=UNTIL - DAY)
    card.deliver(second)
    card.look()
    assert card.releaser.give_way(1) == 1
    assert set(bench.store.recordings()) == {second, waiting, opened, discarded}
    assert card.releaser.give_way(2**40) == 1
    assert set(bench.store.recordings()) == {waiting, opened, discarded}
    assert card.releaser.give_way(2**40) == 0
    card.look()
    assert set(bench.store.recordings()) == {waiting, opened, discarded}


def test_part_that_is_delivered_is_kept_and_gives_way_without_the_rest(bench: SpoolBench, card: Card) -> None:
    """Of a recording that is still arriving the segments that are named may go; its key and the others stay."""
    recording = bench.record(3)
    named = [item for item in receipt_items(bench.manifest(recording)) if item.index in (0, 1, 2)]
    card.deliver(recording, items=tuple(named))
    card.look()
    kept = sum(item.size_bytes for item in named[1:])
    assert (card.releaser.kept_bytes, card.releaser.delivered()) == (kept, frozenset())
    assert card.releaser.give_way(1) == 1
    card.look()
    present = [index for index in range(4) if bench.store.size_bytes(recording, index) is not None]
    assert present == [KEY_INDEX, 3]
    assert card.releaser.kept_bytes == 0


def test_what_is_wanted_again_stays_when_its_copy_would_be_over(bench: SpoolBench, card: Card) -> None:
    """P5: the controller's disk has damaged an object; no receipt names it any more, and here may be the last of it."""
    recording = bench.record(3)
    card.deliver(recording)
    card.look()
    items = tuple(item for item in receipt_items(bench.manifest(recording)) if item.index != 2)
    card.deliver(recording, version=2, items=items, wanted=(2,))
    card.look()
    assert card.releaser.delivered() == frozenset()
    card.releaser.give_way(2**40)
    card.look(UNTIL + WEEK, in_force=None)
    present = [index for index in range(4) if bench.store.size_bytes(recording, index) is not None]
    assert present == [KEY_INDEX, 2]


def test_rest_of_a_copy_is_not_kept(bench: SpoolBench, card: Card) -> None:
    """When a part gave way before the rest was delivered, what is left repairs nothing: it goes with the receipt."""
    recording = bench.record(3)
    named = [item for item in receipt_items(bench.manifest(recording)) if item.index in (0, 1)]
    card.deliver(recording, items=tuple(named))
    card.look()
    assert card.releaser.give_way(1) == 1
    card.deliver(recording, version=2)
    card.look()
    assert bench.store.recordings() == ()


def test_copy_whose_manifest_changes_is_none(bench: SpoolBench, card: Card) -> None:
    """What cannot be believed any more gives way to nothing, and stays as before."""
    recording = bench.record()
    card.deliver(recording)
    card.look()
    path = bench.store.manifest_path(recording)
    path.write_bytes(path.read_bytes().replace(b'"stopped"', b'"discarded"'))
    card.look()
    assert (card.releaser.kept_bytes, card.releaser.give_way(2**40)) == (0, 0)
    assert bench.store.recordings() == (recording,)


def cards(make_bench: Callable[[Files], SpoolBench], folder: Path, kind: str) -> Iterator[tuple[int, Card, list[str]]]:
    """Number the operations by which two copies give way, each with a card on which they lie, beside one that waits."""
    bench = make_bench(REAL)
    files = CountingFiles()
    learning = laid(bench, folder / "learning")
    learning.bench.store.files = files
    learning.releaser.give_way(2**40)
    for at in range(1, len(files.names) + 1):
        yield at, laid(make_bench(REAL), folder / f"{kind}-{at}"), files.names


def laid(bench: SpoolBench, state: Path) -> Card:
    """Lay two copies and a recording that waits onto a card, and look once."""
    card = Card(bench, state, REAL)
    for until in (UNTIL, UNTIL - DAY):
        card.deliver(bench.record(2), keep_until=until)
    bench.record(2)
    card.look()
    assert len(card.releaser.delivered()) == 2
    return card


def check_after(card: Card) -> None:
    """Whatever was cut off: the next look brings order, what waits is whole, and no half of a copy stays."""
    card.restart(REAL)
    card.look()
    names = card.bench.store.recordings()
    kept = card.releaser.delivered()
    waiting = set(names) - kept
    assert len(waiting) == 1
    for name in names:
        manifest = card.bench.manifest(name)
        for index in manifest.objects():
            expected = manifest.expected(index)
            assert expected is not None
            assert card.bench.store.size_bytes(name, index) == expected[1]
    card.look(UNTIL)
    assert set(card.bench.store.recordings()) == waiting


def test_way_that_is_cut_off_by_a_kill_is_gone_on_with(
    make_bench: Callable[[Files], SpoolBench], tmp_path: Path
) -> None:
    """kill -9 at each operation: a copy is whole, or the next start erases the rest of it."""
    for at, card, _ in cards(make_bench, tmp_path, "killed"):
        card.bench.store.files = KilledFiles(at)
        with pytest.raises(Cut):
            card.releaser.give_way(2**40)
        check_after(card)


def test_way_that_is_cut_off_by_the_power_is_gone_on_with(
    make_bench: Callable[[Files], SpoolBench], tmp_path: Path
) -> None:
    """No power at each operation: names that were not synchronised come back, and are erased, or are a whole copy."""
    for at, card, _ in cards(make_bench, tmp_path, "power"):
        files = PoweredFiles(card.bench.root, at, Tail.NOTHING)
        files.take_as_durable()
        card.bench.store.files = files
        with pytest.raises(Cut):
            card.releaser.give_way(2**40)
        files.leave()
        check_after(card)


def test_way_that_the_card_refuses_is_tried_again(make_bench: Callable[[Files], SpoolBench], tmp_path: Path) -> None:
    """An operation that is refused once costs nothing: the same process goes on at its next look."""
    for at, card, names in cards(make_bench, tmp_path, "refused"):
        files = RefusingFiles(at)
        card.bench.store.files = files
        with suppress(OSError):
            card.releaser.give_way(2**40)
        assert len(files.names) >= at, names[at - 1]
        card.look()
        card.releaser.give_way(2**40)
        assert len(card.bench.store.recordings()) == 1, names[at - 1]

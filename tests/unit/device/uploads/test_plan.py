"""The uploader's plan: which step comes next, and what a record becomes after each outcome. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.uploads.plan import (
    AskForLease,
    FetchReceipt,
    Item,
    Patience,
    Rest,
    SendManifest,
    SendObject,
    SpooledObject,
    SpooledRecording,
    Step,
    UploadRecord,
    note_damaged,
    note_delivered,
    note_failure,
    note_manifest,
    note_no_receipt,
    plan_next,
    waiting_bytes,
)
from protocol.documents import Lease, Receipt, ReceiptItem
from tests.unit.device.uploads.conftest import NOW

DEVICE = "a" * 26
HEAD = "1" * 64


def make_recording(name: str = "b", *, hours: int = 0, objects: int = 3) -> SpooledRecording:
    return SpooledRecording(
        recording=name * 25 + "a",
        began_at=NOW - timedelta(hours=10 - hours),
        manifest_lines=9,
        manifest_head=HEAD,
        objects=tuple(SpooledObject(index=at, digest=f"{at:064d}", size_bytes=100 + at) for at in range(objects)),
    )


def make_receipt(recording: SpooledRecording, indexes: tuple[int, ...] = (0, 1, 2)) -> Receipt:
    chosen = [one for one in recording.objects if one.index in indexes]
    return Receipt(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=NOW + timedelta(days=1),
        device=DEVICE,
        recording=recording.recording,
        manifest_lines=recording.manifest_lines,
        manifest_head=recording.manifest_head,
        items=tuple(ReceiptItem(index=o.index, digest=o.digest, size_bytes=o.size_bytes) for o in chosen),
    )


LEASE = Lease(
    generation=1,
    version=1,
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=1),
    device=DEVICE,
    lease=DEVICE,
    fence=1,
    rate_bps=1000,
    not_before=NOW,
)


def item(recording: SpooledRecording, record: UploadRecord | None = None, receipt: Receipt | None = None) -> Item:
    known = record or UploadRecord(recording=recording.recording)
    return Item(recording=recording, record=known, receipt=lambda: receipt)


def told(recording: SpooledRecording, wanted: tuple[int, ...]) -> UploadRecord:
    record = UploadRecord(recording=recording.recording)
    return note_manifest(record, recording, lines=recording.manifest_lines, wanted=wanted)


@pytest.mark.parametrize(
    ("lease", "at"),
    [(None, NOW), (LEASE, NOW - timedelta(seconds=1)), (LEASE, LEASE.not_after), (LEASE, NOW + timedelta(days=1))],
)
def test_plan_asks_for_a_lease_when_none_holds(lease: Lease | None, at: datetime) -> None:
    """Without a lease, before its beginning, and from its last instant on, nothing is sent."""
    assert plan_next([item(make_recording())], lease, at) == AskForLease()


def test_plan_begins_with_the_manifest() -> None:
    """Of a recording that nothing is known of, the manifest comes first."""
    recording = make_recording()
    assert plan_next([item(recording)], LEASE, NOW) == SendManifest(recording)


@pytest.mark.parametrize(
    ("wanted", "expected"), [((2, 0, 1), 0), ((2, 1), 1), ((2,), 2)], ids=["key first", "then 1", "then 2"]
)
def test_plan_sends_the_lowest_wanted_object(wanted: tuple[int, ...], expected: int) -> None:
    """`key.age` (0) leaves before the segments, and these in order."""
    recording = make_recording()
    assert plan_next([item(recording, told(recording, wanted))], LEASE, NOW) == SendObject(recording, expected)


def test_plan_fetches_the_receipt_when_nothing_is_wanted() -> None:
    """When the controller wants nothing more, the receipt is asked for."""
    recording = make_recording()
    assert plan_next([item(recording, told(recording, ()))], LEASE, NOW) == FetchReceipt(recording)


def test_plan_rests_when_the_receipt_covers_everything() -> None:
    """A receipt for all objects and the whole manifest ends the work, whatever the record says."""
    recording = make_recording()
    assert plan_next([item(recording, None, make_receipt(recording))], LEASE, NOW) == Rest()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: replace(r, items=r.items[:2]),
        lambda r: replace(r, manifest_head="2" * 64),
        lambda r: replace(r, items=(*r.items[:2], replace(r.items[2], digest="f" * 64))),
        lambda r: replace(r, items=(*r.items[:2], replace(r.items[2], size_bytes=1))),
    ],
    ids=["an object misses", "another manifest", "another digest", "another length"],
)
def test_plan_believes_no_receipt_that_covers_less(spoil: Callable[[Receipt], Receipt]) -> None:
    """A receipt that names fewer objects, or others, does not end the work."""
    recording = make_recording()
    receipt = spoil(make_receipt(recording))
    assert plan_next([item(recording, None, receipt)], LEASE, NOW) == SendManifest(recording)


def test_plan_goes_on_with_the_next_recording_while_one_waits() -> None:
    """A recording whose next attempt is later does not hold up a younger one; all waiting means rest until then."""
    old, young = make_recording("b"), make_recording("c", hours=1)
    waiting = note_failure(UploadRecord(recording=old.recording), "no", now=NOW, delay_s=60)
    assert plan_next([item(young), item(old, waiting)], LEASE, NOW) == SendManifest(young)
    assert plan_next([item(old, waiting)], LEASE, NOW) == Rest(NOW + timedelta(seconds=60))
    assert plan_next([item(old, waiting)], LEASE, NOW + timedelta(seconds=60)) == SendManifest(old)


def test_plan_lets_others_go_first_after_three_failures() -> None:
    """A hiccup does not change the order; a recording that keeps failing never holds up the others."""
    old, young = make_recording("b"), make_recording("c", hours=1)
    record = UploadRecord(recording=old.recording)
    for failures, first in ((0, old), (1, old), (2, old), (3, young), (9, young)):
        items = [item(young), item(old, replace(record, failures=failures))]
        assert plan_next(items, LEASE, NOW) == SendManifest(first)
    both = [item(one, UploadRecord(recording=one.recording, failures=5)) for one in (young, old)]
    assert plan_next(both, LEASE, NOW) == SendManifest(old)


def test_plan_skips_damaged_objects() -> None:
    """What cannot be sent from this card is not tried; the rest is, and then the receipt."""
    recording = make_recording()
    record = note_damaged(told(recording, (1, 2)), 1, "edited")
    assert plan_next([item(recording, record)], LEASE, NOW) == SendObject(recording, 2)
    rest = note_delivered(record, 2)
    assert plan_next([item(recording, rest)], LEASE, NOW) == FetchReceipt(recording)
    assert rest.needs_person == "edited"


def test_a_partial_manifest_goes_on_and_is_sent_again_after_the_receipt() -> None:
    """Fewer lines acknowledged than sent lead to the receipt first, so that no loop of manifests begins."""
    recording = make_recording()
    record = note_manifest(UploadRecord(recording=recording.recording), recording, lines=8, wanted=())
    assert plan_next([item(recording, record)], LEASE, NOW) == FetchReceipt(recording)
    waiting = note_no_receipt(record, "no receipt", now=NOW, delay_s=5)
    assert plan_next([item(recording, waiting)], LEASE, NOW + timedelta(seconds=5)) == SendManifest(recording)


def test_wishes_that_the_manifest_does_not_name_are_ignored() -> None:
    """A controller cannot make the uploader look for files that the recorder never named."""
    recording = make_recording()
    assert told(recording, (1, 7, -1, 999_999)).wanted == (1,)


def test_progress_forgets_failures_and_idle_answers_do_not() -> None:
    """A delivered object resets the count; the same wishes once more do not, so that a day without progress shows."""
    recording = make_recording()
    failed = note_failure(told(recording, (1, 2)), "no", now=NOW, delay_s=1)
    again = note_manifest(failed, recording, lines=9, wanted=(1, 2))
    assert again.failures == 1
    assert note_manifest(failed, recording, lines=9, wanted=(2,)).failures == 0
    assert note_delivered(failed, 1).failures == 0


def test_a_day_without_progress_needs_a_person() -> None:
    """Failures over less than a day need nobody; from a day on the last reason is shown."""
    record = UploadRecord(recording=DEVICE)
    for hour in range(24):
        record = note_failure(record, f"reason {hour}", now=NOW + timedelta(hours=hour), delay_s=1)
        assert record.needs_person == ""
    record = note_failure(record, "the last", now=NOW + timedelta(hours=24), delay_s=1)
    assert record.needs_person == "the last"


def test_two_failures_with_free_days_between_need_nobody() -> None:
    """One as Friday's window closes, the next as Monday's opens: the line was closed between, nothing was tried."""
    friday = note_failure(UploadRecord(recording=DEVICE), "no answer", now=NOW, delay_s=1)
    monday = note_failure(friday, "no answer", now=NOW + timedelta(days=3), delay_s=1)
    assert (monday.failures, monday.needs_person) == (2, "")


def test_a_clock_that_jumps_back_does_not_break_the_count() -> None:
    """When the clock is set back, the first failure moves with it instead of lying in the future."""
    record = note_failure(UploadRecord(recording=DEVICE), "no", now=NOW, delay_s=1)
    record = note_failure(record, "no", now=NOW - timedelta(days=9), delay_s=1)
    assert record.first_failure_at == NOW - timedelta(days=9)


def test_a_missing_receipt_asks_for_the_wishes_again() -> None:
    """Without a covering receipt the manifest is sent again, after the delay; after a day if our card is damaged."""
    recording = make_recording()
    record = note_no_receipt(told(recording, ()), "no receipt", now=NOW, delay_s=5)
    assert plan_next([item(recording, record)], LEASE, NOW + timedelta(seconds=5)) == SendManifest(recording)
    damaged = note_no_receipt(note_damaged(told(recording, (1,)), 1, "edited"), "no receipt", now=NOW, delay_s=5)
    assert damaged.retry_at == NOW + timedelta(days=1)
    assert damaged.needs_person == "edited"


@given(failures=st.integers(0, 10**9), jitter=st.floats(0, 1, exclude_max=True))
def test_patience_stays_within_its_bounds(failures: int, jitter: float) -> None:
    """However often something failed, the delay is at least half the least and at most the most."""
    assert 0.5 <= Patience(least_s=1, most_s=300).delay_s(failures, jitter) <= 300


@given(st.lists(st.sampled_from(["deliver", "fail", "lose", "no receipt", "grow"]), max_size=30))
def test_any_history_ends_when_things_go_well(history: list[str]) -> None:
    """After whatever happened, a run of successes leads to rest within a bounded number of steps."""
    recording, held = make_recording(), set[int]()
    record, now = UploadRecord(recording=recording.recording), NOW
    for event in history:
        step = plan_next([item(recording, record)], replace(LEASE, expires_at=now + timedelta(days=99)), now)
        if event == "lose" and held:
            held.pop()
        elif event == "fail":
            record = note_failure(record, "no", now=now, delay_s=1)
        elif event == "no receipt":
            record = note_no_receipt(record, "none", now=now, delay_s=1)
        elif event == "grow":
            recording = replace(recording, manifest_head=f"{int(recording.manifest_head, 16) + 1:064x}")
        else:
            record, _ = succeed(step, recording, record, held)
        now += timedelta(seconds=2)
    receipt: Receipt | None = None
    for _ in range(12):
        step = plan_next([item(recording, record, receipt)], replace(LEASE, expires_at=now + timedelta(days=99)), now)
        if isinstance(step, Rest):
            break
        record, receipt = succeed(step, recording, record, held)
        if isinstance(step, FetchReceipt) and not recording.is_covered_by(receipt):
            record = note_no_receipt(record, "none", now=now, delay_s=0)
        now += timedelta(seconds=2)
    assert isinstance(step, Rest)
    assert held == {0, 1, 2}


def succeed(
    step: Step, recording: SpooledRecording, record: UploadRecord, held: set[int]
) -> tuple[UploadRecord, Receipt | None]:
    """Let a controller that works answer a step."""
    match step:
        case SendManifest():
            missing = tuple(one.index for one in recording.objects if one.index not in held)
            return note_manifest(record, recording, lines=9, wanted=missing), None
        case SendObject(_, index):
            held.add(index)
            return note_delivered(record, index), None
        case FetchReceipt():
            return record, make_receipt(recording, tuple(held))
        case _:
            return record, None


def test_waiting_bytes_count_what_is_not_delivered() -> None:
    """What waits is everything at first, and nothing when all objects were delivered."""
    recording = make_recording()
    assert waiting_bytes(recording, None) == 100 + 101 + 102
    assert waiting_bytes(recording, note_delivered(told(recording, (0, 1, 2)), 1)) == 100 + 102
    assert waiting_bytes(recording, told(recording, ())) == 0

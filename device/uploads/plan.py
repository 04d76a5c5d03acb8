"""Decides what the uploader does next: which recording, which object, ask for the receipt, or wait. Pure.

The oldest closed recording comes first, after the one that the lease names: its manifest, then what the controller
wants of it, `key.age` before the segments, then the receipt. A failure delays its own recording, ever longer, and never
ends the trying; after a few it lets the others go first, after a day it needs a person, and says why. Discarded and
unfinished recordings are never planned. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias

from protocol.backlog import Backlog
from protocol.documents import Lease, Receipt

NEEDS_PERSON_AFTER = timedelta(days=1)
NEEDS_PERSON_FAILURES = 5
"""So many at least: one failure before a free day and one after it are a day apart, and no trouble of a day."""
LOOK_AGAIN_AFTER = timedelta(days=1)
STEPS_BACK_AFTER = 3


@dataclass(frozen=True, kw_only=True)
class SpooledObject:
    """One object of a recording as the signed manifest names it; index 0 is `key.age`."""

    index: int
    digest: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class SpooledRecording:
    """A closed recording in the spool, as its verified manifest tells it."""

    recording: str
    began_at: datetime
    manifest_lines: int
    manifest_head: str
    objects: tuple[SpooledObject, ...]

    def find(self, index: int) -> SpooledObject:
        """Give the object with that index; raise `KeyError` when the manifest names none."""
        for one in self.objects:
            if one.index == index:
                return one
        raise KeyError(f"recording {self.recording}: the manifest names no object {index}")

    def is_covered_by(self, receipt: Receipt | None) -> bool:
        """Tell whether a receipt names this whole manifest and every object of it, byte for byte."""
        if receipt is None or receipt.manifest_head != self.manifest_head:
            return False
        return len(self.named_in(receipt)) == len(self.objects)

    def named_in(self, receipt: Receipt | None) -> frozenset[SpooledObject]:
        """Give the objects that a receipt names byte for byte: the recorder lets go of them when it needs the space."""
        held = {(item.index, item.digest, item.size_bytes) for item in receipt.items} if receipt else set()
        return frozenset(one for one in self.objects if (one.index, one.digest, one.size_bytes) in held)


@dataclass(frozen=True, kw_only=True)
class UploadRecord:
    """What the uploader remembers of one recording, durably, in `uploads/<recording>`.

    `manifest_head` is the end of the manifest that was sent last, `manifest_lines` how much of it the controller
    acknowledged, `wanted` what it still asks for,
    `damaged` what cannot be sent from this card. `upload` is the address of the upload that object `upload_index` was
    last sent to. `ask_again` says that the controller's wishes must be asked for anew.
    """

    recording: str
    manifest_lines: int = 0
    manifest_head: str = ""
    wanted: tuple[int, ...] = ()
    delivered: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()
    upload_index: int | None = None
    upload: str = ""
    ask_again: bool = False
    failures: int = 0
    first_failure_at: datetime | None = None
    retry_at: datetime | None = None
    reason: str = ""
    needs_person: str = ""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to wait after failures: from `least_s`, doubled each time, up to `most_s`."""

    least_s: float
    most_s: float

    def delay_s(self, failures: int, jitter: float) -> float:
        """Give the delay after so many failures; `jitter`, from 0 up to 1, takes away up to half of it."""
        return min(self.most_s, self.least_s * 2.0 ** min(max(failures - 1, 0), 40)) * (1 - jitter / 2)


@dataclass(frozen=True)
class SendManifest:
    """Send the recording's whole manifest and learn what is wanted."""

    recording: SpooledRecording


@dataclass(frozen=True)
class SendObject:
    """Send one object of a recording."""

    recording: SpooledRecording
    index: int


@dataclass(frozen=True)
class FetchReceipt:
    """Everything was sent: ask for the receipt."""

    recording: SpooledRecording


@dataclass(frozen=True)
class AskForLease:
    """No lease is in force: ask the controller for one."""


@dataclass(frozen=True)
class Rest:
    """Nothing to do; `until` is when something will be, if that is known."""

    until: datetime | None = None


Step: TypeAlias = SendManifest | SendObject | FetchReceipt | AskForLease | Rest


@dataclass(frozen=True, kw_only=True)
class Item:
    """One recording with what is remembered of it; `receipt` looks for the verified receipt when it is needed."""

    recording: SpooledRecording
    record: UploadRecord
    receipt: Callable[[], Receipt | None]


def holds(lease: Lease, now: datetime) -> bool:
    """Tell whether a lease permits sending at this time."""
    return lease.not_before <= now < lease.not_after


def plan_next(items: Iterable[Item], lease: Lease | None, now: datetime) -> Step:
    """Decide the next step. Without a lease that holds now nothing is sent."""
    if lease is None or not holds(lease, now):
        return AskForLease()
    delayed: list[datetime] = []
    for item in sorted(items, key=partial(_turn, first=lease.first)):
        step = _plan_recording(item)
        if step is None:
            continue
        if item.record.retry_at is None or item.record.retry_at <= now:
            return step
        delayed.append(item.record.retry_at)
    return Rest(min(delayed, default=None))


def _turn(item: Item, *, first: str | None) -> tuple[int, bool, datetime, str]:
    """Order recordings: the one its owner needs today, then the oldest; those that keep failing come last."""
    failures, name = item.record.failures, item.recording.recording
    return (failures if failures >= STEPS_BACK_AFTER else 0, name != first, item.recording.began_at, name)


def _plan_recording(item: Item) -> Step | None:
    recording, record = item.recording, item.record
    if recording.is_covered_by(item.receipt()):
        return None
    if record.ask_again or record.manifest_head != recording.manifest_head:
        return SendManifest(recording)
    wanted = sorted(set(record.wanted) - set(record.damaged))
    return SendObject(recording, wanted[0]) if wanted else FetchReceipt(recording)


def note_manifest(
    record: UploadRecord, recording: SpooledRecording, *, lines: int, wanted: Iterable[int]
) -> UploadRecord:
    """Note what the controller wants; more of the manifest than before, or fewer wishes, is progress.

    That fewer lines were acknowledged than were sent is no reason to send them at once again: the receipt will not
    cover the recording then, and that is.
    """
    known = {one.index for one in recording.objects}
    wishes = tuple(sorted(known & set(wanted)))
    noted = replace(
        record,
        manifest_lines=lines,
        manifest_head=recording.manifest_head,
        wanted=wishes,
        delivered=tuple(sorted(known - set(wishes))),
        damaged=(),
        ask_again=False,
    )
    progress = noted.manifest_head != record.manifest_head or len(wishes) < len(record.wanted)
    return note_progress(noted) if progress else noted


def note_upload(record: UploadRecord, index: int, upload: str) -> UploadRecord:
    """Note where an object is being sent to, so that a restart goes on there; "" forgets it."""
    return replace(record, upload_index=index if upload else None, upload=upload)


def note_delivered(record: UploadRecord, index: int) -> UploadRecord:
    """Note that the controller has all bytes of an object: that is progress."""
    noted = replace(
        record,
        wanted=tuple(one for one in record.wanted if one != index),
        delivered=tuple(sorted({*record.delivered, index})),
        upload_index=None,
        upload="",
    )
    return note_progress(noted)


def note_progress(record: UploadRecord) -> UploadRecord:
    """Forget earlier failures, but not that objects on this card are damaged."""
    return replace(
        record,
        failures=0,
        first_failure_at=None,
        retry_at=None,
        reason="",
        needs_person=record.needs_person if record.damaged else "",
    )


def note_failure(record: UploadRecord, reason: str, *, now: datetime, delay_s: float) -> UploadRecord:
    """Note a failure and when to try again; after a day of trying without progress a person is needed."""
    first = min(record.first_failure_at or now, now)
    is_long = now - first >= NEEDS_PERSON_AFTER and record.failures + 1 >= NEEDS_PERSON_FAILURES
    needs_person = reason if is_long else record.needs_person
    return replace(
        record,
        failures=record.failures + 1,
        first_failure_at=first,
        retry_at=now + timedelta(seconds=delay_s),
        reason=reason,
        needs_person=needs_person,
    )


def note_damaged(record: UploadRecord, index: int, reason: str) -> UploadRecord:
    """Note that an object on this card is not what the manifest signed: a person is needed, the others go on."""
    return replace(
        record, damaged=tuple(sorted({*record.damaged, index})), reason=reason, needs_person=reason, upload=""
    )


def note_no_receipt(record: UploadRecord, reason: str, *, now: datetime, delay_s: float) -> UploadRecord:
    """Note that the receipt does not cover everything yet: ask again what is wanted, a day later if it is our card."""
    wait_s = LOOK_AGAIN_AFTER.total_seconds() if record.damaged else delay_s
    noted = note_failure(record, record.needs_person or reason, now=now, delay_s=wait_s)
    return replace(noted, ask_again=True)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What waits on a unit, and when the oldest waiting recording began."""

    backlog: Backlog
    oldest_at: datetime | None = None


def decide_due(waiting: int, *, free_bytes: int, missing_bytes: int, day_bytes: int) -> int:
    """Tell how many of the waiting bytes must leave so that `day_bytes` more fit on the card beside its reserve.

    `missing_bytes` is what the reserve still lacks; what a receipt names counts as free, for it gives way.
    """
    return min(waiting, max(0, day_bytes + missing_bytes - free_bytes))


def waiting_bytes(recording: SpooledRecording, record: UploadRecord | None, receipt: Receipt | None = None) -> int:
    """Add up what of a recording has not been delivered yet, or is wanted again."""
    wanted = set(receipt.wanted or ()) if receipt else set()
    delivered = set(record.delivered) - wanted if record else set()
    named = recording.named_in(receipt)
    return sum(one.size_bytes for one in recording.objects if one.index not in delivered and one not in named)

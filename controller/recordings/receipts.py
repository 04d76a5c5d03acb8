"""Receipts: the controller's signed statement of what it holds of a recording, issued when something became durable.

One receipt names everything that is held, so that many objects need one signature. Versions count per device: an
acknowledgement then names one receipt. What a receipt says is committed before it is signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices.models import Device
from controller.recordings import repo
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.policy import decide_keeping
from controller.services import Services
from protocol.documents import Receipt, ReceiptItem, issue_document
from protocol.signing import split_line
from protocol.topics import Down

COPIES_LAST = timedelta(days=21)
"""No unit has a copy of what it delivered for longer: it lets go with the epoch, a week."""
TOLD_AT_ONCE = 50
FRESH = timedelta(days=2)
"""So long a new receipt is among the documents: for a unit whose lease ended before it could ask."""
LASTS = timedelta(days=3650)  # that bytes were taken in stays true; a document must end some time


def issue_receipt(services: Services, session: Session, row: Recording) -> bytes:
    """Sign a receipt of everything held of a recording and put it into the outbox; call inside a writing session."""
    device = session.get_one(Device, row.device, with_for_update=True)
    draft = _describe(services, session, row, version=device.receipt_version + 1, now=services.clock())
    signed = _sign(services, draft)
    _store(session, device, row, signed)
    return signed.line


@dataclass(frozen=True)
class _Signed:
    """A receipt and its signed line."""

    receipt: Receipt
    line: bytes


def _describe(services: Services, session: Session, row: Recording, *, version: int, now: datetime) -> Receipt:
    held = repo.held_objects(session, row.id)
    days = services.config.retention.keep_delivered_days
    return Receipt(
        generation=services.config.controller.generation,
        version=version,
        issued_at=now,
        expires_at=now + LASTS,
        device=row.device,
        recording=row.id,
        manifest_lines=row.manifest_lines,
        manifest_head=row.manifest_head,
        items=tuple(_item(each) for each in held if each.damaged_at is None),
        keep_until=decide_keeping(row.state, ready_at=row.ready_at, now=now, days=days),
        wanted=tuple(each.object_index for each in held if each.damaged_at is not None) or None,
    )


def _item(held: HeldObject) -> ReceiptItem:
    return ReceiptItem(index=held.object_index, digest=held.digest, size_bytes=held.size_bytes)


def _sign(services: Services, receipt: Receipt) -> _Signed:
    return _Signed(receipt, issue_document(receipt, services.keys.receipt))


def _store(session: Session, device: Device, row: Recording, signed: _Signed) -> None:
    receipt = signed.receipt
    device.receipt_version = receipt.version
    row.receipt_due, row.receipt_version = False, receipt.version
    row.receipt_line, row.receipt_issued_at = signed.line, receipt.issued_at
    outbox.enqueue(session, device=row.device, kind=Down.RECEIPT, line=signed.line, now=receipt.issued_at)


def issue_due(services: Services, most: int = 200) -> int:
    """Issue the receipts that are due and that no unit has fetched, at most `most`; tell how many were.

    They are read and signed before the database is locked: whoever takes in an object would wait for it meanwhile. One
    that does not say any more what is held, or whose device got another one meanwhile, stays due.
    """
    with services.database.reading() as session:
        due = session.scalars(select(Recording).where(Recording.receipt_due).limit(most)).all()
        versions = {row.device: session.get_one(Device, row.device).receipt_version for row in due}
        drafts = []
        for row in due:
            versions[row.device] += 1
            drafts.append(_describe(services, session, row, version=versions[row.device], now=services.clock()))
    signed = [_sign(services, draft) for draft in drafts]
    if not signed:
        return 0
    with services.database.writing() as session:
        return sum(_store_if_true(services, session, one) for one in signed)


def _store_if_true(services: Services, session: Session, signed: _Signed) -> bool:
    receipt = signed.receipt
    device = session.get_one(Device, receipt.device, with_for_update=True)
    row = session.get_one(Recording, receipt.recording, with_for_update=True)
    if device.receipt_version >= receipt.version:
        return False
    if receipt != _describe(services, session, row, version=receipt.version, now=receipt.issued_at):
        return False
    _store(session, device, row, signed)
    return True


def untold(session: Session, device: str, now: datetime) -> Sequence[bytes]:
    """Give the receipts by which a unit has to let go of a copy or is asked for an object again, then the new ones.

    For a unit that hears no broker; one that said that it has a receipt is not told again.
    """
    damaged = select(HeldObject.recording).where(HeldObject.damaged_at.is_not(None))
    is_over = Recording.state.in_((RecordingState.LOCKED, RecordingState.DESTROYED))
    mine = (
        Recording.device == device,
        Recording.receipt_line.is_not(None),
        Recording.receipt_acked < Recording.receipt_version,
        Recording.began_at > now - COPIES_LAST,
    )
    takes_back = is_over | Recording.id.in_(damaged)
    asked = select(Recording.receipt_line).where(*mine, takes_back | (Recording.receipt_issued_at > now - FRESH))
    order = (takes_back.desc(), Recording.receipt_version.desc())
    return [line for line in session.scalars(asked.order_by(*order).limit(TOLD_AT_ONCE)) if line]


def receipt_of(services: Services, recording: str) -> bytes | None:
    """Give the newest receipt of a recording, signing one first if something became durable or its key was retired."""
    with services.database.reading() as session:
        row = session.get(Recording, recording)
        if row is None or not _wants_signing(services, row):
            return row.receipt_line if row else None
    with services.database.writing() as session:
        row = session.get_one(Recording, recording)
        return issue_receipt(services, session, row) if _wants_signing(services, row) else row.receipt_line


def _wants_signing(services: Services, row: Recording) -> bool:
    """Tell whether something became durable, or the key that signed last is no longer believed."""
    if row.receipt_due or row.receipt_line is None:
        return row.receipt_due
    believed = services.keys.trust.keys_for(Receipt.SIGNED_FOR)
    return split_line(row.receipt_line).key_id not in {key.key_id for key in believed}

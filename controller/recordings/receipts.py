"""Receipts: the controller's signed statement of what it holds of a recording, issued when something became durable.

One receipt names everything that is held, so that many objects need one signature. Versions count per device: an
acknowledgement then names one receipt. What a receipt says is committed before it is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices.models import Device
from controller.recordings import repo
from controller.recordings.models import Recording
from controller.services import Services
from protocol.documents import Receipt, ReceiptItem, issue_document
from protocol.signing import split_line
from protocol.topics import Down

LASTS = timedelta(days=3650)  # that bytes were taken in stays true; a document must end some time


def issue_receipt(services: Services, session: Session, row: Recording) -> bytes:
    """Sign a receipt of everything held of a recording and put it into the outbox; call inside a writing session."""
    device = session.get_one(Device, row.device, with_for_update=True)
    signed = _sign(services, _describe(services, session, row, device.receipt_version + 1))
    _store(session, device, row, signed)
    return signed.line


@dataclass(frozen=True)
class _Signed:
    """A receipt and its signed line."""

    receipt: Receipt
    line: bytes


def _describe(services: Services, session: Session, row: Recording, version: int) -> Receipt:
    now = services.clock()
    return Receipt(
        generation=services.config.controller.generation,
        version=version,
        issued_at=now,
        expires_at=now + LASTS,
        device=row.device,
        recording=row.id,
        manifest_lines=row.manifest_lines,
        manifest_head=row.manifest_head,
        items=_items(session, row),
    )


def _items(session: Session, row: Recording) -> tuple[ReceiptItem, ...]:
    return tuple(
        ReceiptItem(index=item.object_index, digest=item.digest, size_bytes=item.size_bytes)
        for item in repo.held_objects(session, row.id)
        if item.damaged_at is None
    )


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
            drafts.append(_describe(services, session, row, versions[row.device]))
    signed = [_sign(services, draft) for draft in drafts]
    if not signed:
        return 0
    with services.database.writing() as session:
        return sum(_store_if_true(session, one) for one in signed)


def _store_if_true(session: Session, signed: _Signed) -> bool:
    receipt = signed.receipt
    device = session.get_one(Device, receipt.device, with_for_update=True)
    row = session.get_one(Recording, receipt.recording, with_for_update=True)
    held = repo.held_indexes(session, row.id)
    said = (receipt.manifest_head, frozenset(item.index for item in receipt.items))
    if device.receipt_version >= receipt.version or said != (row.manifest_head, held):
        return False
    _store(session, device, row, signed)
    return True


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

"""Receipts: the controller's signed statement of what it holds of a recording, issued when something became durable.

One receipt names everything that is held, so that many objects need one signature. Versions count per device: an
acknowledgement then names one receipt. What a receipt says is committed before it is signed.
"""

from __future__ import annotations

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

AT_ONCE = 8
LASTS = timedelta(days=3650)  # that bytes were taken in stays true; a document must end some time


def issue_receipt(services: Services, session: Session, row: Recording) -> bytes:
    """Sign a receipt of everything held of a recording and put it into the outbox; call inside a writing session."""
    device = session.get_one(Device, row.device, with_for_update=True)
    now = services.clock()
    device.receipt_version += 1
    receipt = Receipt(
        generation=services.config.controller.generation,
        version=device.receipt_version,
        issued_at=now,
        expires_at=now + LASTS,
        device=row.device,
        recording=row.id,
        manifest_lines=row.manifest_lines,
        manifest_head=row.manifest_head,
        items=_items(session, row),
    )
    line = issue_document(receipt, services.keys.receipt)
    row.receipt_due, row.receipt_version = False, receipt.version
    row.receipt_line, row.receipt_issued_at = line, now
    outbox.enqueue(session, device=row.device, kind=Down.RECEIPT, line=line, now=now)
    return line


def _items(session: Session, row: Recording) -> tuple[ReceiptItem, ...]:
    return tuple(
        ReceiptItem(index=item.object_index, digest=item.digest, size_bytes=item.size_bytes)
        for item in repo.held_objects(session, row.id)
        if item.damaged_at is None
    )


def issue_due(services: Services, most: int = 200) -> int:
    """Sign the receipts that are due and that no unit has fetched, at most `most`; tell how many.

    A few at a time: whoever takes in an object waits for the database meanwhile.
    """
    issued = 0
    while issued < most:
        with services.database.writing() as session:
            due = session.scalars(select(Recording).where(Recording.receipt_due).limit(AT_ONCE)).all()
            for row in due:
                issue_receipt(services, session, row)
        issued += len(due)
        if len(due) < AT_ONCE:
            break
    return issued


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

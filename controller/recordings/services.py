"""What happens to recordings: their deletion, its undoing, and their end. Ingest stands in ingest.py.

Sessions come in; nothing here decides who may ask.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from controller.recordings import policy, repo
from controller.recordings.keystore import KeyStore
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.store import ObjectStore
from protocol.manifest import Manifest


@dataclass(frozen=True)
class Stores:
    """Where a recording lies: its sealed objects, and its key."""

    objects: ObjectStore
    keys: KeyStore


def delete_recording(row: Recording, *, now: datetime, undo_days: int) -> bool:
    """Lock a recording at its owner's word, at once; tell whether there was something to delete.

    Its unit may have been told to keep a copy: the next receipt lets go of that.
    """
    plan = policy.plan_deletion(row.state, now=now, undo_days=undo_days)
    if plan is None:
        return False
    row.state, row.locked_at, row.destroy_after = RecordingState.LOCKED, plan.locked_at, plan.destroy_after
    row.receipt_due = row.receipt_due or row.receipt_line is not None
    return True


def undo_deletion(row: Recording, *, now: datetime) -> bool:
    """Take a deletion back; tell whether that was still possible."""
    if not policy.may_undo(row.state, destroy_after=row.destroy_after, now=now):
        return False
    row.state = RecordingState.READY if row.ready_at else RecordingState.ARRIVING
    row.locked_at = row.destroy_after = None
    return True


def destroy_recording(
    session: Session, row: Recording, manifest: Manifest | None, *, stores: Stores, now: datetime
) -> None:
    """Destroy the key first, which ends the recording; then its objects. The row stays as a tombstone.

    Objects that never arrived, or were damaged, are entered as dealt with, so that the next receipt lets the unit
    release them as well: its copies, too, shall not outlive the owner's word.
    """
    stores.keys.destroy(row.id)
    stores.objects.destroy(row.id)
    row.state, row.destroyed_at, row.title = RecordingState.DESTROYED, now, ""
    row.receipt_due = True
    rows = repo.held_objects(session, row.id)
    for item in rows:
        item.damaged_at = None
    held = {item.object_index for item in rows}
    for index in manifest.objects() if manifest else ():
        expected = manifest.expected(index) if manifest else None
        if index not in held and expected:
            digest, size_bytes = expected
            session.add(
                HeldObject(recording=row.id, object_index=index, digest=digest, size_bytes=size_bytes, held_at=now)
            )

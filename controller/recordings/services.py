"""What happens to recordings: their deletion, its undoing, and their end. Ingest stands in ingest.py.

Sessions come in; nothing here decides who may ask.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from controller.recordings import policy
from controller.recordings.keystore import KeyStore
from controller.recordings.models import Recording, RecordingState
from controller.recordings.store import ObjectStore


def delete_recording(row: Recording, *, now: datetime, undo_days: int) -> bool:
    """Lock a recording at its owner's word, at once; tell whether there was something to delete."""
    plan = policy.plan_deletion(row.state, now=now, undo_days=undo_days)
    if plan is None:
        return False
    row.state, row.locked_at, row.destroy_after = RecordingState.LOCKED, plan.locked_at, plan.destroy_after
    return True


def undo_deletion(row: Recording, *, now: datetime) -> bool:
    """Take a deletion back; tell whether that was still possible."""
    if not policy.may_undo(row.state, destroy_after=row.destroy_after, now=now):
        return False
    row.state = RecordingState.READY if row.ready_at else RecordingState.ARRIVING
    row.locked_at = row.destroy_after = None
    return True


def destroy_recording(row: Recording, *, objects: ObjectStore, keys: KeyStore, now: datetime) -> None:
    """Destroy the key first, which ends the recording; then its objects. The row stays as a tombstone."""
    keys.destroy(row.id)
    objects.destroy(row.id)
    row.state, row.destroyed_at, row.title = RecordingState.DESTROYED, now, ""


def destroy_due(session: Session, rows: list[Recording], *, objects: ObjectStore, keys: KeyStore, now: datetime) -> int:
    """Destroy the recordings given; tell how many."""
    for row in rows:
        destroy_recording(row, objects=objects, keys=keys, now=now)
    session.flush()
    return len(rows)

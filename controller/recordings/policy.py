"""What may be done with a recording, by its state and time alone. Pure.

The owner deletes: locked at once, undone within some days, then destroyed for good (docs/ARCHITECTURE.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.recordings.models import RecordingState


@dataclass(frozen=True)
class Deletion:
    """When a recording was locked, and from when on it is destroyed."""

    locked_at: datetime
    destroy_after: datetime


def plan_deletion(state: RecordingState, *, now: datetime, undo_days: int) -> Deletion | None:
    """Decide a deletion by the owner; None when there is nothing left to delete."""
    if state not in (RecordingState.READY, RecordingState.ARRIVING):
        return None
    return Deletion(locked_at=now, destroy_after=now + timedelta(days=undo_days))


def may_undo(state: RecordingState, *, destroy_after: datetime | None, now: datetime) -> bool:
    """Tell whether the owner can still take the deletion back."""
    return state is RecordingState.LOCKED and destroy_after is not None and now < destroy_after


def may_play(state: RecordingState) -> bool:
    """Tell whether a recording can be watched, by whoever is allowed to."""
    return state is RecordingState.READY


def is_whole(*, closed: bool, objects: tuple[int, ...], held: frozenset[int]) -> bool:
    """Tell whether the closed manifest's objects, `key.age` among them, are all held."""
    return closed and held.issuperset(objects)

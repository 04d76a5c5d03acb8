"""What may be done with a recording, by its state and time alone. Pure.

The owner deletes: locked at once, undone within some days, then destroyed for good (docs/ARCHITECTURE.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.recordings.models import Ownership, RecordingState


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


def may_play(state: RecordingState, ownership: Ownership) -> bool:
    """Tell whether a recording can be opened at all, by whoever may: only once somebody said that it is theirs.

    Asked by the pages and, once more, by whatever takes its key out of the store.
    """
    return state is RecordingState.READY and ownership is Ownership.CONFIRMED


SHORT = timedelta(minutes=2)
"""What is shorter was often pressed by mistake; its owner is offered to discard it."""


def is_short(state: RecordingState, *, duration_ms: int, closed: bool) -> bool:
    """Tell whether a recording's owner is offered to discard it; one of which the end is not known yet is not short."""
    is_there = state in (RecordingState.READY, RecordingState.ARRIVING)
    return is_there and closed and timedelta(milliseconds=duration_ms) < SHORT


def is_whole(*, closed: bool, objects: tuple[int, ...], held: frozenset[int]) -> bool:
    """Tell whether the closed manifest's objects, `key.age` among them, are all held."""
    return closed and held.issuperset(objects)


def decide_keeping(state: RecordingState, *, ready_at: datetime | None, now: datetime, days: int) -> datetime | None:
    """Say until when a unit may keep a copy of what was delivered; None: it lets go at once.

    A copy of what its owner deleted goes at once, undone or not: the controller has what an undoing needs. The unit
    itself lets go earlier, see docs/protocol/uploads.md.
    """
    if state in (RecordingState.LOCKED, RecordingState.DESTROYED):
        return None
    until = (ready_at or now) + timedelta(days=days)
    return until if until > now else None


ASKED_FOR = timedelta(days=7)
"""How long a unit is given to send again what the server's disk damaged, until its owner is told that it is lost."""


class Damage(StrEnum):
    """What the server's disk did to a recording, as its owner is told."""

    PART_ASKED = "part_asked"
    PART_LOST = "part_lost"
    KEY_ASKED = "key_asked"
    KEY_LOST = "key_lost"


def judge_damage(*, since: datetime, lowest_index: int, now: datetime) -> Damage:
    """Judge what is damaged since an instant; without its key or manifest (index 0) nothing of a recording opens."""
    is_lost = now - since >= ASKED_FOR
    if lowest_index == 0:
        return Damage.KEY_LOST if is_lost else Damage.KEY_ASKED
    return Damage.PART_LOST if is_lost else Damage.PART_ASKED

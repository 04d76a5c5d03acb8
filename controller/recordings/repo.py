"""Reading and writing the recordings' tables. Every function takes the session; who may ask is the caller's matter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from controller.db import Database
from controller.recordings.models import BookmarkName, HeldObject, Ownership, Recording, RecordingState

_RECORDING, _HELD = cast("Table", Recording.__table__), cast("Table", HeldObject.__table__)
_LOCKED = select(_RECORDING.c.state).where(_RECORDING.c.id == bindparam("recording")).with_for_update()
_STANDING = select(Recording.state, Recording.ownership).where(Recording.id == bindparam("recording"))
_INDEXES = select(_HELD.c.object_index, _HELD.c.damaged_at).where(_HELD.c.recording == bindparam("recording"))
_REPAIRED = (
    update(_HELD)
    .where(_HELD.c.recording == bindparam("of_recording"), _HELD.c.object_index == bindparam("of_index"))
    .values(damaged_at=None, verified_at=bindparam("at"))
)
_INSERT = insert(_HELD)
_RECEIPT_DUE = update(_RECORDING).where(_RECORDING.c.id == bindparam("recording")).values(receipt_due=True)
SHOWN = (RecordingState.ARRIVING, RecordingState.READY, RecordingState.LOCKED)


def find_standing(database: Database, recording: str) -> tuple[RecordingState, Ownership] | None:
    """Give how a recording stands at this moment: for whoever is about to open it."""
    found = database.find(_STANDING, recording=recording)
    return None if found is None else (found.state, found.ownership)


def find_owned(session: Session, recording: str, owner: str) -> Recording | None:
    """Give a recording if it is `owner`'s; for everybody else it does not exist."""
    row = session.get(Recording, recording)
    return row if row and row.owner == owner else None


def recordings_of(session: Session, owner: str) -> Sequence[Recording]:
    """Give the recordings that `owner` sees on their page, the newest first; destroyed ones are not shown."""
    mine = select(Recording).where(Recording.owner == owner, Recording.state.in_(SHOWN))
    return session.scalars(mine.order_by(Recording.began_at.desc())).all()


def due_for_destruction(session: Session, now: datetime) -> Sequence[Recording]:
    """Give the locked recordings whose time to undo is over."""
    over = (Recording.state == RecordingState.LOCKED) & (Recording.destroy_after <= now)
    return session.scalars(select(Recording).where(over)).all()


def is_due_for_destruction(row: Recording, now: datetime) -> bool:
    """Tell whether the time to undo a recording's deletion is over."""
    return row.state is RecordingState.LOCKED and row.destroy_after is not None and row.destroy_after <= now


def held_objects(session: Session, recording: str) -> Sequence[HeldObject]:
    """Give what is held of a recording, in order, also what was found damaged."""
    mine = select(HeldObject).where(HeldObject.recording == recording)
    return session.scalars(mine.order_by(HeldObject.object_index)).all()


def lock_state(session: Session, recording: str) -> RecordingState | None:
    """Give a recording's state and keep others from changing it until the session ends."""
    return session.execute(_LOCKED, {"recording": recording}).scalar()


def add_held(session: Session, held: HeldObject) -> int:
    """Enter an object that is held, unless it is entered already, and a receipt as due; give how many are held now.

    One that was damaged is whole again.
    Plain statements instead of objects: this is done for every object of every lesson.
    """
    mine = {"recording": held.recording}
    rows = session.execute(_INDEXES, mine).all()
    damaged = {row.object_index for row in rows if row.damaged_at is not None}
    indexes = {row.object_index for row in rows} - damaged
    place = {"of_recording": held.recording, "of_index": held.object_index, "at": held.held_at}
    if held.object_index in damaged:
        session.execute(_REPAIRED, place)
        session.execute(_RECEIPT_DUE, mine)
    elif held.object_index not in indexes:
        names = ("recording", "object_index", "digest", "size_bytes", "held_at")
        session.execute(_INSERT, {name: getattr(held, name) for name in names})
        session.execute(_RECEIPT_DUE, mine)
    return len(indexes | {held.object_index})


def held_indexes(session: Session, recording: str) -> frozenset[int]:
    """Give the indexes of what is held of a recording, and not damaged."""
    mine = (HeldObject.recording == recording) & HeldObject.damaged_at.is_(None)
    return frozenset(session.scalars(select(HeldObject.object_index).where(mine)))


def due_for_reading(session: Session, before: datetime, *, held_before: datetime, most: int) -> Sequence[HeldObject]:
    """Give what was never read back and is held since `held_before`, then what was not read back since `before`.

    What waits longest comes first; the index of both columns serves it.
    """
    sound = select(HeldObject).where(HeldObject.damaged_at.is_(None)).limit(most)
    never = sound.where(HeldObject.verified_at.is_(None), HeldObject.held_at <= held_before)
    long_ago = sound.where(HeldObject.verified_at <= before).order_by(HeldObject.verified_at)
    due = [*session.scalars(never.order_by(HeldObject.held_at)), *session.scalars(long_ago)]
    return due[:most]


def damaged_objects(session: Session, *, most: int) -> Sequence[HeldObject]:
    """Give what was found to be damaged, the first found first."""
    return session.scalars(
        select(HeldObject).where(HeldObject.damaged_at.is_not(None)).order_by(HeldObject.damaged_at).limit(most)
    ).all()


def note_whole(session: Session, held: HeldObject, now: datetime) -> None:
    """Write down that an object was read back and is what was signed; one that was marked is held again."""
    if held.damaged_at is not None:
        held.damaged_at = None
        session.execute(_RECEIPT_DUE, {"recording": held.recording})
    held.verified_at = now


def damage_of(session: Session, recordings: Collection[str]) -> dict[str, tuple[datetime, int]]:
    """Give, of those recordings of which something is damaged, since when, and the lowest index of it."""
    found = (
        select(HeldObject.recording, func.min(HeldObject.damaged_at), func.min(HeldObject.object_index))
        .where(HeldObject.damaged_at.is_not(None), HeldObject.recording.in_(recordings))
        .group_by(HeldObject.recording)
    )
    return {recording: (since, index) for recording, since, index in session.execute(found) if since}


def damaged_since(session: Session) -> datetime | None:
    """Tell when the damage was found that is not repaired; None where there is none."""
    return session.scalar(select(func.min(HeldObject.damaged_at)))


def rename_recording(row: Recording, title: str) -> None:
    """Give a recording the title that its owner wants, at most 200 characters."""
    row.title = title.strip()[:200]


def bookmark_names(session: Session, recording: str) -> dict[int, str]:
    """Give the names of bookmarks by the number of their manifest line."""
    mine = select(BookmarkName).where(BookmarkName.recording == recording)
    return {row.line: row.name for row in session.scalars(mine)}


def name_bookmark(session: Session, *, recording: str, line: int, name: str, now: datetime) -> None:
    """Name a bookmark, again if need be; an empty name takes the name away."""
    row = session.get(BookmarkName, (recording, line))
    text = name.strip()[:200]
    if not text:
        if row:
            session.delete(row)
        return
    if row is None:
        row = BookmarkName(recording=recording, line=line, name=text, named_at=now)
        session.add(row)
    row.name, row.named_at = text, now

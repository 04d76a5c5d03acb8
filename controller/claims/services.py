"""Does what was said of recordings: weighs them as they come, takes the answer of whom they name, and keeps claims.

Each word is one transaction of the caller's with its line of history. Who may speak is the views' question; what a word
means is policy.py's. Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import delete
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.roles import roles_of
from controller.claims import policy
from controller.claims.models import OwnershipEvent, Unclaimed
from controller.claims.policy import Arrival, Said, Stretch
from controller.claims.whereabouts import lessons_of, taught_at
from controller.devices.history import PLACING, newest_of
from controller.devices.models import Device
from controller.recordings.models import NOBODY, BookmarkName, Ownership, Recording, RecordingState
from controller.timetable.policy import Held
from controller.timetable.repo import find_room
from protocol.manifest import Manifest

LIVING = (RecordingState.ARRIVING, RecordingState.READY)
SHORTEST = timedelta(minutes=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Word:
    """What is said of a recording, by which account (None: by nobody), and when."""

    said: Said
    by: str | None = None
    at: datetime


def time_of(row: Recording) -> Stretch:
    """Give when a recording was made; of one that is not closed at least its first minute."""
    return Stretch(
        begins_at=row.began_at, ends_at=row.began_at + max(SHORTEST, timedelta(milliseconds=row.duration_ms))
    )


def weigh_arrival(session: Session, row: Recording, manifest: Manifest, *, zone: tzinfo, now: datetime) -> None:
    """Keep the room of a recording whose manifest came for the first time, and make it nobody's where it is.

    A unit that was given another place since the press stands elsewhere now: then the lesson's own room counts, and
    without a lesson none is known.
    """
    device, lesson = session.get_one(Device, row.device), manifest.begun.lesson
    placed = newest_of(session, device.id, PLACING)
    has_moved = placed is not None and placed.at >= row.began_at
    room = None if has_moved or not device.room_name else find_room(session, device.site, device.room_name)
    held = _find_lesson(session, row, lesson, zone, {room.id} if room else None)
    row.room = held.room if held else room.id if room else None
    arrival = Arrival(
        owner_teaches=Role.TEACHER in roles_of(session, row.owner),
        names_lesson=lesson is not None,
        lesson_known=held is not None or _teaches_there(session, row, zone),
        room_is_owners=device.owner == row.owner or has_moved,
    )
    said = policy.judge_arrival(arrival)
    if said:
        say(session, row, Word(said=said, at=now))


def _find_lesson(
    session: Session, row: Recording, lesson: str | None, zone: tzinfo, rooms: set[str] | None
) -> Held | None:
    """Give the lesson of a name around the day of a recording; a unit's clock may have been wrong by hours."""
    if lesson is None:
        return None
    today = row.began_at.astimezone(zone).date()
    days = (today, today - _DAY, today + _DAY)
    held = (each for day in days for each in lessons_of(session, zone, day, rooms))
    return next((each for each in held if each.id == lesson), None)


def _teaches_there(session: Session, row: Recording, zone: tzinfo) -> bool:
    """Tell whether the timetable has a recording's owner in its room then: a changed lesson has another name."""
    if row.room is None:
        return False
    return any(each.account == row.owner for each in taught_at(session, zone, time_of(row), {row.room}))


def say(session: Session, row: Recording, word: Word, *, owner: str | None = None) -> bool:
    """Say something of a recording that is locked in this session; tell whether it could be said of it now.

    `owner`: whose it is from now on, where the word makes it somebody else's.
    """
    after = policy.judge(row.ownership, word.said)
    if after is None or row.state not in LIVING:
        return False
    session.add(OwnershipEvent(recording=row.id, said=word.said, by=word.by, at=word.at))
    waiting = session.get(Unclaimed, row.id)
    if after is Ownership.UNCLAIMED and word.said is not Said.OVER:
        if waiting is None:
            session.add(Unclaimed(recording=row.id, since=word.at, named=row.owner))
        else:
            waiting.since = word.at
        row.owner, row.title = NOBODY, ""
        session.execute(delete(BookmarkName).where(BookmarkName.recording == row.id))  # whoever named them is not there
    elif after is Ownership.CONFIRMED and waiting is not None:
        session.delete(waiting)
    if owner is not None:
        row.owner = owner
    row.ownership = after
    return True

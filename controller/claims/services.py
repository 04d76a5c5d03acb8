"""Does what was said of recordings: weighs them as they come, takes the answer of whom they name, and keeps claims.

Each word is one transaction of the caller's with its line of history. Who may speak is the views' question; what a word
means is policy.py's. Defined in docs/protocol/claims.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.roles import roles_of
from controller.claims import policy
from controller.claims.models import OwnershipEvent, Unclaimed
from controller.claims.policy import Arrival, Said, Stretch
from controller.claims.whereabouts import lessons_of, taught_at
from controller.devices.models import Device
from controller.recordings.models import NOBODY, Ownership, Recording, RecordingState
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
    """Keep the room of a recording whose manifest came for the first time, and make it nobody's where it is."""
    device = session.get_one(Device, row.device)
    room = find_room(session, device.site, device.room_name) if device.room_name else None
    row.room = room.id if room else None
    arrival = Arrival(
        owner_teaches=Role.TEACHER in roles_of(session, row.owner),
        names_lesson=manifest.begun.lesson is not None,
        lesson_known=_is_known(session, row, manifest.begun.lesson, zone),
        room_is_owners=device.owner == row.owner,
    )
    said = policy.judge_arrival(arrival)
    if said:
        say(session, row, Word(said=said, at=now))


def _is_known(session: Session, row: Recording, lesson: str | None, zone: tzinfo) -> bool:
    """Tell whether the timetable has a lesson, or its owner in that room at that time: lessons change their names."""
    if lesson is None or row.room is None:
        return False
    today = row.began_at.astimezone(zone).date()
    days = (today, today - _DAY, today + _DAY)  # a unit's clock may have been wrong by hours
    if any(held.id == lesson for day in days for held in lessons_of(session, zone, day, {row.room})):
        return True
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
    elif after is Ownership.CONFIRMED and waiting is not None:
        session.delete(waiting)
    if owner is not None:
        row.owner = owner
    row.ownership = after
    return True

"""The timetable's history: who changed what of which room and when, with opaque ids and sums, never a name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.history import Deed
from controller.timetable.models import TimetableEvent


class Happening(StrEnum):
    """What a line of the history can say."""

    ROOM_ADDED = "room_added"
    PERSON_ADDED = "person_added"
    USUAL_SET = "usual_set"
    USUAL_ENDED = "usual_ended"
    RULE_ADDED = "rule_added"
    RULE_CHANGED = "rule_changed"
    RULE_ENDED = "rule_ended"
    DAY_CHANGED = "day_changed"
    DAY_AS_ALWAYS = "day_as_always"
    GUEST_ADDED = "guest_added"
    GUEST_ENDED = "guest_ended"
    DRAFTED = "drafted"
    APPLIED = "applied"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    BELLS_SET = "bells_set"
    TERM_SET = "term_set"
    MASK_SET = "mask_set"
    MASK_ENDED = "mask_ended"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a line tells beside who and when: the room, what it is about, a day, and counts by what they count."""

    room: str | None = None
    about: str | None = None
    day: date | None = None
    sums: Mapping[str, int] = field(default_factory=dict)


def note_event(session: Session, what: Happening, deed: Deed, told: Told) -> None:
    """Write one line of the history."""
    line = TimetableEvent(at=deed.at, what=what.value, by=deed.by, room=told.room, about=told.about, day=told.day)
    line.detail = json.dumps(dict(told.sums), sort_keys=True)
    session.add(line)


def events(session: Session, room: str | None = None, most: int = 50) -> Sequence[TimetableEvent]:
    """Give the newest lines, of one room or of all, the newest first."""
    asked = select(TimetableEvent).order_by(TimetableEvent.id.desc()).limit(most)
    return session.scalars(asked if room is None else asked.where(TimetableEvent.room == room)).all()


def newest_event(session: Session) -> int:
    """Number the newest line; 0 before the first."""
    return session.scalar(select(func.max(TimetableEvent.id))) or 0

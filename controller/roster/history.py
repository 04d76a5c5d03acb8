"""The roster's history: who did what and when, with opaque ids and sums, never a name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.history import Deed
from controller.roster.models import RosterEvent


class Happening(StrEnum):
    """What a line of the history can say."""

    DRAFTED = "drafted"
    APPLIED = "applied"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a line tells beside who and when: counts by what they count, the first day of a roster, a person's id."""

    sums: Mapping[str, int] = field(default_factory=dict)
    starts_on: date | None = None
    person: str | None = None


def note_event(session: Session, what: Happening, deed: Deed, told: Told = Told()) -> None:
    """Write one line of the history."""
    detail = json.dumps(dict(told.sums), sort_keys=True)
    line = RosterEvent(at=deed.at, what=what.value, by=deed.by, starts_on=told.starts_on, person=told.person)
    line.detail = detail
    session.add(line)


def events(session: Session, most: int = 50) -> Sequence[RosterEvent]:
    """Give the newest lines, the newest first."""
    return session.scalars(select(RosterEvent).order_by(RosterEvent.id.desc()).limit(most)).all()


def starts_after(session: Session, day: date) -> Sequence[date]:
    """Give the days after `day` from which rosters that were applied already hold: next year's."""
    applied = (RosterEvent.what == Happening.APPLIED.value, RosterEvent.starts_on > day)
    found = session.scalars(select(RosterEvent.starts_on).where(*applied).distinct())
    return [each for each in found if each is not None]


def newest_change(session: Session) -> int:
    """Number the newest line that changed the roster; 0 before the first."""
    changes = RosterEvent.what.in_([Happening.APPLIED.value, Happening.FORGOTTEN.value])
    return session.scalar(select(func.max(RosterEvent.id)).where(changes)) or 0

"""Foresees what other rules would change: which lessons of the next days may be recorded by both. Writes nothing.

It decides as the units are told, and counts lessons of the timetable; whether one was or will be recorded it does not
know (promise P7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.config import Config
from controller.consent import repo
from controller.consent.rules import MOST_SNAPSHOT_DAYS, Rules
from controller.consent.snapshots import contents_under
from controller.devices.models import LIVING, Device
from protocol.documents import Permission

Lesson = tuple[str | None, str, datetime]
DAYS = MOST_SNAPSHOT_DAYS


@dataclass(frozen=True)
class Foreseen:
    """How many lessons there are in rooms with a unit, how many may be recorded now and then, and what turns."""

    lessons: int
    now: int
    then: int
    opened: int
    closed: int
    more_seats: int
    """Lessons that may be recorded by both, but then only when seats are checked."""


def foresee(session: Session, config: Config, rules: Rules, now: datetime) -> Foreseen:
    """Hold the rules that hold against others, over the lessons of the next `DAYS` days."""
    held = repo.newest_rules(session)
    devices = session.scalars(select(Device).where(Device.state.in_(LIVING))).all()
    before = _permissions(session, config, devices, now, held[1]) if held else {}
    after = _permissions(session, config, devices, now, rules)
    return _compare({lesson: before.get(lesson, Permission.REFUSED) for lesson in after}, after)


def _compare(before: Mapping[Lesson, Permission], after: Mapping[Lesson, Permission]) -> Foreseen:
    opens = {lesson for lesson, said in after.items() if said is not Permission.REFUSED}
    opened = {lesson for lesson, said in before.items() if said is not Permission.REFUSED}
    checked = {lesson for lesson, said in after.items() if said is Permission.ALLOWED_IF_SEATS_ARE_CHECKED}
    was_free = {lesson for lesson, said in before.items() if said is Permission.ALLOWED}
    return Foreseen(
        lessons=len(after),
        now=len(opened),
        then=len(opens),
        opened=len(opens - opened),
        closed=len(opened - opens),
        more_seats=len(checked & was_free),
    )


def _permissions(
    session: Session, config: Config, devices: Sequence[Device], now: datetime, rules: Rules
) -> dict[Lesson, Permission]:
    """Give what a unit would be told of each lesson that is not over, blackouts left out."""
    longest = replace(rules, snapshot_days=DAYS)
    contents = contents_under(session, config, devices, now, held=(0, longest))
    return {
        (each.room, each.lesson, each.begins_at): each.decision.permission
        for content in contents.values()
        for each in content.lessons
        if each.room and each.ends_at > now
    }

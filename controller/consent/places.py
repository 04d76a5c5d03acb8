"""Which rooms and sites a word or a blackout can be about: a mistyped one would hold nowhere, unnoticed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.calendar.repo import sites_in_use
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.db import batches
from controller.people.models import Person
from controller.roster.models import SchoolClass
from controller.timetable.models import LessonRule, LessonRuleTeacher, Room, UsualLesson


def known_sites(session: Session) -> set[str]:
    """Give the sites of units, rooms and classes; the empty text, which is of none, is not among them."""
    rooms = session.scalars(select(Room.site).distinct())
    classes = session.scalars(select(SchoolClass.site).distinct())
    return {*sites_in_use(session), *rooms, *classes} - {""}


def require_site(session: Session, site: str) -> None:
    """Refuse a site that nothing is of; the empty text, the whole school, is always one."""
    known = known_sites(session)
    if site and site not in known:
        named = ", ".join(sorted(known)) or "–"
        raise ConsentRefusedError(Fault.SITE_UNKNOWN, "site", got=site[:60], known=named)


def require_known_room(session: Session, room: str) -> Room:
    """Give a room by its id; raise `ConsentRefusedError` when there is none."""
    row = session.get(Room, room)
    if row is None:
        raise ConsentRefusedError(Fault.ROOM_UNKNOWN, "room", got=room[:40])
    return row


def rooms_by_place(session: Session) -> Sequence[Room]:
    """Give all rooms, by site and name."""
    return session.scalars(select(Room).order_by(Room.site, Room.name)).all()


def teachers_at(session: Session, sites: Collection[str]) -> set[str]:
    """Give the accounts of the teachers whom the timetable names in a room of some sites."""
    here = select(Room.id).where(Room.site.in_(sites))
    ruled = select(LessonRuleTeacher.person).join(LessonRule, LessonRule.id == LessonRuleTeacher.rule)
    usual = select(UsualLesson.teacher).where(UsualLesson.room.in_(here))
    people = {*session.scalars(ruled.where(LessonRule.room.in_(here))), *session.scalars(usual)}
    accounts: set[str] = set()
    for batch in batches(people):
        found = session.scalars(select(Person.account).where(Person.id.in_(batch)))
        accounts.update(each for each in found if each)
    return accounts

"""Forgetting a person: the name goes, the rows that speak of them by id stay, so that what was decided can be followed.

Who is still in a class is not forgotten: the room would not know any more that somebody sits there who said no.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from controller.devices.history import Deed
from controller.devices.policies import reissue_for_rooms
from controller.people.models import Person
from controller.people.repo import erase_names
from controller.roster.history import Happening, Told, note_event
from controller.roster.models import Membership, RosterDraft
from controller.roster.refusals import Fault, RosterRefusedError
from controller.services import Services
from controller.timetable.models import TimetableDraft
from controller.timetable.repo import rooms_of_person


def forget_person(services: Services, person: str, deed: Deed) -> None:
    """Forget a person; raise `RosterRefusedError` for one who is unknown, forgotten already or still in a class.

    Drafts that wait are discarded, because the name may stand in them, too. The units of rooms into which the person
    could come as a teacher or a guest hear of it at once: of who is forgotten nothing is known, and that refuses.
    """
    today = deed.at.astimezone(services.config.controller.time_zone).date()
    with services.database.writing() as session:
        row = session.get(Person, person)
        if row is None or row.forgotten_at is not None:
            raise RosterRefusedError(Fault.PERSON_UNKNOWN, "person", got=person[:40])
        if last := _last_day_in_class(session, person, today):
            raise RosterRefusedError(Fault.STILL_IN_CLASS, "person", until=last)
        erase_names(session, person, deed.at)
        session.execute(delete(RosterDraft))
        session.execute(delete(TimetableDraft))
        session.flush()
        reissue_for_rooms(services, session, rooms_of_person(session, person))
        note_event(session, Happening.FORGOTTEN, deed, Told(person=person))


def _last_day_in_class(session: Session, person: str, today: date) -> str:
    """Spell until when a person is in a class, today or later; blank when they are in none."""
    held = select(Membership.ends_on).where(
        Membership.person == person, or_(Membership.ends_on.is_(None), Membership.ends_on >= today)
    )
    days = session.scalars(held).all()
    if not days:
        return ""
    return "-" if None in days else max(day for day in days if day is not None).isoformat()

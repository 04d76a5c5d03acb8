"""Looks up whether what the timetable is asked for can be: rooms, classes and people are known, days are not over.

Reads and refuses; writes nothing.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.orm import Session

from controller.people.models import Kind, Person
from controller.roster.models import SchoolClass
from controller.timetable.asked import require_days
from controller.timetable.models import Room
from controller.timetable.refusals import Fault, TimetableRefusedError

FARTHEST = timedelta(days=550)
DAY = timedelta(days=1)


class Checks:
    """What is known of rooms, classes and people on a day. Each refusal is a `TimetableRefusedError`."""

    def __init__(self, session: Session, today: date) -> None:
        self._session = session
        self._today = today

    def require_room(self, room: str) -> None:
        """Refuse a room that nobody has made known."""
        if self._session.get(Room, room) is None:
            raise TimetableRefusedError(Fault.ROOM_UNKNOWN, "room", got=room[:40])

    def person(self, person: str, field: str) -> Person:
        """Give somebody who is known and not forgotten."""
        row = self._session.get(Person, person)
        if row is None or row.forgotten_at is not None:
            raise TimetableRefusedError(Fault.PERSON_UNKNOWN, field, got=person[:40])
        return row

    def require_adult(self, person_id: str, field: str) -> str:
        """Give the id of an adult; refuse a pupil."""
        person = self.person(person_id, field)
        if person.kind is not Kind.ADULT:
            raise TimetableRefusedError(Fault.NO_TEACHER, field)
        return person.id

    def require_class(self, class_id: str, first_day: date) -> None:
        """Refuse a class that nobody knows, or that is over by a day."""
        row = self._session.get(SchoolClass, class_id)
        if row is None:
            raise TimetableRefusedError(Fault.CLASS_UNKNOWN, "classes", got=class_id[:40])
        if row.ends_on is not None and row.ends_on < first_day:
            facts = {"until": row.ends_on.isoformat(), "first": first_day.isoformat()}
            raise TimetableRefusedError(Fault.CLASS_OVER, "classes", **facts)

    def require_begin(self, day: date, field: str = "begins_on") -> None:
        """Refuse a day that is over, or so far away that somebody mistyped the year."""
        if day < self._today:
            facts = {"today": self._today.isoformat(), "got": day.isoformat()}
            raise TimetableRefusedError(Fault.DAY_PAST, field, **facts)
        if day > self._today + FARTHEST:
            raise TimetableRefusedError(Fault.DAY_FAR, field, most=FARTHEST.days, got=day.isoformat())

    def require_last(self, last_day: date, ends_on: date | None) -> None:
        """Refuse an end before today began, and one of what is over."""
        self.require_not_over(ends_on)
        require_days(self._today - DAY, last_day)

    def require_not_over(self, ends_on: date | None) -> None:
        """Refuse what is over."""
        if ends_on is not None and ends_on < self._today:
            raise TimetableRefusedError(Fault.OVER_ALREADY, "entry", until=ends_on.isoformat())

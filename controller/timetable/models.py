"""Tables of the timetable: rooms, rules, what differs on a day, rooms' usual teachers, guests.

A room is a site and a name; a unit stands in the one that its own site and room name. Teachers and guests are people of
the roster, by id. Days are the school's, times the wall clock's; the last day still counts.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, String, Text, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controller.db import ID_CHARS, Base, ChoiceType

SITE_CHARS = 80
ROOM_CHARS = 120
NAME_CHARS = 40


class RuleSource(StrEnum):
    """Where a rule comes from: a file replaces what a file of its kind brought, and nothing that somebody entered."""

    HAND = "hand"
    TABLE = "table"
    CALENDAR = "calendar"


class Room(Base):
    """One room of one site."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("site", "name"),)

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS))
    name: Mapped[str] = mapped_column(String(ROOM_CHARS))


class LessonRule(Base):
    """A lesson that comes back each week, or with equal first and last day one that is on that day alone."""

    __tablename__ = "lesson_rule"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    room: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    weekday: Mapped[int]
    begins: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]
    source: Mapped[RuleSource] = mapped_column(ChoiceType(RuleSource), default=RuleSource.HAND)


class LessonRuleClass(Base):
    """A class that is in the lessons of a rule."""

    __tablename__ = "lesson_rule_class"

    rule: Mapped[str] = mapped_column(ForeignKey("lesson_rule.id"), primary_key=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("school_class.id"), primary_key=True, index=True)


class LessonRuleTeacher(Base):
    """A teacher of a rule; the first one leads."""

    __tablename__ = "lesson_rule_teacher"

    rule: Mapped[str] = mapped_column(ForeignKey("lesson_rule.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)


class LessonChange(Base):
    """What is different with a rule on one day; without a teacher the one of the rule stays."""

    __tablename__ = "lesson_change"

    rule: Mapped[str] = mapped_column(ForeignKey("lesson_rule.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    is_cancelled: Mapped[bool] = mapped_column(default=False)
    teacher: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    room: Mapped[str | None] = mapped_column(ForeignKey("room.id"))
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))


class UsualLesson(Base):
    """A room's usual teacher and class, on some weekdays between two times, wherever no rule says otherwise."""

    __tablename__ = "usual_lesson"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    room: Mapped[str] = mapped_column(ForeignKey("room.id"), index=True)
    teacher: Mapped[str] = mapped_column(ForeignKey("person.id"))
    class_id: Mapped[str] = mapped_column(ForeignKey("school_class.id"), index=True)
    weekdays: Mapped[str] = mapped_column(String(7), default="01234")
    """The numbers of the weekdays on which it holds; Monday is 0."""
    begins: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)
    begins_on: Mapped[date]
    ends_on: Mapped[date | None]


class LessonGuest(Base):
    """Somebody who is in a class, or in a room, for some days beside those who always are."""

    __tablename__ = "lesson_guest"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    class_id: Mapped[str | None] = mapped_column(ForeignKey("school_class.id"), index=True)
    room: Mapped[str | None] = mapped_column(ForeignKey("room.id"), index=True)
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))


class BellPeriod(Base):
    """A lesson's place in the day by its name, as `P3`, on some weekdays of a site."""

    __tablename__ = "bell_period"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS), index=True)
    name: Mapped[str] = mapped_column(String(NAME_CHARS))
    weekdays: Mapped[str] = mapped_column(String(7))
    begins: Mapped[time] = mapped_column(Time)
    ends: Mapped[time] = mapped_column(Time)


class Term(Base):
    """A part of the school year of a site, by its name; blank: of the whole school."""

    __tablename__ = "term"
    __table_args__ = (UniqueConstraint("site", "name"),)

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    site: Mapped[str] = mapped_column(String(SITE_CHARS))
    name: Mapped[str] = mapped_column(String(NAME_CHARS))
    begins_on: Mapped[date]
    ends_on: Mapped[date]


class TimetableDraft(Base):
    """What a file said, until somebody applies or discards it, or until `ends_at`. It has ids, and no pupil's name."""

    __tablename__ = "timetable_draft"

    id: Mapped[str] = mapped_column(String(ID_CHARS), primary_key=True)
    source: Mapped[RuleSource] = mapped_column(ChoiceType(RuleSource))
    starts_on: Mapped[date]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """What was read, as controller/timetable/found.py writes it."""
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(String(ID_CHARS))
    ends_at: Mapped[datetime] = mapped_column(index=True)


class TimetableEvent(Base):
    """One line of the timetable's history: what was done, by whom, with which row. Ids and sums, never a name."""

    __tablename__ = "timetable_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(ID_CHARS))
    """An account's id, or `operator`."""
    room: Mapped[str | None] = mapped_column(String(ID_CHARS), index=True)
    about: Mapped[str | None] = mapped_column(String(ID_CHARS))
    """The rule, usual lesson or guest that it is about."""
    day: Mapped[date | None]
    """The day that was changed, or the first or last one on which something holds."""
    detail: Mapped[str] = mapped_column(Text, default="{}")
    """JSON: sums by name."""

"""What a room's page and the commands show: its lessons of one week, and the entries that they are made of.

Reads and resolves; decides nothing and writes nothing. Names are among what it gives: whoever shows them says to whom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta, tzinfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from controller.calendar.models import FreeDays
from controller.config import Config
from controller.people.models import Kind, Person, PersonName
from controller.people.policy import Name, listing_key
from controller.people.repo import names_of
from controller.roster.models import Membership, SchoolClass
from controller.roster.repo import holds_on
from controller.timetable.models import (
    LessonChange,
    LessonGuest,
    LessonRule,
    LessonRuleClass,
    LessonRuleTeacher,
    Room,
    UsualLesson,
)
from controller.timetable.policy import SCHOOL_WEEK, WEEKDAYS, Held, Timetable, lessons_on
from controller.timetable.repo import read_timetable

_DAY = timedelta(days=1)
NOBODY = "?"


@dataclass(frozen=True)
class RoomToday:
    """A room and what is in it today."""

    room: Room
    lessons: Sequence[Held]


@dataclass(frozen=True)
class Day:
    """One day of a room."""

    day: date
    is_free: bool
    lessons: Sequence[Held]


@dataclass(frozen=True)
class RuleOf:
    """A rule with its classes, its teachers in order, and what is different on single days from today on."""

    row: LessonRule
    classes: Sequence[str]
    teachers: Sequence[str]
    changes: Sequence[LessonChange]


@dataclass(frozen=True, kw_only=True)
class Week:
    """A room's week, and the entries that are not over."""

    room: Room
    days: Sequence[Day]
    usual: Sequence[UsualLesson]
    rules: Sequence[RuleOf]
    guests: Sequence[LessonGuest]
    titles: Mapping[str, str]
    names: Mapping[str, Name]
    zone: tzinfo

    def hours(self, lesson: Held) -> tuple[time, time]:
        """Give when a lesson begins and ends by the school's clock."""
        begins, ends = (at.astimezone(self.zone).time() for at in (lesson.begins_at, lesson.ends_at))
        return begins, ends

    def hours_of(self, lesson: Held) -> str:
        """Tell when a lesson is."""
        return "–".join(f"{at:%H:%M}" for at in self.hours(lesson))

    def titles_of(self, classes: Collection[str]) -> str:
        """Name some classes."""
        return ", ".join(self.titles.get(each, NOBODY) for each in classes)

    def names_of(self, people: Collection[str]) -> str:
        """Name some people."""
        return ", ".join(self.names[each].spoken if each in self.names else NOBODY for each in people)

    @property
    def spans(self) -> list[tuple[tuple[time, time], list[list[Held]]]]:
        """Give the rows of the week's table: a time, and for each day what is held then."""
        found = sorted({self.hours(lesson) for day in self.days for lesson in day.lessons})
        return [
            (span, [[lesson for lesson in day.lessons if self.hours(lesson) == span] for day in self.days])
            for span in found
        ]

    def lines(self) -> Iterator[str]:
        """Tell the entries with their ids and without a name, for the command line."""
        for usual in self.usual:
            yield f"usual   {usual.id}  weekdays {usual.weekdays}  {_span(usual)}"
        for rule in self.rules:
            yield f"lesson  {rule.row.id}  weekday {rule.row.weekday}  {_span(rule.row)}"
            for change in rule.changes:
                yield f"        on {change.day}: {_told(change)}"
        for guest in self.guests:
            yield f"guest   {guest.id}  from {guest.begins_on} to {guest.ends_on}"


def _span(row: UsualLesson | LessonRule) -> str:
    until = f" to {row.ends_on}" if row.ends_on else ""
    return f"{row.begins:%H:%M}-{row.ends:%H:%M}  from {row.begins_on}{until}"


def _told(change: LessonChange) -> str:
    said = (
        (change.is_cancelled, "not held"),
        (change.teacher is not None, "another teacher"),
        (change.room is not None, "another room"),
    )
    return ", ".join(words for holds, words in said if holds)


def list_rooms(session: Session, config: Config, day: date) -> list[RoomToday]:
    """Give all rooms by site and name, each with its lessons of a day."""
    rooms = session.scalars(select(Room).order_by(Room.site, Room.name)).all()
    timetable = read_timetable(session, day, day)
    by_room: dict[str, list[Held]] = defaultdict(list)
    free = {site: is_free(session, site, day) for site in {room.site for room in rooms}}
    sites = {room.id: room.site for room in rooms}
    for kind in set(free.values()):
        for lesson in lessons_on(day, timetable, zone=config.controller.time_zone, is_free=kind):
            if free[sites[lesson.room]] == kind:
                by_room[lesson.room].append(lesson)
    return [RoomToday(room, by_room[room.id]) for room in rooms]


def is_free(session: Session, site: str, day: date) -> bool:
    """Tell whether a day is without school at a site."""
    here = FreeDays.site.in_(("", site))
    asked = select(FreeDays.site).where(here, FreeDays.first_day <= day, FreeDays.last_day >= day)
    return session.scalars(asked.limit(1)).first() is not None


def read_week(session: Session, config: Config, room: Room, day: date, *, today: date) -> Week:
    """Give a room's week, the one with `day` in it; of Saturday and Sunday only what is held then.

    Entries that are over by `today` are left out.
    """
    zone, monday = config.controller.time_zone, day - day.weekday() * _DAY
    timetable = read_timetable(session, monday, monday + 6 * _DAY, {room.id})
    days = [_day(session, room, monday + number * _DAY, timetable, zone) for number in range(WEEKDAYS)]
    shown = [each for each in days if each.lessons or each.day.weekday() in SCHOOL_WEEK]
    usual, rules = _usual(session, room.id, today), _rules(session, room.id, today)
    lessons = [lesson for each in shown for lesson in each.lessons]
    classes = {row.class_id for row in usual} | {name for rule in rules for name in rule.classes}
    guests = _guests(session, room.id, classes, today)
    classes |= {name for lesson in lessons for name in lesson.classes} | {
        row.class_id for row in guests if row.class_id
    }
    people = {row.teacher for row in usual} | {row.person for row in guests}
    people |= {name for rule in rules for name in (*rule.teachers, *(each.teacher or "" for each in rule.changes))}
    people |= {name for lesson in lessons for name in (*lesson.teachers, *lesson.guests)}
    return Week(
        room=room,
        days=shown,
        usual=usual,
        rules=rules,
        guests=guests,
        titles=titles_of(session, classes),
        names=names_of(session, people),
        zone=zone,
    )


def _day(session: Session, room: Room, day: date, timetable: Timetable, zone: tzinfo) -> Day:
    free = is_free(session, room.site, day)
    held = lessons_on(day, timetable, zone=zone, is_free=free)
    return Day(day, free, [lesson for lesson in held if lesson.room == room.id])


def titles_of(session: Session, classes: Collection[str]) -> dict[str, str]:
    """Give the titles of some classes."""
    asked = select(SchoolClass.id, SchoolClass.title).where(SchoolClass.id.in_(classes))
    return {class_id: title for class_id, title in session.execute(asked)}


def _usual(session: Session, room: str, today: date) -> Sequence[UsualLesson]:
    going_on = or_(UsualLesson.ends_on.is_(None), UsualLesson.ends_on >= today)
    asked = select(UsualLesson).where(UsualLesson.room == room, going_on)
    return session.scalars(asked.order_by(UsualLesson.begins_on, UsualLesson.begins, UsualLesson.id)).all()


def _rules(session: Session, room: str, today: date) -> list[RuleOf]:
    going_on = or_(LessonRule.ends_on.is_(None), LessonRule.ends_on >= today)
    asked = select(LessonRule).where(LessonRule.room == room, going_on)
    rows = session.scalars(asked.order_by(LessonRule.weekday, LessonRule.begins, LessonRule.begins_on)).all()
    return [rule_of(session, row, today) for row in rows]


def rule_of(session: Session, row: LessonRule, today: date) -> RuleOf:
    """Give a rule with all that belongs to it."""
    classes = select(LessonRuleClass.class_id).where(LessonRuleClass.rule == row.id)
    teachers = select(LessonRuleTeacher.person).where(LessonRuleTeacher.rule == row.id)
    changes = select(LessonChange).where(LessonChange.rule == row.id, LessonChange.day >= today)
    return RuleOf(
        row,
        session.scalars(classes.order_by(LessonRuleClass.class_id)).all(),
        session.scalars(teachers.order_by(LessonRuleTeacher.place)).all(),
        session.scalars(changes.order_by(LessonChange.day)).all(),
    )


def _guests(session: Session, room: str, classes: Collection[str], today: date) -> Sequence[LessonGuest]:
    """Give the guests of a room and of the classes that are taught in it."""
    there = or_(LessonGuest.room == room, LessonGuest.class_id.in_(classes))
    asked = select(LessonGuest).where(there, LessonGuest.ends_on >= today)
    return session.scalars(asked.order_by(LessonGuest.begins_on, LessonGuest.id)).all()


def people_at(session: Session, site: str, day: date) -> list[tuple[str, Name, Kind]]:
    """Give who is in a class of a site on a day, by name: who could be a guest of one of its rooms."""
    asked = (
        select(PersonName, Person.kind)
        .join(Person, Person.id == PersonName.person)
        .join(Membership, Membership.person == Person.id)
        .join(SchoolClass, SchoolClass.id == Membership.class_id)
        .where(SchoolClass.site == site, holds_on(day))
        .distinct()
    )
    found = [(row.person, Name(row.given, row.family), kind) for row, kind in session.execute(asked)]
    return sorted(found, key=lambda each: (listing_key(each[1]), each[0]))

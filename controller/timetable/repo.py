"""Reading the timetable's tables into the values that its policy resolves; finding rooms. Decides nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import date

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from controller.timetable.models import (
    LessonChange,
    LessonGuest,
    LessonRule,
    LessonRuleClass,
    LessonRuleTeacher,
    Room,
    UsualLesson,
)
from controller.timetable.policy import Change, Guest, Rule, Timetable, Usual
from protocol.ids import ID_BYTES, make_id


def find_room(session: Session, site: str, name: str) -> Room | None:
    """Give a room by its site and name."""
    return session.scalars(select(Room).where(Room.site == site, Room.name == name)).first()


def require_room(session: Session, site: str, name: str, random_bytes: Callable[[int], bytes]) -> Room:
    """Give a room by its site and name; make it when nobody has named it before."""
    found = find_room(session, site, name)
    if found is None:
        found = Room(id=make_id(random_bytes(ID_BYTES)), site=site, name=name)
        session.add(found)
        session.flush()
    return found


def has_entries(session: Session) -> bool:
    """Tell whether any room has a lesson, a weekly one or its usual one."""
    return any(session.scalars(select(each).limit(1)).first() for each in (LessonRule.id, UsualLesson.room))


def rooms_of_classes(session: Session, classes: Collection[str]) -> set[str]:
    """Give the rooms in which one of some classes is ever taught, or usually is, or a change of a day leads it to."""
    mine = LessonRuleClass.class_id.in_(classes)
    ruled = select(LessonRule.room).join(LessonRuleClass, LessonRuleClass.rule == LessonRule.id).where(mine)
    moved = select(LessonChange.room).join(LessonRuleClass, LessonRuleClass.rule == LessonChange.rule).where(mine)
    usual = select(UsualLesson.room).where(UsualLesson.class_id.in_(classes))
    return {room for asked in (ruled, moved, usual) for room in session.scalars(asked) if room is not None}


def rooms_of_person(session: Session, person: str) -> set[str]:
    """Give the rooms into which somebody can come as a teacher or a guest."""
    taught = select(LessonRule.room).join(LessonRuleTeacher, LessonRuleTeacher.rule == LessonRule.id)
    moved = select(LessonChange.room).join(LessonRuleTeacher, LessonRuleTeacher.rule == LessonChange.rule)
    stands_in = select(LessonRule.room).join(LessonChange, LessonChange.rule == LessonRule.id)
    led = select(LessonChange.room).where(LessonChange.teacher == person)
    visits = select(LessonGuest.room).where(LessonGuest.person == person)
    usual = select(UsualLesson.room).where(UsualLesson.teacher == person)
    asked = (
        taught.where(LessonRuleTeacher.person == person),
        moved.where(LessonRuleTeacher.person == person),
        stands_in.where(LessonChange.teacher == person),
        *(led, visits, usual),
    )
    classes = select(LessonGuest.class_id).where(LessonGuest.person == person)
    visited = {each for each in session.scalars(classes) if each is not None}
    return {room for each in asked for room in session.scalars(each) if room is not None} | rooms_of_classes(
        session, visited
    )


def read_timetable(session: Session, first: date, last: date, rooms: Collection[str] | None = None) -> Timetable:
    """Read what makes the lessons of some rooms, or of all, from a day until a day.

    A change can lead a lesson into a room from any other; so with `rooms` the rules of those are read as well.
    """
    changes = session.scalars(select(LessonChange).where(LessonChange.day >= first, LessonChange.day <= last)).all()
    moved_here = [change.rule for change in changes if rooms is None or change.room in rooms]
    wanted = None if rooms is None else or_(LessonRule.room.in_(rooms), LessonRule.id.in_(moved_here))
    rules = _read_rules(session, first, last, wanted)
    known = {rule.id for rule in rules}
    usual = select(UsualLesson).where(UsualLesson.begins_on <= last, _open_until(UsualLesson.ends_on, first))
    guests = select(LessonGuest).where(LessonGuest.begins_on <= last, LessonGuest.ends_on >= first)
    return Timetable(
        rules=rules,
        changes=[_change_of(row) for row in changes if row.rule in known],
        usual=[
            _usual_of(row)
            for row in session.scalars(usual.order_by(UsualLesson.id))
            if rooms is None or row.room in rooms
        ],
        guests=[_guest_of(row) for row in session.scalars(guests.order_by(LessonGuest.id))],
    )


_RULE = (
    LessonRule.id,
    LessonRule.room,
    LessonRule.weekday,
    LessonRule.begins,
    LessonRule.ends,
    LessonRule.begins_on,
    LessonRule.ends_on,
)


def _read_rules(session: Session, first: date, last: date, wanted: ColumnElement[bool] | None) -> list[Rule]:
    asked = select(*_RULE).where(LessonRule.begins_on <= last, _open_until(LessonRule.ends_on, first))
    rows = session.execute((asked if wanted is None else asked.where(wanted)).order_by(LessonRule.id)).all()
    known = {row.id for row in rows}
    classes, teachers = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for rule, class_id in session.execute(
        select(LessonRuleClass.rule, LessonRuleClass.class_id).order_by(LessonRuleClass.class_id)
    ):
        if rule in known:
            classes[rule].append(class_id)
    for rule, person in session.execute(
        select(LessonRuleTeacher.rule, LessonRuleTeacher.person).order_by(LessonRuleTeacher.place)
    ):
        if rule in known:
            teachers[rule].append(person)
    return [
        Rule(
            id=rule,
            room=room,
            weekday=weekday,
            begins=begins,
            ends=ends,
            begins_on=begins_on,
            ends_on=ends_on,
            classes=tuple(classes[rule]),
            teachers=tuple(teachers[rule]),
        )
        for rule, room, weekday, begins, ends, begins_on, ends_on in rows
    ]


def _open_until(column: InstrumentedAttribute[date | None], first: date) -> ColumnElement[bool]:
    return or_(column.is_(None), column >= first)


def _change_of(row: LessonChange) -> Change:
    teachers = (row.teacher,) if row.teacher else None
    return Change(rule=row.rule, day=row.day, is_cancelled=row.is_cancelled, teachers=teachers, room=row.room)


def _usual_of(row: UsualLesson) -> Usual:
    return Usual(
        id=row.id,
        room=row.room,
        teachers=(row.teacher,),
        classes=(row.class_id,),
        weekdays=tuple(map(int, row.weekdays)),
        begins=row.begins,
        ends=row.ends,
        begins_on=row.begins_on,
        ends_on=row.ends_on,
    )


def _guest_of(row: LessonGuest) -> Guest:
    return Guest(person=row.person, class_id=row.class_id, room=row.room, begins_on=row.begins_on, ends_on=row.ends_on)

"""Writes the timetable: rooms, usual lessons, weekly rules, what differs on a day, guests.

All that is done in one `editing` is one transaction, with its lines of the history and with the new snapshots of the
rooms that it was in and will be in, so that no unit hears of it later than the bridge's next look (promise P3). What
was taught before today is never rewritten: whoever claims a lesson is measured by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TypeVar

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from controller.accounts.models import Account
from controller.devices.history import Deed
from controller.devices.policies import reissue_for_rooms
from controller.people.models import Kind, Person, PersonName
from controller.roster.lists import split_name
from controller.services import Services
from controller.timetable.asked import DayChange, NewGuest, NewRule, NewUsual
from controller.timetable.checking import DAY, Checks
from controller.timetable.finding import ACCOUNT
from controller.timetable.found import FoundLesson, Place
from controller.timetable.history import Happening, Told, note_event
from controller.timetable.models import (
    ROOM_CHARS,
    LessonChange,
    LessonGuest,
    LessonRule,
    LessonRuleClass,
    LessonRuleTeacher,
    RuleSource,
    UsualLesson,
)
from controller.timetable.plan import Plan
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.repo import find_room, require_room, rooms_of_classes

Row = TypeVar("Row", UsualLesson, LessonRule, LessonGuest)


@contextmanager
def editing(services: Services, deed: Deed) -> Iterator[Edit]:
    """Change the timetable in one transaction, and issue anew for every room that it touches; all of it or nothing.

    Raises `TimetableRefusedError`, after which nothing was changed.
    """
    today = deed.at.astimezone(services.config.controller.time_zone).date()
    with services.database.writing() as session:
        edit = Edit(session, deed, today, new_id=services.new_id, random_bytes=services.random_bytes)
        yield edit
        session.flush()
        reissue_for_rooms(services, session, edit.rooms)


class Edit:
    """One change of the timetable, however many steps it has. `rooms`: those whose units may have to hear of it."""

    def __init__(
        self,
        session: Session,
        deed: Deed,
        today: date,
        *,
        new_id: Callable[[], str],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.session = session
        self.rooms: set[str] = set()
        self._deed = deed
        self._checks = Checks(session, today)
        self._new_id = new_id
        self._random_bytes = random_bytes

    def add_room(self, site: str, name: str) -> str:
        """Make a room known by its site and name, unless it is; give its id."""
        if not name or len(name) > ROOM_CHARS or not name.isprintable():
            raise TimetableRefusedError(Fault.ROOM_MALFORMED, "room", most=ROOM_CHARS, got=name[:40])
        known = find_room(self.session, site, name)
        if known is None:
            known = require_room(self.session, site, name, self._random_bytes)
            self._note(Happening.ROOM_ADDED, room=known.id)
        self.rooms.add(known.id)
        return known.id

    def as_person(self, teacher: str) -> str:
        """Give the person of a teacher who may be known by an account alone (`account:` and its id)."""
        if not teacher.startswith(ACCOUNT):
            return teacher
        account = self.session.get(Account, teacher.removeprefix(ACCOUNT))
        if account is None:
            raise TimetableRefusedError(Fault.PERSON_UNKNOWN, "teacher", got=teacher[:40])
        known = self.session.scalars(
            select(Person).where(Person.account == account.id, Person.forgotten_at.is_(None))
        ).first()
        if known is not None:
            return known.id
        row = Person(id=self._new_id(), kind=Kind.ADULT, account=account.id, made_at=self._deed.at)
        self.session.add(row)
        self.session.flush()
        self.session.add(PersonName(person=row.id, **split_name(account.name)._asdict()))
        self._note(Happening.PERSON_ADDED, about=row.id)
        return row.id

    def _teacher(self, teacher: str, field: str) -> str:
        return self._checks.require_adult(self.as_person(teacher), field)

    def set_usual(self, new: NewUsual) -> tuple[str, ...]:
        """Say who is usually in a room; give the ids, one a class.

        What was usual there at any of these times ends the day before, and comes back after the last day of `new`.
        """
        self._checks.require_room(new.room)
        new = replace(new, teacher=self._teacher(new.teacher, "teacher"))
        self._checks.require_begin(new.begins_on)
        for class_id in new.classes:
            self._checks.require_class(class_id, new.begins_on)
        for row in self._usual_beside(new):
            self._make_way(row, new)
        made = tuple(self._add_usual(new, class_id) for class_id in new.classes)
        self.rooms.add(new.room)
        return made

    def _usual_beside(self, new: NewUsual) -> list[UsualLesson]:
        """Give what is usual in the room at any time of something new, whatever its days: one may begin next year."""
        rows = self.session.scalars(
            select(UsualLesson).where(
                UsualLesson.room == new.room,
                UsualLesson.begins < new.ends,
                UsualLesson.ends > new.begins,
                or_(UsualLesson.ends_on.is_(None), UsualLesson.ends_on >= new.begins_on),
            )
        )
        return [
            row
            for row in rows
            if set(map(int, row.weekdays)) & set(new.weekdays) and (new.ends_on is None or row.begins_on <= new.ends_on)
        ]

    def _make_way(self, row: UsualLesson, new: NewUsual) -> None:
        """End what was usual for as long as something new is; where that has an end, go on after it."""
        if new.ends_on is not None and (row.ends_on is None or row.ends_on > new.ends_on):
            again = NewUsual(
                room=row.room,
                teacher=row.teacher,
                classes=(row.class_id,),
                begins=row.begins,
                ends=row.ends,
                begins_on=new.ends_on + DAY,
                ends_on=row.ends_on,
                weekdays=tuple(map(int, row.weekdays)),
            )
            self._add_usual(again, row.class_id)
        self._end_usual(row, new.begins_on - DAY)

    def _add_usual(self, new: NewUsual, class_id: str) -> str:
        row = UsualLesson(
            id=self._new_id(),
            room=new.room,
            teacher=new.teacher,
            class_id=class_id,
            weekdays="".join(map(str, sorted(new.weekdays))),
            begins=new.begins,
            ends=new.ends,
            begins_on=new.begins_on,
            ends_on=new.ends_on,
        )
        self.session.add(row)
        self._note(Happening.USUAL_SET, room=new.room, about=row.id, day=new.begins_on)
        return row.id

    def end_usual(self, usual: str, last_day: date) -> None:
        """End a room's usual lesson; yesterday as the last day ends it at once."""
        row = self._find(UsualLesson, usual)
        self._checks.require_last(last_day, row.ends_on)
        self._end_usual(row, last_day)

    def _end_usual(self, row: UsualLesson, last_day: date) -> None:
        self.rooms.add(row.room)
        self._note(Happening.USUAL_ENDED, room=row.room, about=row.id, day=last_day)
        if last_day < row.begins_on:
            self.session.delete(row)
        else:
            row.ends_on = last_day

    def add_rule(self, new: NewRule) -> str:
        """Add a lesson that comes back each week, or is on one day alone; give its id."""
        rule = self._add_rule(new)
        self._note(Happening.RULE_ADDED, room=new.room, about=rule, day=new.begins_on)
        return rule

    def change_rule(self, rule: str, new: NewRule) -> str:
        """Let a rule be another one from the first day of `new` on; give the id by which it goes on.

        Before that day it stays as it was. Changes of single days from then on end with it.
        """
        row = self._find(LessonRule, rule)
        self._checks.require_not_over(row.ends_on)
        if row.ends_on is not None and row.ends_on < new.begins_on:
            facts = {"first": new.begins_on.isoformat(), "got": row.ends_on.isoformat()}
            raise TimetableRefusedError(Fault.DAYS_REVERSED, "ends_on", **facts)
        made = self._add_rule(new)
        self._end_rule(row, new.begins_on - DAY)
        self._note(Happening.RULE_CHANGED, room=new.room, about=made, day=new.begins_on)
        return made

    def end_rule(self, rule: str, last_day: date) -> None:
        """End a rule; yesterday as the last day ends it at once. One that has not begun by then is removed."""
        row = self._find(LessonRule, rule)
        self._checks.require_last(last_day, row.ends_on)
        self._note(Happening.RULE_ENDED, room=row.room, about=row.id, day=last_day)
        self._end_rule(row, last_day)

    def follow(self, plan: Plan, source: RuleSource) -> None:
        """Do what a plan says, with one line of the history."""
        rooms = {place: self.add_room(place.site, place.name) for place in plan.new_places}
        for rule in plan.ended:
            self._end_rule(self._find(LessonRule, rule.id), plan.starts_on - DAY)
        for lesson in plan.begun:
            self._begin(lesson, rooms, source)
        for rule_id, day in plan.cancelled:
            self._cancel(self._find(LessonRule, rule_id), day)
        sums = {name: number for name, number in plan.sums().items() if number}
        note_event(self.session, Happening.APPLIED, self._deed, Told(day=plan.starts_on, sums=sums))

    def _begin(self, lesson: FoundLesson, rooms: dict[Place, str], source: RuleSource) -> None:
        if lesson.place not in rooms:
            known = find_room(self.session, *lesson.place)
            rooms[lesson.place] = known.id if known else ""
        rule = self._add_rule(
            NewRule(
                room=rooms[lesson.place],
                weekday=lesson.weekday,
                begins=lesson.begins,
                ends=lesson.ends,
                begins_on=lesson.begins_on,
                ends_on=lesson.ends_on,
                classes=lesson.classes,
                teachers=lesson.teachers,
                source=source,
            )
        )
        row = self._find(LessonRule, rule)
        for day in lesson.without:
            self._cancel(row, day)

    def _cancel(self, row: LessonRule, day: date) -> None:
        self._put_change(row, DayChange(rule=row.id, day=day, is_cancelled=True), teacher=None)

    def _add_rule(self, new: NewRule) -> str:
        self._checks.require_room(new.room)
        self._checks.require_begin(new.begins_on)
        for class_id in new.classes:
            self._checks.require_class(class_id, new.begins_on)
        teachers = [self._teacher(teacher, "teachers") for teacher in new.teachers]
        row = LessonRule(
            id=self._new_id(),
            room=new.room,
            weekday=new.weekday,
            begins=new.begins,
            ends=new.ends,
            begins_on=new.begins_on,
            ends_on=new.ends_on,
            source=new.source,
        )
        self.session.add(row)
        self.session.flush()
        self.session.add_all(LessonRuleClass(rule=row.id, class_id=class_id) for class_id in new.classes)
        self.session.add_all(
            LessonRuleTeacher(rule=row.id, place=place, person=person) for place, person in enumerate(teachers)
        )
        self.rooms.add(new.room)
        return row.id

    def _end_rule(self, row: LessonRule, last_day: date) -> None:
        changes = LessonChange.rule == row.id
        moved = select(LessonChange.room).where(changes, LessonChange.day > last_day)
        self.rooms |= {row.room, *(room for room in self.session.scalars(moved) if room)}
        self.session.execute(delete(LessonChange).where(changes, LessonChange.day > last_day))
        if last_day >= row.begins_on:
            row.ends_on = last_day
            return
        self.session.execute(delete(LessonRuleClass).where(LessonRuleClass.rule == row.id))
        self.session.execute(delete(LessonRuleTeacher).where(LessonRuleTeacher.rule == row.id))
        self.session.delete(row)

    def change_day(self, change: DayChange) -> None:
        """Cancel a rule on one day, or give it another teacher or room that day; replaces what was said of the day.

        Where it is not held any more the room is again as it usually is.
        """
        row = self._require_held(change.rule, change.day)
        teacher = self._teacher(change.teacher, "teacher") if change.teacher else None
        if change.room:
            self._checks.require_room(change.room)
        self._put_change(row, change, teacher)
        self._note(Happening.DAY_CHANGED, room=row.room, about=row.id, day=change.day)

    def _put_change(self, row: LessonRule, change: DayChange, teacher: str | None) -> None:
        self._take_change(row, change.day)
        self.session.add(
            LessonChange(
                rule=row.id,
                day=change.day,
                is_cancelled=change.is_cancelled,
                teacher=teacher,
                room=change.room,
                made_at=self._deed.at,
                made_by=self._deed.by,
            )
        )
        self.rooms |= {row.room, change.room or row.room}

    def undo_change(self, rule: str, day: date) -> None:
        """Let a rule be on a day as it always is."""
        row = self._require_held(rule, day)
        if not self._take_change(row, day):
            raise TimetableRefusedError(Fault.NOTHING_CHANGES, "change")
        self.rooms.add(row.room)
        self._note(Happening.DAY_AS_ALWAYS, room=row.room, about=row.id, day=day)

    def _take_change(self, row: LessonRule, day: date) -> bool:
        """Remove what was said of a day; tell whether anything was."""
        known = self.session.get(LessonChange, (row.id, day))
        if known is None:
            return False
        self.rooms.add(known.room or row.room)
        self.session.delete(known)
        self.session.flush()
        return True

    def _require_held(self, rule: str, day: date) -> LessonRule:
        row = self._find(LessonRule, rule)
        self._checks.require_begin(day, "day")
        if day.weekday() != row.weekday or day < row.begins_on or (row.ends_on is not None and day > row.ends_on):
            raise TimetableRefusedError(Fault.DAY_OTHER, "day", got=day.isoformat())
        return row

    def add_guest(self, new: NewGuest) -> str:
        """Let somebody be in a class or a room for some days; give the guest's id."""
        person = self._checks.person(new.person, "person")
        self._checks.require_begin(new.begins_on)
        if new.class_id:
            self._checks.require_class(new.class_id, new.begins_on)
        else:
            self._checks.require_room(new.room or "")
        row = LessonGuest(
            id=self._new_id(),
            person=person.id,
            class_id=new.class_id,
            room=new.room,
            begins_on=new.begins_on,
            ends_on=new.ends_on,
            made_at=self._deed.at,
            made_by=self._deed.by,
        )
        self.session.add(row)
        self.rooms |= self._rooms_of(row)
        self._note(Happening.GUEST_ADDED, room=new.room, about=row.id, day=new.begins_on)
        return row.id

    def end_guest(self, guest: str, last_day: date) -> None:
        """End a guest's days; yesterday as the last day ends them at once."""
        row = self._find(LessonGuest, guest)
        self._checks.require_last(last_day, row.ends_on)
        self.rooms |= self._rooms_of(row)
        self._note(Happening.GUEST_ENDED, room=row.room, about=row.id, day=last_day)
        if last_day < row.begins_on:
            self.session.delete(row)
        else:
            row.ends_on = last_day

    def end(self, entry: str, last_day: date) -> None:
        """End a usual lesson, a rule or a guest, whichever has this id."""
        if self.session.get(UsualLesson, entry):
            self.end_usual(entry, last_day)
        elif self.session.get(LessonGuest, entry):
            self.end_guest(entry, last_day)
        else:
            self.end_rule(entry, last_day)

    def _rooms_of(self, guest: LessonGuest) -> set[str]:
        """Give the rooms into which a guest can come."""
        return {guest.room} if guest.room else rooms_of_classes(self.session, {guest.class_id or ""})

    def _note(
        self, what: Happening, *, room: str | None = None, about: str | None = None, day: date | None = None
    ) -> None:
        note_event(self.session, what, self._deed, Told(room=room, about=about, day=day))

    def _find(self, kind: type[Row], name: str) -> Row:
        row = self.session.get(kind, name)
        if row is None:
            raise TimetableRefusedError(Fault.ROW_UNKNOWN, "entry", got=name[:40])
        return row

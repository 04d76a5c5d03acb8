"""Writing the timetable: it holds from then on, the unit hears of it at once, and what is wrong changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from controller.devices.history import Deed
from controller.devices.models import Device
from controller.people.models import Person
from controller.timetable.asked import DayChange, NewGuest, NewRule, NewUsual, read_day_or_none, read_time
from controller.timetable.history import Happening, events
from controller.timetable.models import LessonChange, LessonGuest, LessonRule, TimetableEvent, UsualLesson
from controller.timetable.policy import Held, lessons_on
from controller.timetable.refusals import Fault, TimetableRefusedError
from controller.timetable.repo import read_timetable, require_room
from controller.timetable.writing import Edit, editing
from tests.house import make_house
from tests.ruled import set_first_rules
from tests.school import new_id
from tests.unit.controller.consent.test_answering import IN_CLASS, MONDAY, Room, furnish

DAY = timedelta(days=1)
TUESDAY = MONDAY + DAY
WEEK = 7 * DAY


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Make a school with strict rules, where everybody agreed; it is Monday morning, an hour before the lesson."""
    house = make_house(tmp_path)
    house.clock.now = IN_CLASS - timedelta(hours=1)
    made = furnish(house)
    set_first_rules(house.services)
    made.agree()
    yield made
    house.services.database.close()


def deed(room: Room) -> Deed:
    """Say that the office does it now."""
    return Deed("office", room.house.clock())


def ids(room: Room) -> tuple[str, str]:
    """Give the room's id and its teacher's as a person."""
    with room.house.services.database.reading() as session:
        rule = session.get_one(LessonRule, room.rule)
        person = session.scalars(select(Person.id).where(Person.account == room.teacher.id)).one()
        return rule.room, person


def usual(room: Room, /, **more: object) -> NewUsual:
    """Ask for the class as the room's usual one, from eight to two."""
    there, ada = ids(room)
    asked = {
        "room": there,
        "teacher": ada,
        "classes": (room.class_id,),
        "begins": time(8),
        "ends": time(14),
        "begins_on": MONDAY,
    }
    return NewUsual(**(asked | more))  # type: ignore[arg-type]


def rule(room: Room, /, **more: object) -> NewRule:
    """Ask for a lesson of the class on Tuesdays at nine."""
    there, ada = ids(room)
    asked = {
        "room": there,
        "weekday": 1,
        "begins": time(9),
        "ends": time(10),
        "begins_on": MONDAY,
        "classes": (room.class_id,),
        "teachers": (ada,),
    }
    return NewRule(**(asked | more))  # type: ignore[arg-type]


def held(room: Room, day: date) -> tuple[Held, ...]:
    """Give what is held on a day."""
    services = room.house.services
    with services.database.reading() as session:
        timetable = read_timetable(session, day, day)
    return lessons_on(day, timetable, zone=services.config.controller.time_zone, is_free=False)


def counts(room: Room) -> tuple[int, ...]:
    """Count the rows of everything that writing the timetable touches."""
    tables = (LessonRule, LessonChange, UsualLesson, LessonGuest, TimetableEvent)
    with room.house.services.database.reading() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)


def test_usual_lesson_opens_the_button_at_once(room: Room) -> None:
    """Tuesday has no rule; the room can record as soon as the office says who is usually there."""
    tuesday = IN_CLASS + DAY + timedelta(hours=2)
    assert room.press(tuesday).reason == "no_lesson"
    with editing(room.house.services, deed(room)) as edit:
        edit.set_usual(usual(room))
    pressed = room.press(tuesday)
    assert (pressed.allowed, pressed.owner) == (True, room.teacher.id)


def test_usual_lesson_holds_on_its_weekdays_alone(room: Room) -> None:
    """On Saturday nobody is usually there."""
    with editing(room.house.services, deed(room)) as edit:
        edit.set_usual(usual(room))
    assert held(room, MONDAY + 4 * DAY) != ()
    assert held(room, MONDAY + 5 * DAY) == ()


def test_usual_lesson_gives_way_for_some_weeks_and_comes_back(room: Room) -> None:
    """Another teacher until Thursday of next week; on Friday the room is as it was."""
    _, ada = ids(room)
    bea = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=bea, kind="adult", made_at=room.house.clock()))
    with editing(room.house.services, deed(room)) as edit:
        edit.set_usual(usual(room))
    with editing(room.house.services, deed(room)) as edit:
        edit.set_usual(usual(room, teacher=bea, begins_on=TUESDAY, ends_on=TUESDAY + WEEK))
    leads = [held(room, TUESDAY + day * DAY)[0].lead for day in (0, 1, 7, 8)]
    assert leads == [bea, bea, bea, ada]


def test_rule_is_changed_from_a_day_on_and_stays_before(room: Room) -> None:
    """What was taught this Monday stays; from next Monday on it is at eleven."""
    with editing(room.house.services, deed(room)) as edit:
        edit.change_rule(room.rule, rule(room, weekday=0, begins=time(11), ends=time(12), begins_on=MONDAY + WEEK))
    assert [lesson.begins_at.hour for day in (MONDAY, MONDAY + WEEK) for lesson in held(room, day)] == [8, 10]


def test_ended_rule_closes_the_button_at_once(room: Room) -> None:
    """Yesterday as the last day means: not any more."""
    assert room.press().allowed
    with editing(room.house.services, deed(room)) as edit:
        edit.end_rule(room.rule, MONDAY - DAY)
    assert room.press().reason == "no_lesson"
    assert held(room, MONDAY) == ()


def test_moved_lesson_is_told_to_the_old_and_to_the_new_room(room: Room) -> None:
    """The unit here refuses, the one there allows; taken back, it is the other way round."""
    there = room.house.add_teacher("Bea Pardo", "Room 14")
    with room.house.services.database.writing() as session:
        session.get_one(Device, there.device).room_name = "Room 14"
        other = require_room(session, "", "Room 14", room.house.services.random_bytes).id
    elsewhere = Room(room.house, there, room.rule, room.class_id, room.pupils)
    with editing(room.house.services, deed(room)) as edit:
        edit.change_day(DayChange(rule=room.rule, day=MONDAY, room=other))
    assert (room.press().reason, elsewhere.press().allowed) == ("no_lesson", True)
    with editing(room.house.services, deed(room)) as edit:
        edit.undo_change(room.rule, MONDAY)
    assert (room.press().allowed, elsewhere.press().reason) == (True, "no_lesson")


def test_cancelled_lesson_gives_the_room_back_to_its_usual_class(room: Room) -> None:
    """The hour of the rule is one of the usual hours again."""
    with editing(room.house.services, deed(room)) as edit:
        edit.set_usual(usual(room))
        edit.change_day(DayChange(rule=room.rule, day=MONDAY, is_cancelled=True))
    assert [(lesson.begins_at.hour, lesson.ends_at.hour) for lesson in held(room, MONDAY)] == [(7, 13)]


def test_substitute_without_an_account_owns_nothing(room: Room) -> None:
    """Whoever stands in has no account: the lesson is nobody's, and so refused."""
    stranger = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=stranger, kind="adult", made_at=room.house.clock()))
    with editing(room.house.services, deed(room)) as edit:
        edit.change_day(DayChange(rule=room.rule, day=MONDAY, teacher=stranger))
    assert room.press().reason == "no_owner"


def test_guest_who_has_not_answered_closes_the_button_at_once(room: Room) -> None:
    """A pupil who is in the class for a day counts as one of it, and after their last day does not."""
    visitor = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=visitor, kind="pupil", made_at=room.house.clock()))
    with editing(room.house.services, deed(room)) as edit:
        guest = edit.add_guest(NewGuest(person=visitor, class_id=room.class_id, begins_on=MONDAY, ends_on=TUESDAY))
    assert room.press().reason == "voice_not_granted"
    with editing(room.house.services, deed(room)) as edit:
        edit.end_guest(guest, MONDAY - DAY)
    assert room.press().allowed


def test_every_change_is_a_line_of_the_history(room: Room) -> None:
    """Who, what, which room and which day, by ids."""
    there, _ = ids(room)
    with editing(room.house.services, deed(room)) as edit:
        edit.add_rule(rule(room))
        edit.change_day(DayChange(rule=room.rule, day=MONDAY, is_cancelled=True))
    with room.house.services.database.reading() as session:
        lines = [(line.what, line.by, line.room, line.day) for line in events(session)]
    assert lines == [
        (Happening.DAY_CHANGED, "office", there, MONDAY),
        (Happening.RULE_ADDED, "office", there, MONDAY),
    ]


Asking = Callable[[Room, Edit], object]
WRONG: dict[str, tuple[Asking, Fault, str]] = {
    "no room": (lambda room, edit: edit.add_rule(rule(room, room="nowhere")), Fault.ROOM_UNKNOWN, "room"),
    "no class": (lambda room, edit: edit.set_usual(usual(room, classes=("x",))), Fault.CLASS_UNKNOWN, "classes"),
    "nobody": (lambda room, edit: edit.add_rule(rule(room, teachers=("x",))), Fault.PERSON_UNKNOWN, "teachers"),
    "a pupil": (lambda room, edit: edit.set_usual(usual(room, teacher=room.pupils[0])), Fault.NO_TEACHER, "teacher"),
    "the past": (lambda room, edit: edit.add_rule(rule(room, begins_on=MONDAY - DAY)), Fault.DAY_PAST, "begins_on"),
    "the far": (lambda room, edit: edit.add_rule(rule(room, begins_on=date(2126, 9, 1))), Fault.DAY_FAR, "begins_on"),
    "days": (
        lambda room, edit: edit.add_rule(rule(room, begins_on=TUESDAY, ends_on=MONDAY)),
        Fault.DAYS_REVERSED,
        "ends_on",
    ),
    "times": (lambda room, edit: edit.add_rule(rule(room, ends=time(9))), Fault.TIMES_REVERSED, "ends"),
    "weekday": (lambda room, edit: edit.add_rule(rule(room, weekday=7)), Fault.WEEKDAY_MALFORMED, "weekdays"),
    "no weekday": (lambda room, edit: edit.set_usual(usual(room, weekdays=())), Fault.WEEKDAY_MALFORMED, "weekdays"),
    "blank": (lambda room, edit: edit.set_usual(usual(room, classes=())), Fault.BLANK, "classes"),
    "twice": (lambda room, edit: edit.add_rule(rule(room, classes=("x", "x"))), Fault.TWICE, "classes"),
    "other day": (
        lambda room, edit: edit.change_day(DayChange(rule=room.rule, day=TUESDAY, is_cancelled=True)),
        Fault.DAY_OTHER,
        "day",
    ),
    "no rule": (lambda room, edit: edit.end_rule("x", MONDAY), Fault.ROW_UNKNOWN, "entry"),
    "no change": (lambda room, edit: edit.undo_change(room.rule, MONDAY), Fault.NOTHING_CHANGES, "change"),
    "nowhere": (
        lambda room, edit: edit.add_guest(NewGuest(person=room.pupils[0], begins_on=MONDAY, ends_on=MONDAY)),
        Fault.GUEST_NOWHERE,
        "class",
    ),
    "time": (lambda room, edit: read_time("9.30", "begins"), Fault.TIME_MALFORMED, "begins"),
    "day": (lambda room, edit: read_day_or_none("tomorrow", "ends_on"), Fault.DAY_MALFORMED, "ends_on"),
    "room name": (lambda room, edit: edit.add_room("", "x" * 121), Fault.ROOM_MALFORMED, "room"),
}


def ask(room: Room, asking: Asking) -> None:
    """Ask for what is wrong after something that is right."""
    with editing(room.house.services, deed(room)) as edit:
        edit.end_rule(room.rule, MONDAY)
        asking(room, edit)


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_and_nothing_is_written(room: Room, what: str) -> None:
    """The error names the field, and the step before it in the same change is gone, too."""
    asking, fault, field = WRONG[what]
    before, version = counts(room), room.policy.version
    with pytest.raises(TimetableRefusedError) as refused:
        ask(room, asking)
    assert (refused.value.wrong.fault, refused.value.wrong.field) == (fault, field)
    assert str(refused.value).startswith(f"{field}: ")
    assert (counts(room), room.policy.version) == (before, version)

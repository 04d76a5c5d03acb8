"""Writing and resolution agree: whatever is written in whatever order, who is in a room is what a plain reading says.

The plain reading knows no transaction, no carving and no cutting of lessons: it looks at each half hour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from controller.devices.history import Deed
from controller.people.models import Kind, Person
from controller.roster.models import SchoolClass, Source
from controller.timetable.asked import DayChange, NewGuest, NewRule, NewUsual
from controller.timetable.models import (
    LessonChange,
    LessonGuest,
    LessonRule,
    LessonRuleClass,
    LessonRuleTeacher,
    UsualLesson,
)
from controller.timetable.policy import Held, lessons_on
from controller.timetable.repo import read_timetable
from controller.timetable.writing import Edit, editing
from tests.house import House, make_house

MONDAY = date(2026, 11, 23)
DAYS = [MONDAY + timedelta(days=number) for number in (0, 1, 7, 8)]
CLASSES, TEACHERS, PUPILS = ("class-a", "class-b", "class-c"), ("tea", "toe"), ("pia", "pol")
TABLES = (LessonChange, LessonGuest, LessonRuleClass, LessonRuleTeacher, LessonRule, UsualLesson)


@dataclass(frozen=True)
class Usually:
    """A usual lesson as it was asked for."""

    asked: NewUsual


@dataclass(frozen=True)
class Weekly:
    """A weekly lesson, and what is different on one of its days: cancelled, moved, or nothing."""

    asked: NewRule
    day: date
    different: str


@dataclass(frozen=True)
class Visit:
    """A guest."""

    asked: NewGuest


Step = Usually | Weekly | Visit
Asked = TypeVar("Asked", NewUsual, NewRule, NewGuest)
rooms = st.sampled_from(["north", "south"])
hours = st.tuples(st.integers(8, 11), st.integers(1, 3)).map(lambda pair: (time(pair[0]), time(sum(pair))))
spans = st.tuples(st.sampled_from(DAYS), st.sampled_from([None, *DAYS])).filter(
    lambda span: span[1] is None or span[1] >= span[0]
)
some_classes = st.sets(st.sampled_from(CLASSES), min_size=1, max_size=2).map(lambda found: tuple(sorted(found)))


@st.composite
def usual_steps(draw: st.DrawFn) -> Usually:
    """Ask for a usual lesson."""
    (begins, ends), (first, last) = draw(hours), draw(spans)
    weekdays = draw(st.sampled_from([(0,), (1,), (0, 1)]))
    lead, classes = draw(st.sampled_from(TEACHERS)), draw(some_classes)
    return Usually(
        NewUsual(
            room=draw(rooms),
            teacher=lead,
            classes=classes,
            begins=begins,
            ends=ends,
            begins_on=first,
            ends_on=last,
            weekdays=weekdays,
        )
    )


@st.composite
def weekly_steps(draw: st.DrawFn) -> Weekly:
    """Ask for a weekly lesson from this week on, and for a change of its first or second day."""
    (begins, ends), weekday = draw(hours), draw(st.integers(0, 1))
    asked = NewRule(
        room=draw(rooms),
        weekday=weekday,
        begins=begins,
        ends=ends,
        begins_on=MONDAY,
        classes=draw(some_classes),
        teachers=(draw(st.sampled_from(TEACHERS)),),
    )
    day = MONDAY + timedelta(days=weekday + draw(st.sampled_from([0, 7])))
    return Weekly(asked, day, draw(st.sampled_from(["", "cancelled", "north", "south"])))


@st.composite
def visit_steps(draw: st.DrawFn) -> Visit:
    """Ask for a guest of a class or a room."""
    first, last = draw(spans)
    where = draw(st.sampled_from([*CLASSES, "north", "south"]))
    in_class = where if where in CLASSES else None
    person = draw(st.sampled_from(PUPILS))
    room = None if in_class else where
    return Visit(NewGuest(person=person, class_id=in_class, room=room, begins_on=first, ends_on=last or first))


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give a school with two rooms, three classes, teachers and pupils; it is Monday morning."""
    folder: Path = tmp_path_factory.mktemp("school")
    house = make_house(folder)
    house.clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    with house.services.database.writing() as session:
        session.add_all(Person(id=name, kind=Kind.ADULT, made_at=house.clock()) for name in TEACHERS)
        session.add_all(Person(id=name, kind=Kind.PUPIL, made_at=house.clock()) for name in PUPILS)
        days = {"begins_on": MONDAY, "ends_on": None}
        session.add_all(SchoolClass(id=name, source=Source.TABLE, title=name, site="", **days) for name in CLASSES)
    yield house
    house.services.database.close()


def write(edit: Edit, step: Step, room_ids: dict[str, str]) -> None:
    """Do one step."""
    if isinstance(step, Usually):
        edit.set_usual(_placed(step.asked, room_ids))
    elif isinstance(step, Visit):
        edit.add_guest(_placed(step.asked, room_ids))
    else:
        rule = edit.add_rule(_placed(step.asked, room_ids))
        if step.different == "cancelled":
            edit.change_day(DayChange(rule=rule, day=step.day, is_cancelled=True))
        elif step.different:
            edit.change_day(DayChange(rule=rule, day=step.day, room=room_ids[step.different]))


def _placed(asked: Asked, room_ids: dict[str, str]) -> Asked:
    """Put a room's id where its name stands."""
    return replace(asked, room=room_ids[asked.room]) if asked.room else asked


def there(steps: Sequence[Step], room: str, day: date, now: time) -> tuple[set[str], set[str]]:
    """Read plainly which classes and guests are in a room."""
    weekly = [step for step in steps if isinstance(step, Weekly) and _is_held(step, room, day, now)]
    ruled = {name for step in weekly for name in step.asked.classes}
    classes = ruled or _usually(steps, room, day, now)
    guests = {
        step.asked.person
        for step in steps
        if isinstance(step, Visit)
        and step.asked.begins_on <= day <= step.asked.ends_on
        and (step.asked.class_id in classes if step.asked.class_id else step.asked.room == room and classes)
    }
    return classes, guests


def _is_held(step: Weekly, room: str, day: date, now: time) -> bool:
    asked = step.asked
    differs = step.day == day and step.different
    where = (None if step.different == "cancelled" else step.different) if differs else asked.room
    return asked.weekday == day.weekday() and asked.begins <= now < asked.ends and where == room


def _usually(steps: Sequence[Step], room: str, day: date, now: time) -> set[str]:
    """Of what is usual the newest counts, and what it met at any time is not usual as long as it holds."""
    asked = [step.asked for step in steps if isinstance(step, Usually) and step.asked.room == room]
    holds = [each for each in asked if each.begins_on <= day and (each.ends_on is None or day <= each.ends_on)]
    return {
        name
        for number, each in enumerate(holds)
        if day.weekday() in each.weekdays
        and each.begins <= now < each.ends
        and not any(_meet(each, newer) for newer in holds[number + 1 :])
        for name in each.classes
    }


def _meet(one: NewUsual, other: NewUsual) -> bool:
    return one.begins < other.ends and other.begins < one.ends and bool({*one.weekdays} & {*other.weekdays})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(usual_steps(), weekly_steps(), visit_steps()), max_size=7))
def test_who_is_in_a_room_is_what_was_written(school: House, steps: list[Step]) -> None:
    """At every half hour of four days: one lesson at the most, with all whom a plain reading finds."""
    with school.services.database.writing() as session:
        for table in TABLES:
            session.execute(delete(table))
    for step in steps:
        with editing(school.services, Deed("office", school.clock())) as edit:
            write(edit, step, {name: edit.add_room("", name) for name in ("north", "south")})
    with editing(school.services, Deed("office", school.clock())) as edit:
        room_ids = {name: edit.add_room("", name) for name in ("north", "south")}
    for day in DAYS:
        held = _lessons(school, day)
        for room, room_id in room_ids.items():
            for half in range(16, 30):
                now = time(half // 2, 30 * (half % 2))
                assert _found(held, room_id, day, now, school) == there(steps, room, day, now), (room, day, now)


def _lessons(school: House, day: date) -> tuple[Held, ...]:
    with school.services.database.reading() as session:
        timetable = read_timetable(session, day, day)
    return lessons_on(day, timetable, zone=school.services.config.controller.time_zone, is_free=False)


def _found(held: Sequence[Held], room: str, day: date, now: time, school: House) -> tuple[set[str], set[str]]:
    at = datetime.combine(day, now, tzinfo=school.services.config.controller.time_zone)
    running = [lesson for lesson in held if lesson.room == room and lesson.begins_at <= at < lesson.ends_at]
    assert len(running) <= 1
    return ({*running[0].classes}, {*running[0].guests}) if running else (set(), set())

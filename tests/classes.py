"""Classes for tests of pages: one with pupils and a teacher, a pupil who left, a draft that waits."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time

from sqlalchemy import select

from controller.devices.history import Deed
from controller.roster.drafts import Vanishing, apply_draft, make_draft, preview, today
from controller.roster.importing import read_pasted
from controller.roster.models import SchoolClass
from controller.roster.repo import people_in_no_class
from controller.timetable.asked import DayChange, NewGuest, NewRule, NewUsual
from controller.timetable.bells import NewPeriod, NewTerm, set_period, set_term
from controller.timetable.drafts import make_draft as make_timetable_draft
from controller.timetable.importing import Sent
from controller.timetable.importing import read_file as read_timetable_file
from controller.timetable.writing import editing
from tests.house import House

PUPILS = ("Ana García", "Kim, Ben", "Eve Low", "Moreno, Luz", "Nils Öst", "O’Neil, Pat", "Rita Roy", "Sam Sow")


@dataclass(frozen=True, kw_only=True)
class TaughtRoom:
    """The ids of a room, of one of its weekly lessons, and of a draft that waits."""

    room: str
    rule: str
    draft: str


@dataclass(frozen=True, kw_only=True)
class Classes:
    """The ids of what was made."""

    class_id: str
    left: str
    draft: str


def paste(house: House, names: str, *, title: str, by: str, teachers: tuple[str, ...] = ()) -> str:
    """Read pasted names into a draft, and give its id."""
    services = house.services
    with services.database.reading() as session:
        reading = read_pasted(session, names, title=title, site="", teachers=teachers)
    assert reading.roster, reading.flaws
    return make_draft(services, reading, today(services), Deed(by, house.clock()))


def take(house: House, draft: str, *, by: str) -> None:
    """Apply a draft, whatever vanishes."""
    basis = preview(house.services, draft).basis
    deed = Deed(by, house.clock())
    apply_draft(house.services, draft, basis=basis, vanishing=Vanishing.MEANT, deed=deed)


def enter_classes(house: House, *, by: str, teacher: str, mark: Callable[[str], str] = str) -> Classes:
    """Make them; `mark` changes each made-up name. The pupil who left was entered a day ago, so time passes."""
    names = [mark(name) for name in PUPILS]
    title = mark("3B")
    later = house.clock.now
    house.clock.now = later.replace(day=later.day - 1)
    take(house, paste(house, "\n".join(names), title=title, by=by, teachers=(teacher,)), by=by)
    house.clock.now = later
    take(house, paste(house, "\n".join(names[1:]), title=title, by=by, teachers=(teacher,)), by=by)
    draft = paste(house, "\n".join((names[2], mark("New Boy"))), title=title, by=by, teachers=(teacher,))
    with house.services.database.reading() as session:
        class_id = session.scalars(select(SchoolClass.id)).first() or ""
        (left, *_) = people_in_no_class(session, today(house.services))
    return Classes(class_id=class_id, left=left[0], draft=draft)


def enter_room(house: House, class_id: str, *, by: str, teacher: str, mark: Callable[[str], str] = str) -> TaughtRoom:
    """Make a room with a usual lesson, a weekly one that differs on a day, and a guest."""
    day = today(house.services)
    with editing(house.services, Deed(by, house.clock())) as edit:
        room, hall = edit.add_room("", mark("Room 7")), edit.add_room("", mark("Hall"))
        lead = edit.as_person(f"account:{teacher}")
        hours = {"begins_on": day, "classes": (class_id,)}
        edit.set_usual(NewUsual(room=room, teacher=lead, begins=time(8), ends=time(14), **hours))  # type: ignore[arg-type]
        rule = edit.add_rule(
            NewRule(room=room, weekday=day.weekday(), begins=time(9), ends=time(10), teachers=(lead,), **hours)  # type: ignore[arg-type]
        )
        edit.change_day(DayChange(rule=rule, day=day, teacher=lead, room=hall))
        edit.add_guest(NewGuest(person=lead, room=room, begins_on=day, ends_on=day))
    return TaughtRoom(room=room, rule=rule, draft=_draft_lessons(house, by, class_id, mark))


def _draft_lessons(house: House, by: str, class_id: str, mark: Callable[[str], str]) -> str:
    """Read a table of lessons into a draft; set a bell and a term."""
    services, day, deed = house.services, today(house.services), Deed(by, house.clock())
    set_period(services, NewPeriod(name=mark("P3"), begins=time(9), ends=time(10)), deed)
    set_term(services, NewTerm(name=mark("Autumn"), begins_on=day, ends_on=day), deed)
    table = f"room,weekday,begins,ends,classes\n{mark('Hall')},1,9:00,10:00,{class_id}\n".encode()
    reading = read_timetable_file(services, io.BytesIO(table), Sent(name="lessons.csv", starts_on=day))
    return make_timetable_draft(services, reading, day, deed)

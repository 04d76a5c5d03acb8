"""A roster that is applied is told to the units of the rooms whose classes it changes, in the same transaction."""

from __future__ import annotations

import io
from datetime import UTC, datetime, time

import pytest
from sqlalchemy import select

from controller.bridge.models import Outbox
from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.devices.history import OPERATOR, Deed
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.people.models import Person
from controller.roster.drafts import make_draft, today
from controller.roster.lists import read_table
from controller.roster.models import ClassRole
from controller.roster.repo import members_on
from controller.timetable.asked import NewGuest
from controller.timetable.models import LessonRule, LessonRuleClass, LessonRuleTeacher
from controller.timetable.repo import require_room
from controller.timetable.writing import editing
from device.consent.decide import PressDecision, decide_press
from protocol.documents import Policy, verify_document
from tests.classes import PUPILS, Classes, enter_classes, paste, take
from tests.house import House, Teacher, house
from tests.ruled import set_first_rules
from tests.school import new_id

__all__ = ["house"]
SEEN = frozenset({Scope.RECORD, Scope.SELF})
IN_CLASS = datetime(2026, 11, 24, 8, 20, tzinfo=UTC)  # 09:20 on the school's clock


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher with a unit in Room 12."""
    return house.add_teacher()


@pytest.fixture
def classes(house: House, teacher: Teacher) -> Classes:
    """Give class 3B, which is taught in Room 12 each day of the week of today."""
    made, rule = enter_classes(house, by=teacher.id, teacher=teacher.id), new_id()
    day = today(house.services)
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).room_name = "Room 12"
        room = require_room(session, "", "Room 12", house.services.random_bytes)
        times = {"begins": time(9), "ends": time(10), "begins_on": day, "ends_on": None}
        session.add(LessonRule(id=rule, room=room.id, weekday=day.weekday(), **times))
        session.flush()
        session.add(LessonRuleClass(rule=rule, class_id=made.class_id))
        ada = session.scalars(select(Person.id).where(Person.account == teacher.id)).one()
        session.add(LessonRuleTeacher(rule=rule, place=0, person=ada))
    set_first_rules(house.services)
    renew_policies(house.services)
    return made


def version(house: House, teacher: Teacher) -> int:
    """Give the version of what the unit is told."""
    with house.services.database.reading() as session:
        return session.get_one(Device, teacher.device).policy_version


def test_other_class_of_the_school_tells_the_room_nothing(house: House, teacher: Teacher, classes: Classes) -> None:
    """Only rooms in which the class is taught are asked anew, and only what says something else is issued."""
    before = version(house, teacher)
    take(house, paste(house, "Zoe Zed", title="9C", by=teacher.id), by=teacher.id)
    assert version(house, teacher) == before


def agree(house: House, teacher: Teacher, classes: Classes) -> None:
    """Let principal, teacher and the families of the class agree to everything."""
    day = today(house.services)
    words = [
        Word(who=Who.TEACHER, about=teacher.id, agrees=True, holds_from=day),
        Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=day),
    ]
    write_agreements(house.services, words, by=OPERATOR)
    with house.services.database.reading() as session:
        members = members_on(session, classes.class_id, day)
    said = [
        Said(person=each.person, giver=Giver.GUARDIAN_1, picture=SEEN, voice=SEEN, holds_from=day)
        for each in members
        if each.role is ClassRole.PUPIL
    ]
    write_answers(house.services, said, by="office")


def press(house: House, teacher: Teacher) -> PressDecision:
    """Press the button in the lesson, by what the unit is told now."""
    with house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    policy = verify_document(Policy, line, house.services.keys.trust)
    return decide_press(policy, IN_CLASS, clock_trusted=True, checked=None)


def test_new_pupil_closes_the_button_until_their_family_has_answered(
    house: House, teacher: Teacher, classes: Classes
) -> None:
    """Everybody agreed; then a boy comes into the class, and the unit is told with the roster itself."""
    agree(house, teacher, classes)
    assert press(house, teacher).allowed
    names = "\n".join((*PUPILS[1:], "New Boy"))
    take(house, paste(house, names, title="3B", by=teacher.id, teachers=(teacher.id,)), by=teacher.id)
    assert not press(house, teacher).allowed
    with house.services.database.reading() as session:
        assert any(teacher.device in topic for topic in session.scalars(select(Outbox.topic)))


def test_guest_who_becomes_a_pupil_by_a_list_is_told_to_the_room_that_they_visit(
    house: House, teacher: Teacher, classes: Classes
) -> None:
    """Their own class is taught nowhere; from now on their guardians answer for them, who have said nothing."""
    agree(house, teacher, classes)
    day = today(house.services)
    enter_zoe(house, "aide")
    with house.services.database.reading() as session:
        zoe = session.scalars(select(Person.id).where(Person.sourced_id == "z1")).one()
        room = session.scalars(select(LessonRule.room)).one()
    own = Said(person=zoe, giver=Giver.SELF, picture=SEEN, voice=SEEN, holds_from=day)
    write_answers(house.services, [own], by="office")
    with editing(house.services, Deed("office", house.clock())) as edit:
        edit.add_guest(NewGuest(person=zoe, room=room, begins_on=day, ends_on=day))
    assert press(house, teacher).allowed
    enter_zoe(house, "pupil")
    assert press(house, teacher).reason == "voice_not_granted"


def enter_zoe(house: House, role: str) -> None:
    """Apply a table of a class with one person alone, by their number."""
    table = f"class,given,family,role,id\n9C,Zoe,Zed,{role},z1\n9C,Yan,Yu,pupil,y1\n".encode()
    reading = read_table(io.BytesIO(table), "9C.csv")
    assert reading.roster, reading.flaws
    deed = Deed("office", house.clock())
    take(house, make_draft(house.services, reading, today(house.services), deed), by="office")

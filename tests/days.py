"""A teacher's day for tests of pages: lessons of today and tomorrow in a room with a unit, under the school's rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select

from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.devices.history import OPERATOR
from controller.devices.models import Device, Presence
from controller.devices.policies import renew_policies
from controller.people.models import Kind, Person, PersonName
from controller.roster.models import ClassRole, Membership
from controller.timetable.models import LessonRule, LessonRuleClass, LessonRuleTeacher, Room
from controller.timetable.policy import lessons_on
from controller.timetable.repo import read_timetable, require_room
from tests.house import House, Teacher
from tests.ruled import set_first_rules
from tests.school import new_id

SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Hours:
    """When a lesson is, by the school's clock, and how many days from today."""

    begins: time
    ends: time
    in_days: int = 0


def local_now(house: House) -> datetime:
    """Give the time on the school's clock."""
    return house.clock().astimezone(house.services.config.controller.time_zone)


def put_in_room(house: House, device: str, room: str, *, online: bool | None = True) -> str:
    """Say in which room a unit stands and whether it is reachable; give the room's id."""
    with house.services.database.writing() as session:
        session.get_one(Device, device).room_name = room
        if online is not None:
            row = Presence(device=device, birth=1, online=online, version="1", changed_at=house.clock())
            session.merge(row)
        return require_room(session, "", room, house.services.random_bytes).id


def person_of(house: House, account: str) -> str:
    """Give the person of an account; make one where there is none."""
    with house.services.database.writing() as session:
        found = session.scalars(select(Person.id).where(Person.account == account)).first()
        if found is None:
            found = new_id()
            session.add(Person(id=found, kind=Kind.ADULT, account=account, made_at=house.clock()))
        return found


def enter_lesson(house: House, room: str, class_id: str, people: Sequence[str], hours: Hours) -> str:
    """Enter a lesson that is on one day alone; its first person leads it. Give its rule."""
    rule, day = new_id(), local_now(house).date() + timedelta(days=hours.in_days)
    with house.services.database.writing() as session:
        session.add(
            LessonRule(
                id=rule,
                room=room,
                weekday=day.weekday(),
                begins=hours.begins,
                ends=hours.ends,
                begins_on=day,
                ends_on=day,
            )
        )
        session.flush()
        session.add(LessonRuleClass(rule=rule, class_id=class_id))
        session.add_all(LessonRuleTeacher(rule=rule, place=at, person=each) for at, each in enumerate(people))
    return rule


def pupils_of(house: House, class_id: str) -> list[str]:
    """Give the pupils of a class, by their given names."""
    asked = select(Membership.person).where(Membership.class_id == class_id, Membership.role == ClassRole.PUPIL)
    asked = asked.join(PersonName, PersonName.person == Membership.person).order_by(PersonName.given)
    with house.services.database.reading() as session:
        today = local_now(house).date()
        return list(session.scalars(asked.where(Membership.ends_on.is_(None) | (Membership.ends_on >= today))))


def let_agree(house: House, teacher: str, pupils: Collection[str], *, unseen: Collection[str] = ()) -> None:
    """Let a teacher, the principal and some pupils' families agree; the picture of some is refused."""
    today = local_now(house).date()
    words = [
        Word(who=Who.TEACHER, about=teacher, agrees=True, holds_from=today),
        Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=today),
    ]
    write_agreements(house.services, words, by=OPERATOR)
    answers = [
        Said(
            person=pupil,
            giver=Giver.GUARDIAN_1,
            picture=NONE if pupil in unseen else SEEN,
            voice=SEEN,
            holds_from=today,
        )
        for pupil in pupils
    ]
    write_answers(house.services, answers, by="office")


def lesson_ids(house: House, day: date) -> list[str]:
    """Give the ids of a day's lessons, by room and time."""
    zone = house.services.config.controller.time_zone
    with house.services.database.reading() as session:
        rooms = set(session.scalars(select(Room.id)))
        timetable = read_timetable(session, day, day, rooms)
    return [each.id for each in lessons_on(day, timetable, zone=zone, is_free=False)]


def enter_day(house: House, teacher: Teacher, class_id: str, *, room: str) -> str:
    """Enter a lesson that has begun and needs a seat, with rules and answers; give the lesson's id."""
    now = local_now(house)
    begins = (now - timedelta(minutes=10)).time().replace(second=0, microsecond=0)
    place = put_in_room(house, teacher.device, room)
    lead = person_of(house, teacher.id)
    enter_lesson(house, place, class_id, [lead], Hours(begins=begins, ends=time(23, 59)))
    pupils = pupils_of(house, class_id)
    set_first_rules(house.services)
    let_agree(house, teacher.id, pupils, unseen=pupils[:1])
    renew_policies(house.services)
    return lesson_ids(house, now.date())[0]

"""What else than an answer changes a snapshot: a pilot's end, a role that is taken, days without school."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.accounts.models import Role
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange
from controller.bridge.models import Outbox
from controller.bridge.outbox import enqueue
from controller.calendar.changes import add_free_days, remove_free_days
from controller.calendar.importing import Missing, read_file, take
from controller.calendar.policy import FreeDay
from controller.calendar.repo import SCHOOL
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.consent.piloting import begin_pilot, end_pilot
from controller.consent.refusals import ConsentRefusedError
from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from controller.devices.abilities import note_abilities
from controller.devices.history import OPERATOR, Deed
from controller.devices.life import Place, move
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.roster.forgetting import forget_person
from controller.timetable.models import LessonChange, LessonRule, LessonRuleClass, LessonRuleTeacher
from controller.timetable.repo import find_room, require_room
from controller.wiring import make_roles
from device.consent.decide import decide_running
from protocol.messages import MESSAGE_LIMIT_BYTES
from protocol.topics import Down, down_topic
from tests.house import make_house
from tests.ruled import set_first_rules
from tests.school import new_id
from tests.unit.controller.consent.test_answering import IN_CLASS, MONDAY, Room, furnish

WEDNESDAY = date(2026, 11, 25)
AFTER_SCHOOL = IN_CLASS + timedelta(hours=6)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Make a school with strict rules, where everybody agreed."""
    house = make_house(tmp_path)
    house.clock.now = IN_CLASS - timedelta(hours=1)
    made = furnish(house)
    set_first_rules(house.services)
    made.agree()
    yield made
    house.services.database.close()


def version_of(room: Room) -> int:
    """Give the version of the snapshot that the unit is told."""
    return room.policy.version


def room_of(room: Room) -> str:
    """Give the room's id."""
    with room.house.services.database.reading() as session:
        there = find_room(session, "", "Room 12")
    assert there
    return there.id


def pilot(room: Room, until: date, reason: str = "a trial") -> None:
    """Let the room record its owner's lessons without timetable and answers until a day."""
    begin_pilot(room.house.services, room_of(room), until=until, reason=reason, by="officer")


def test_pilot_ends_at_midnight_on_a_unit_that_is_offline(room: Room) -> None:
    """The snapshot itself ends with the pilot's last day on the school's clock, though another would hold 14 days."""
    pilot(room, WEDNESDAY)
    assert room.policy.otherwise.reason == "adults_only"
    assert room.policy.expires_at == datetime(2026, 11, 25, 23, tzinfo=UTC)


def test_pilot_that_ends_soon_is_not_issued_again_and_again(room: Room) -> None:
    """What cannot be made to last longer is left as it is, though less than half of 14 days is left."""
    pilot(room, WEDNESDAY)
    before = version_of(room)
    assert renew_policies(room.house.services) == 0
    assert version_of(room) == before


def test_pilot_that_goes_on_longer_is_told_at_once(room: Room) -> None:
    """A later last day is another content."""
    pilot(room, WEDNESDAY)
    pilot(room, WEDNESDAY + timedelta(days=2))
    assert room.policy.expires_at == datetime(2026, 11, 27, 23, tzinfo=UTC)


def test_pilot_is_never_one_of_a_lesson_with_pupils(room: Room) -> None:
    """The timetable's lesson is decided by its answers there as well; the owner's time ends when it begins."""
    room.say(room.pupils[0], picture=frozenset(), voice=frozenset())
    pilot(room, WEDNESDAY)
    assert room.press().reason == "voice_not_granted"
    before = room.press(IN_CLASS - timedelta(hours=1))
    assert (before.reason, before.ends_at) == ("adults_only", room.policy.lessons[0].begins_at)
    assert room.press(room.policy.lessons[0].begins_at - timedelta(seconds=60)).reason == "voice_not_granted"


def test_pilot_that_is_ended_is_over_at_once(room: Room) -> None:
    """The timetable and the answers count again, and there is nothing left to end."""
    pilot(room, WEDNESDAY)
    end_pilot(room.house.services, room_of(room), by="officer")
    assert room.policy.otherwise.reason == "no_lesson"
    assert room.press().allowed
    with pytest.raises(ConsentRefusedError, match="there is no pilot in this room"):
        end_pilot(room.house.services, room_of(room), by="officer")


@pytest.mark.parametrize(
    ("until", "reason", "words"),
    [
        (MONDAY - timedelta(days=1), "a trial", "holds_until: expected 2026-11-23 or later"),
        (MONDAY + timedelta(days=185), "a trial", "expected a day until 2027-05-26"),
        (WEDNESDAY, "  ", "reason: it asks for less than before: pilot"),
        (WEDNESDAY, "x" * 301, "expected at most 300 characters, got 301"),
    ],
)
def test_pilot_that_cannot_be_is_refused(room: Room, until: date, reason: str, words: str) -> None:
    """It has an end within half a year and a reason, or it does not begin."""
    with pytest.raises(ConsentRefusedError, match=words):
        pilot(room, until, reason)
    assert room.policy.otherwise.reason == "no_lesson"


def lose_the_role(room: Room) -> None:
    """Make the teacher a viewer who teaches no more."""
    roles = make_roles(room.house.services)
    roles.give(RoleChange(account=room.teacher.id, held=Held(Role.VIEWER), by=None))
    roles.take(RoleChange(account=room.teacher.id, held=Held(Role.TEACHER), by=None))


def test_who_teaches_no_more_owns_no_lesson(room: Room) -> None:
    """The room refuses from the same transaction on: a recording would belong to nobody who may see it."""
    assert room.press().allowed
    lose_the_role(room)
    assert room.press().reason == "no_owner"
    assert renew_policies(room.house.services) == 0, "somebody was not told"


def test_who_teaches_no_more_owns_no_pilot(room: Room) -> None:
    """The room's owner counts only as long as they are a teacher."""
    pilot(room, WEDNESDAY)
    with room.house.services.database.writing() as session:
        session.get_one(Device, room.teacher.device).owner = room.teacher.id
    lose_the_role(room)
    assert (room.policy.otherwise.reason, room.policy.otherwise.owner) == ("no_owner", None)


def test_day_without_school_is_told_with_the_change(room: Room) -> None:
    """A holiday entered in the morning takes the lesson away at once, and gives it back when it is taken out."""
    deed = Deed("office", room.house.clock())
    add_free_days(room.house.services, SCHOOL, [FreeDay(MONDAY, MONDAY, "Storm")], deed)
    assert room.press().reason == "no_lesson"
    remove_free_days(room.house.services, SCHOOL, MONDAY.isoformat(), deed)
    assert room.press().allowed


def test_day_without_school_that_a_file_takes_out_is_told_with_the_change(room: Room) -> None:
    """The room's lessons are back at once: until the next look of the jobs a pilot would go by no lesson."""
    house, deed = room.house, Deed("office", room.house.clock())
    add_free_days(house.services, SCHOOL, [FreeDay(MONDAY, MONDAY, "Storm")], deed)
    zone = house.services.config.controller.time_zone
    found = read_file(b"first_day,last_day,label\n2026-12-07,2026-12-08,Bridge\n", today=MONDAY, zone=zone)
    take(house.services, SCHOOL, found, missing=Missing.REMOVE, deed=deed)
    assert room.press().allowed
    assert renew_policies(house.services) == 0, "somebody was not told"


def test_teacher_who_is_forgotten_leads_no_lesson(room: Room) -> None:
    """The room refuses from the same transaction on."""
    with room.house.services.database.reading() as session:
        person = session.scalars(select(LessonRuleTeacher.person)).one()
    forget_person(room.house.services, person, Deed("office", room.house.clock()))
    assert room.press().reason == "no_owner"


def test_word_of_a_teacher_reaches_the_room_into_which_a_lesson_was_moved(room: Room) -> None:
    """For that one day the lesson is elsewhere, and so is what stops it."""
    with room.house.services.database.writing() as session:
        attic = require_room(session, "", "Attic", room.house.services.random_bytes)
        session.get_one(Device, room.teacher.device).room_name = "Attic"
        change = LessonChange(rule=room.rule, day=MONDAY, is_cancelled=False, room=attic.id, made_by="office")
        change.made_at = room.house.clock()
        session.add(change)
    renew_policies(room.house.services)
    permit = room.press()
    assert permit.allowed
    no = Word(who=Who.TEACHER, about=room.teacher.id, agrees=False, holds_from=MONDAY)
    assert write_agreements(room.house.services, [no], by=room.teacher.id) == 1
    assert renew_policies(room.house.services) == 0, "somebody was not told"
    assert room.press().reason == "teacher_has_not_opted_in"
    assert not decide_running(room.policy, permit, began_at=IN_CLASS, clock_trusted=True)


@pytest.mark.parametrize("site", ["", "North"])
def test_principals_no_stops_what_runs(room: Room, site: str) -> None:
    """For the whole school, or for the unit's site alone."""
    if site:
        move(room.house.services, room.teacher.device, Place(site=site), Deed("it", room.house.clock()))
        with room.house.services.database.writing() as session:
            there = find_room(session, site, "Room 12")
            assert there
            session.get_one(LessonRule, room.rule).room = there.id
        renew_policies(room.house.services)
    permit = room.press()
    assert permit.allowed
    no = Word(who=Who.PRINCIPAL, about=site, agrees=False, holds_from=MONDAY)
    assert write_agreements(room.house.services, [no], by=OPERATOR) == 1
    assert renew_policies(room.house.services) == 0, "somebody was not told"
    assert not decide_running(room.policy, permit, began_at=IN_CLASS, clock_trusted=True)


def test_unit_that_is_given_a_room_makes_it_one_of_the_school(room: Room) -> None:
    """A timetable, a blackout or a mask can name the room before any lesson is entered for it."""
    place = Place(room_name="Attic", site="North")
    move(room.house.services, room.teacher.device, place, Deed("it", room.house.clock()))
    with room.house.services.database.reading() as session:
        assert find_room(session, "North", "Attic")
    assert room.press().reason == "no_lesson"


def fill_week(room: Room, lessons_a_day: int) -> None:
    """Enter lessons of fifteen minutes, one after the other, on five days of the week."""
    lead = room_lead(room)
    with room.house.services.database.writing() as session:
        there = find_room(session, "", "Room 12")
        assert there
        days = {"room": there.id, "begins_on": MONDAY, "ends_on": None}
        for number in range(5 * lessons_a_day):
            rule, at = new_id(), datetime(2026, 1, 1, 6, tzinfo=UTC) + timedelta(minutes=15 * (number // 5))
            ends = at + timedelta(minutes=15)
            session.add(LessonRule(id=rule, weekday=number % 5, begins=at.time(), ends=ends.time(), **days))
            session.flush()
            session.add(LessonRuleClass(rule=rule, class_id=room.class_id))
            session.add(LessonRuleTeacher(rule=rule, place=0, person=lead))


def room_lead(room: Room) -> str:
    """Give the person who leads the room's lesson."""
    with room.house.services.database.reading() as session:
        return session.scalars(select(LessonRuleTeacher.person).where(LessonRuleTeacher.rule == room.rule)).one()


def test_snapshot_of_a_crowded_week_goes_over_the_broker_and_grows_by_a_day_each_day(room: Room) -> None:
    """It is cut to whole days, is not issued again on the same day, and with the next day it reaches further."""
    fill_week(room, 30)
    assert renew_policies(room.house.services) == 1
    ends_at = room.policy.expires_at
    assert room.house.clock() + timedelta(days=2) < ends_at < room.house.clock() + timedelta(days=7)
    with room.house.services.database.reading() as session:
        topic = down_topic(room.teacher.device, Down.POLICY)
        waiting = session.scalars(select(Outbox).where(Outbox.topic == topic, Outbox.sent_at.is_(None))).all()
    assert [len(row.payload) <= MESSAGE_LIMIT_BYTES for row in waiting] == [True]
    assert renew_policies(room.house.services) == 0
    room.house.clock.pass_time(timedelta(days=1))
    assert renew_policies(room.house.services) == 1
    assert room.policy.expires_at > ends_at
    assert renew_policies(room.house.services) == 0


def test_snapshot_that_no_broker_carries_leaves_no_older_one_waiting(room: Room) -> None:
    """A unit takes a long document from HTTPS; the one before it, which allowed more, is not sent in its place."""
    with room.house.services.database.writing() as session:
        line = b"x" * (MESSAGE_LIMIT_BYTES + 1)
        enqueue(session, device=room.teacher.device, kind=Down.POLICY, line=line, now=room.house.clock())
        topic = down_topic(room.teacher.device, Down.POLICY)
        waiting = select(Outbox.id).where(Outbox.topic == topic, Outbox.sent_at.is_(None))
        assert session.scalars(waiting).all() == []


def test_pilot_of_a_school_without_sound_has_none(room: Room) -> None:
    """Who agreed to be filmed there has not agreed to be heard; a unit that cannot leave it out is refused."""
    pilot(room, WEDNESDAY)
    assert room.press(AFTER_SCHOOL).sound
    set_rules(room.house.services, Rules(sound=False), seen=1, reasons={"sound": "so"}, by="officer")
    assert room.press(AFTER_SCHOOL).reason == "unit_cannot_leave_sound_out"
    note_abilities(room.house.services, room.teacher.device, "omits_sound")
    assert (room.press(AFTER_SCHOOL).allowed, room.press(AFTER_SCHOOL).sound) == (True, False)

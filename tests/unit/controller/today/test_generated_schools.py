"""Over generated schools the page says of each lesson what the unit of its room decides by the snapshot that it holds.

One school, whose rules, answers, agreements, blackouts, substitutions and presence are drawn anew for each example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from controller.consent import repo
from controller.consent.answers import Giver
from controller.consent.models import Agreement, AnswerRow, Blackout, RulesVersion, Who
from controller.consent.rules import Rules
from controller.devices.cards import code_of
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.people.models import Kind, Person, PersonName
from controller.roster.models import ClassRole, Membership, SchoolClass, Source
from controller.timetable.models import LessonChange
from controller.today.lessons import LessonShown, lessons_of
from controller.today.policy import Button, Coarse, Phase
from controller.today.room import look_up
from device.consent.decide import decide_press
from protocol.abilities import Ability
from protocol.documents import Policy, verify_document
from tests.days import NONE, SEEN, Hours, enter_lesson, local_now, person_of, put_in_room
from tests.house import House, Teacher, make_house
from tests.school import new_id

PUPILS = 3
TIMES = (time(8), time(9), time(10), time(11))


@dataclass(frozen=True)
class Drawn:
    """What one example says of the school."""

    rules: Rules
    pictures: Sequence[bool | None]
    voices: Sequence[bool]
    teachers: Sequence[bool]
    principal: bool
    dark_from: int | None
    substituted: bool
    hour: int


mostly = st.sampled_from([True, True, True, True, False])
drawn = st.builds(
    Drawn,
    rules=st.builds(
        Rules,
        sound=mostly,
        seats=mostly,
        most_seats=st.integers(1, 4),
        objection=st.booleans(),
        adults=st.booleans(),
        teacher_opts_in=st.booleans(),
        principal_opts_in=st.booleans(),
        margin_s=st.sampled_from([0, 300]),
    ),
    pictures=st.lists(st.sampled_from([True, True, True, False, None]), min_size=2 * PUPILS, max_size=2 * PUPILS),
    voices=st.lists(mostly, min_size=2 * PUPILS, max_size=2 * PUPILS),
    teachers=st.lists(mostly, min_size=2, max_size=2),
    principal=mostly,
    dark_from=st.sampled_from([None, None, 7 * 60 + 30, 9 * 60 + 20, 10 * 60 + 45]),
    substituted=st.booleans(),
    hour=st.integers(6, 12),
)


@dataclass(frozen=True)
class Small:
    """Two rooms, two teachers, two classes; a lesson of both classes, one with two teachers, one of tomorrow."""

    house: House
    teachers: tuple[Teacher, Teacher]
    people: tuple[str, str]
    pupils: Sequence[str]
    rule: str

    def become(self, said: Drawn) -> None:
        """Make it what an example says, and tell the units."""
        now = local_now(self.house).replace(hour=0, minute=0, second=0)
        with self.house.services.database.writing() as session:
            for table in (AnswerRow, Agreement, Blackout, LessonChange, RulesVersion):
                session.execute(delete(table))
            at = {"set_by": "officer", "set_at": now}
            session.add(RulesVersion(settings=repo.write_rules(said.rules), **at))
            session.add_all(self._answers(said))
            session.add_all(self._agreements(said))
            if said.dark_from is not None:
                begins_at = now + timedelta(minutes=said.dark_from)
                ends_at, made = begins_at + timedelta(minutes=50), {"made_by": "office", "made_at": now}
                session.add(Blackout(id=new_id(), begins_at=begins_at, ends_at=ends_at, **made))
            if said.substituted:
                change = LessonChange(rule=self.rule, day=now.date(), teacher=self.people[1], made_at=now, made_by="x")
                session.add(change)
        self.house.clock.now = now.replace(hour=said.hour, minute=30).astimezone(UTC)
        renew_policies(self.house.services)

    def _answers(self, said: Drawn) -> Iterator[AnswerRow]:
        today = local_now(self.house).date()
        rest = {"holds_from": today, "basis": "paper", "recorded_by": "office", "recorded_at": self.house.clock()}
        for pupil, picture, voice in zip(self.pupils, said.pictures, said.voices, strict=True):
            if picture is not None:
                shown, heard = repo.write_scopes(SEEN if picture else NONE), repo.write_scopes(SEEN if voice else NONE)
                yield AnswerRow(person=pupil, giver=Giver.GUARDIAN_1, picture=shown, voice=heard, **rest)
        for person, agrees in zip(self.people, said.teachers, strict=True):
            both = repo.write_scopes(SEEN if agrees else NONE)
            yield AnswerRow(person=person, giver=Giver.SELF, picture=both, voice=both, **rest)

    def _agreements(self, said: Drawn) -> Iterator[Agreement]:
        rest = {
            "holds_from": local_now(self.house).date(),
            "recorded_by": "office",
            "recorded_at": self.house.clock(),
        }
        yield Agreement(who=Who.PRINCIPAL, about="", agrees=said.principal, **rest)
        for teacher, agrees in zip(self.teachers, said.teachers, strict=True):
            yield Agreement(who=Who.TEACHER, about=teacher.id, agrees=agrees, **rest)

    def lessons(self, teacher: Teacher) -> Sequence[LessonShown]:
        """Give what the page shows a teacher."""
        with self.house.services.database.reading() as session:
            return lessons_of(self.house.services, session, teacher.id)

    def policy(self, device: str) -> Policy:
        """Give a unit's snapshot, its signature verified."""
        with self.house.services.database.reading() as session:
            line = session.get_one(Device, device).policy_line
        assert line
        return verify_document(Policy, line, self.house.services.keys.trust)


def make_class(house: House) -> tuple[str, list[str]]:
    """Make a class of pupils whose family names are their ids, so that a page names them by those."""
    class_id, pupils, today = new_id(), [new_id() for _ in range(PUPILS)], local_now(house).date()
    with house.services.database.writing() as session:
        session.add(SchoolClass(id=class_id, source=Source.TABLE, title="5b", site="", begins_on=today, ends_on=None))
        session.add_all(Person(id=pupil, kind=Kind.PUPIL, made_at=house.clock()) for pupil in pupils)
        session.flush()
        for pupil in pupils:
            session.add(PersonName(person=pupil, given="P", family=pupil))
            session.add(Membership(class_id=class_id, person=pupil, role=ClassRole.PUPIL, begins_on=today))
    return class_id, pupils


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Make it once."""
    house = make_house(tmp_path_factory.mktemp("school"))
    ada, bea = house.add_teacher(), house.add_teacher("Bea Other", room="Room 14")
    rooms = [put_in_room(house, each.device, room) for each, room in ((ada, "Room 12"), (bea, "Room 14"))]
    with house.services.database.writing() as session:
        session.get_one(Device, ada.device).abilities = Ability.OMITS_SOUND.value
    people = person_of(house, ada.id), person_of(house, bea.id)
    (one, first), (two, second) = make_class(house), make_class(house)
    rule = enter_lesson(house, rooms[0], one, people[:1], Hours(begins=TIMES[0], ends=time(8, 45)))
    enter_lesson(house, rooms[0], two, people, Hours(begins=TIMES[1], ends=time(9, 45)))
    for class_id in (one, two):  # both in one hall
        enter_lesson(house, rooms[1], class_id, people[1:], Hours(begins=TIMES[2], ends=time(10, 45)))
    for person in people:  # two who lead at one time: nobody's
        enter_lesson(house, rooms[1], two, [person], Hours(begins=TIMES[3], ends=time(11, 45)))
    enter_lesson(house, rooms[1], one, people[:1], Hours(begins=TIMES[1], ends=time(9, 45), in_days=1))
    yield Small(house, (ada, bea), people, [*first, *second], rule)
    house.services.database.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=drawn)
def test_page_says_what_the_unit_decides(school: Small, said: Drawn) -> None:
    """Of each lesson that is not over, at its beginning, in its middle and in its last second; and as many seats."""
    school.become(said)
    rooms = dict(zip(("Room 12", "Room 14"), (each.device for each in school.teachers), strict=True))
    for teacher in school.teachers:
        for lesson in school.lessons(teacher):
            if lesson.phase is not Phase.OVER:
                compare(lesson, school.policy(rooms[lesson.room]), now=school.house.clock())
            name_nobody_else(lesson, dict(zip(school.pupils, said.pictures, strict=True)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=drawn)
def test_open_page_says_may_when_the_unit_would(school: Small, said: Drawn) -> None:
    """Of each room, now: *may* where the unit allows once every seat was checked, and of all else one of four words."""
    school.become(said)
    now = school.house.clock()
    for teacher, label in zip(school.teachers, ("Room 12", "Room 14"), strict=True):
        with school.house.services.database.reading() as session:
            openly = look_up(session, code_of(teacher.device, label), now).openly
        pressed = decide_press(school.policy(teacher.device), now, clock_trusted=True, checked=99)
        assert (openly is Coarse.MAY) == pressed.allowed
        assert (openly is Coarse.BLACKOUT) == (pressed.reason == "blackout")
        assert (openly is Coarse.NO_LESSON) == (pressed.reason == "no_lesson")
        assert openly is not Coarse.NOT_SET_UP


def compare(lesson: LessonShown, policy: Policy, *, now: datetime) -> None:
    """Compare the page with the unit's own decision."""
    middle = lesson.begins_at + (lesson.ends_at - lesson.begins_at) / 2
    for at in (max(now, lesson.begins_at), max(now, middle), lesson.ends_at - timedelta(seconds=1)):
        pressed = decide_press(policy, at, clock_trusted=True)
        assert pressed.allowed == (lesson.answer.button is Button.WORKS)
        if lesson.answer.button is Button.REFUSES:
            assert (pressed.reason, pressed.seats) == (lesson.answer.reason, None)
        elif lesson.answer.button is Button.IF_SEATS_ARE_CHECKED:
            assert pressed.seats == lesson.answer.seats
        if lesson.answer.button is not Button.REFUSES:
            checked = decide_press(policy, at, clock_trusted=True, checked=lesson.answer.seats)
            assert (checked.allowed, checked.sound) == (True, lesson.answer.sound)
    assert len(lesson.seats) == (lesson.answer.seats if lesson.leads else 0)


def name_nobody_else(lesson: LessonShown, pictures: dict[str, bool | None]) -> None:
    """Only the lead reads names, and only of those whose picture is not granted, or who have not answered."""
    seats, unanswered = ([name.partition(",")[0] for name in each] for each in (lesson.seats, lesson.unanswered))
    assert all(pictures[pupil] is not True for pupil in seats)
    assert all(pictures[pupil] is None for pupil in unanswered)
    if not lesson.leads or lesson.phase is Phase.OVER:
        assert seats == unanswered == []

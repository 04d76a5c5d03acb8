"""From an answer to the button: what the office writes down is what the unit of the room decides by, at once.

The unit's own code decides here, on the very line that the controller signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from controller.bridge.models import Outbox
from controller.consent.answering import UNDO_WITHIN, AnswerRefusedError, Said, take_back, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.darkening import Dark, black_out, lift_blackout
from controller.consent.models import AnswerRow, RulesVersion, Who
from controller.consent.opting import Word, write_agreements
from controller.consent.refusals import ConsentRefusedError
from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from controller.devices.abilities import note_abilities
from controller.devices.history import OPERATOR, Deed
from controller.devices.life import Place, move
from controller.devices.models import Device, DeviceState
from controller.devices.policies import renew_policies
from controller.people.models import Kind, Person
from controller.roster.models import ClassRole, Membership, SchoolClass, Source
from controller.timetable.models import LessonGuest, LessonRule, LessonRuleClass, LessonRuleTeacher
from controller.timetable.repo import require_room
from device.consent.decide import PressDecision, decide_press, decide_running
from protocol.documents import Policy, verify_document
from tests.house import House, Teacher, make_house
from tests.ruled import set_first_rules
from tests.school import new_id

MONDAY = date(2026, 11, 23)
IN_CLASS = datetime(2026, 11, 23, 8, 20, tzinfo=UTC)  # 09:20 on the school's clock
SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()


@dataclass(frozen=True)
class Room:
    """A room with a unit, its teacher, and a class of three on Mondays from nine to ten."""

    house: House
    teacher: Teacher
    rule: str
    class_id: str
    pupils: tuple[str, str, str]

    def say(self, pupil: str, *, picture: frozenset[Scope] = SEEN, voice: frozenset[Scope] = SEEN) -> int:
        """Write down a guardian's form; give how many units were told something else."""
        said = Said(person=pupil, giver=Giver.GUARDIAN_1, picture=picture, voice=voice, holds_from=MONDAY)
        return write_answers(self.house.services, [said], by="office")

    def agree(self) -> None:
        """Let everybody agree: principal, teacher, families."""
        words = [
            Word(who=Who.TEACHER, about=self.teacher.id, agrees=True, holds_from=MONDAY),
            Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=MONDAY),
        ]
        write_agreements(self.house.services, words, by=OPERATOR)
        for pupil in self.pupils:
            self.say(pupil)

    @property
    def policy(self) -> Policy:
        """Give the unit's snapshot, its signature verified."""
        with self.house.services.database.reading() as session:
            line = session.get_one(Device, self.teacher.device).policy_line
        assert line
        return verify_document(Policy, line, self.house.services.keys.trust)

    def press(self, now: datetime = IN_CLASS, checked: int | None = None) -> PressDecision:
        """Press the button."""
        return decide_press(self.policy, now, clock_trusted=True, checked=checked)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Make a school with strict rules, where nobody has answered yet."""
    house = make_house(tmp_path)
    house.clock.now = IN_CLASS - timedelta(hours=1)
    made = furnish(house)
    set_first_rules(house.services)
    renew_policies(house.services)
    yield made
    house.services.database.close()


def furnish(house: House) -> Room:
    """Enter the room, its class and its timetable."""
    teacher, rule, class_id = house.add_teacher("Ada Moreno", "Room 12"), new_id(), new_id()
    pupils, ada = (new_id(), new_id(), new_id()), new_id()
    with house.services.database.writing() as session:
        session.get_one(Device, teacher.device).room_name = "Room 12"
        there = require_room(session, "", "Room 12", house.services.random_bytes)
        session.add(SchoolClass(id=class_id, source=Source.TABLE, title="5b", site="", begins_on=MONDAY, ends_on=None))
        session.add(Person(id=ada, kind=Kind.ADULT, account=teacher.id, made_at=house.clock()))
        session.add_all(Person(id=pupil, kind=Kind.PUPIL, made_at=house.clock()) for pupil in pupils)
        session.flush()
        days = {"begins_on": MONDAY, "ends_on": None}
        session.add_all(Membership(class_id=class_id, person=pupil, role=ClassRole.PUPIL, **days) for pupil in pupils)
        session.add(LessonRule(id=rule, room=there.id, weekday=0, begins=time(9), ends=time(10), **days))
        session.flush()
        session.add(LessonRuleClass(rule=rule, class_id=class_id))
        session.add(LessonRuleTeacher(rule=rule, place=0, person=ada))
    return Room(house, teacher, rule, class_id, pupils)


def test_button_is_refused_until_everybody_agreed(room: Room) -> None:
    """Principal, teacher, then each family: the last answer opens it, and the recording is the teacher's."""
    assert room.press().reason == "principal_has_not_agreed"
    write_agreements(
        room.house.services, [Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=MONDAY)], by=OPERATOR
    )
    assert room.press().reason == "teacher_has_not_opted_in"
    word = Word(who=Who.TEACHER, about=room.teacher.id, agrees=True, holds_from=MONDAY)
    write_agreements(room.house.services, [word], by=OPERATOR)
    reasons = []
    for pupil in room.pupils:
        reasons.append(room.press().reason)
        room.say(pupil)
    assert reasons == ["voice_not_granted"] * 3
    pressed = room.press()
    assert (pressed.allowed, pressed.owner) == (True, room.teacher.id)
    assert room.press(IN_CLASS + timedelta(hours=3)).reason == "no_lesson"


def test_refused_picture_asks_for_a_seat_and_a_refused_voice_for_nothing(room: Room) -> None:
    """One seat must be checked; once the voice is refused, no check helps."""
    room.agree()
    room.say(room.pupils[0], picture=NONE)
    unchecked = room.press()
    assert (unchecked.allowed, unchecked.reason, unchecked.seats) == (False, "seats_must_be_checked", 1)
    assert room.press(checked=1).allowed
    room.say(room.pupils[0], picture=NONE, voice=NONE)
    assert room.press(checked=1).reason == "voice_not_granted"


def test_withdrawal_stops_what_runs(room: Room) -> None:
    """The snapshot that the withdrawal made forbids the recording that the one before had allowed."""
    room.agree()
    permit = room.press()
    said = Said(
        person=room.pupils[1],
        giver=Giver.GUARDIAN_2,
        picture=NONE,
        voice=NONE,
        holds_from=MONDAY,
        is_withdrawal=True,
    )
    assert write_answers(room.house.services, [said], by="office") == 1
    assert not decide_running(room.policy, permit, began_at=IN_CLASS, clock_trusted=True)
    with room.house.services.database.reading() as session:
        waiting = select(Outbox).where(Outbox.topic.endswith("policy"), Outbox.sent_at.is_(None))
        assert [row.payload for row in session.scalars(waiting)] == [_line(room)]


def _line(room: Room) -> bytes | None:
    with room.house.services.database.reading() as session:
        return session.get_one(Device, room.teacher.device).policy_line


def test_answer_that_changes_nothing_issues_nothing(room: Room) -> None:
    """The same form once more, and one of a child in no class of a room, leave every snapshot as it is."""
    room.agree()
    version = room.policy.version
    assert room.say(room.pupils[0]) == 0
    stranger = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=stranger, kind=Kind.PUPIL, made_at=room.house.clock()))
    assert room.say(stranger, picture=NONE, voice=NONE) == 0
    assert room.policy.version == version


def test_pupil_who_is_in_for_a_day_counts_on_that_day(room: Room) -> None:
    """A guest without an answer refuses this Monday and not the next one."""
    room.agree()
    guest = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=guest, kind=Kind.PUPIL, made_at=room.house.clock()))
        session.flush()
        session.add(
            LessonGuest(
                id=new_id(),
                person=guest,
                class_id=room.class_id,
                begins_on=MONDAY,
                ends_on=MONDAY,
                made_at=room.house.clock(),
                made_by="office",
            )
        )
    renew_policies(room.house.services)
    assert room.press().reason == "voice_not_granted"
    room.house.clock.pass_time(timedelta(days=6))
    renew_policies(room.house.services)
    assert room.press(IN_CLASS + timedelta(weeks=1)).allowed


def test_guest_who_agreed_refuses_nobody(room: Room) -> None:
    """Their own form opens the lesson that they are in."""
    room.agree()
    guest = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=guest, kind=Kind.PUPIL, made_at=room.house.clock()))
        session.flush()
        days = {"begins_on": MONDAY, "ends_on": MONDAY, "made_at": room.house.clock(), "made_by": "office"}
        session.add(LessonGuest(id=new_id(), person=guest, class_id=room.class_id, **days))
    renew_policies(room.house.services)
    assert not room.press().allowed
    assert room.say(guest) == 1
    assert room.press().allowed


def test_blackout_refuses_and_lifting_it_allows_again(room: Room) -> None:
    """Of the room or of everything; each is told at once."""
    room.agree()
    for where in ({}, {"room": room.policy.lessons[0].room}):
        dark = Dark(begins_at=IN_CLASS - timedelta(minutes=5), ends_at=IN_CLASS + timedelta(minutes=5), **where)
        name = black_out(room.house.services, dark, by="office")
        assert room.press().reason == "blackout"
        lift_blackout(room.house.services, name, by="office")
        assert room.press().allowed
    with room.house.services.database.writing() as session:
        require_room(session, "North", "Gym", room.house.services.random_bytes)
    elsewhere = Dark(begins_at=IN_CLASS, ends_at=IN_CLASS + timedelta(hours=1), site="North")
    black_out(room.house.services, elsewhere, by="office")
    assert room.press().allowed


def test_snapshot_names_nobody_and_ends(room: Room) -> None:
    """No pupil's id is in it, and after its days the unit refuses by itself."""
    room.agree()
    line = _line(room)
    assert line
    assert [pupil for pupil in room.pupils if pupil.encode() in line] == []
    assert room.press(room.policy.expires_at).reason == "policy_expired"
    assert room.policy.expires_at - room.policy.issued_at == timedelta(days=Rules().snapshot_days)


def test_school_without_sound_refuses_a_unit_that_cannot_leave_it_out(room: Room) -> None:
    """A unit of an earlier release would be heard by its microphone; told otherwise, it hears of it at once."""
    room.agree()
    room.say(room.pupils[0], voice=NONE)
    set_rules(room.house.services, Rules(sound=False), seen=1, reasons={"sound": "a pilot"}, by="officer")
    assert room.press().reason == "unit_cannot_leave_sound_out"
    note_abilities(room.house.services, room.teacher.device, "omits_sound, flies")
    assert (room.press().allowed, room.press().sound) == (True, False)
    note_abilities(room.house.services, room.teacher.device, None)
    assert room.press().reason == "unit_cannot_leave_sound_out"


def test_school_with_sound_asks_nothing_new_of_a_unit(room: Room) -> None:
    """What an earlier release must not ignore stands in no snapshot that does not need it."""
    room.agree()
    note_abilities(room.house.services, room.teacher.device, "omits_sound")
    assert room.press().sound
    assert b"must_" not in (_line(room) or b"must_")


def test_looser_rules_need_a_reason_each(room: Room) -> None:
    """Without one nothing changes, and the setting is named; with one it holds at once."""
    before = room.policy.version
    with pytest.raises(ConsentRefusedError, match="asks for less than before: objection, adults"):
        set_rules(room.house.services, Rules(objection=True, adults=False), seen=1, reasons={}, by="officer")
    assert room.policy.version == before
    room.agree()
    room.say(room.pupils[0], picture=NONE)
    set_rules(room.house.services, Rules(seats=False), seen=1, reasons={}, by="officer")
    assert room.press(checked=1).reason == "picture_not_granted"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"person": "nobody"}, "person: nobody is known by 'nobody'"),
        ({"holds_until": MONDAY - timedelta(days=1)}, "holds_until: expected 2026-11-23 or later"),
    ],
)
def test_answer_that_cannot_be_is_refused_with_all_beside_it(room: Room, values: dict[str, object], words: str) -> None:
    """The field is named, and of the pile nothing is written down."""
    room.agree()
    good = {"giver": Giver.GUARDIAN_1, "picture": NONE, "voice": NONE, "holds_from": MONDAY}
    pile = [Said(person=room.pupils[0], **good), Said(**{"person": room.pupils[1], **good, **values})]  # type: ignore[arg-type]
    with pytest.raises(AnswerRefusedError, match=words):
        write_answers(room.house.services, pile, by="office")
    assert room.press().allowed


@pytest.mark.parametrize("place", [Place(room_name="Room 13"), Place(site="North")])
def test_unit_that_moves_is_told_of_its_new_room_at_once(room: Room, place: Place) -> None:
    """What was allowed in the room that it left is not allowed in the one where it stands."""
    room.agree()
    permit = room.press()
    assert permit.allowed
    move(room.house.services, room.teacher.device, place, Deed("it", room.house.clock()))
    assert room.press().reason == "no_lesson"
    assert not decide_running(room.policy, permit, began_at=IN_CLASS, clock_trusted=True)


def test_quarantined_unit_hears_of_a_refusal(room: Room) -> None:
    """It delivers nothing, but its button works: so it is told like every other."""
    room.agree()
    with room.house.services.database.writing() as session:
        session.get_one(Device, room.teacher.device).state = DeviceState.QUARANTINED
    assert room.say(room.pupils[0], picture=NONE, voice=NONE) == 1
    assert room.press().reason == "voice_not_granted"


@pytest.mark.parametrize(("kind", "role"), [(Kind.ADULT, ClassRole.PUPIL), (Kind.PUPIL, ClassRole.TEACHER)])
def test_who_is_a_pupil_by_either_list_counts_as_one(room: Room, kind: Kind, role: ClassRole) -> None:
    """A pupil who is listed as an adult, or as a teacher of the class, is asked where adults are not."""
    set_rules(room.house.services, Rules(adults=False), seen=1, reasons={"adults": "a pilot"}, by="officer")
    room.agree()
    odd = new_id()
    with room.house.services.database.writing() as session:
        session.add(Person(id=odd, kind=kind, made_at=room.house.clock()))
        session.flush()
        session.add(Membership(class_id=room.class_id, person=odd, role=role, begins_on=MONDAY, ends_on=None))
    renew_policies(room.house.services)
    assert room.press().reason == "voice_not_granted"


@pytest.mark.parametrize("adults", [True, False])
def test_teachers_own_refusal_is_heard_beside_their_word(room: Room, adults: bool) -> None:  # noqa: FBT001
    """Their form at the office says no: whatever they said as a teacher, and whether or not adults are asked."""
    house = room.house
    if not adults:
        set_rules(house.services, Rules(adults=False), seen=1, reasons={"adults": "a pilot"}, by="officer")
    room.agree()
    with house.services.database.reading() as session:
        lead = session.scalars(select(LessonRuleTeacher.person)).one()
    assert room.press().allowed
    said = {"person": lead, "giver": Giver.SELF, "holds_from": MONDAY}
    write_answers(house.services, [Said(picture=NONE, voice=SEEN, **said)], by="office")  # type: ignore[arg-type]
    assert room.press().reason == "adult_has_not_agreed"
    write_answers(house.services, [Said(picture=SEEN, voice=SEEN, **said)], by="office")  # type: ignore[arg-type]
    assert room.press().allowed


def test_blackout_of_a_site_reaches_a_unit_whose_room_nobody_named(room: Room) -> None:
    """A pilot's room is in no timetable; its unit is told at once all the same."""
    house = room.house
    with house.services.database.writing() as session:
        session.execute(delete(RulesVersion))
        session.get_one(Device, room.teacher.device).room_name = "Attic"
    renew_policies(house.services)
    assert room.press().allowed
    black_out(house.services, Dark(begins_at=IN_CLASS, ends_at=IN_CLASS + timedelta(hours=1)), by="office")
    assert room.press().reason == "blackout"


def test_blackout_after_a_lesson_ends_the_time_that_it_may_go_on(room: Room) -> None:
    """Who comes into the room right after the bell for something confidential is not recorded in the margin."""
    room.agree()
    ends_at = room.policy.lessons[0].ends_at
    assert room.press().ends_at == ends_at + timedelta(seconds=Rules().margin_s)
    black_out(room.house.services, Dark(begins_at=ends_at, ends_at=ends_at + timedelta(hours=1)), by="office")
    assert room.press().ends_at == ends_at


def newest_line(room: Room) -> int:
    """Give the number of the line that was written down last."""
    with room.house.services.database.reading() as session:
        return session.scalars(select(AnswerRow.number).order_by(AnswerRow.number.desc())).first() or 0


def test_slip_that_is_taken_back_does_not_count_and_stays(room: Room) -> None:
    """The answer before it holds again at once, a first one is not returned again, and every line is still there."""
    room.agree()
    room.say(room.pupils[0], picture=NONE, voice=NONE)
    slip = newest_line(room)
    assert not room.press().allowed
    assert take_back(room.house.services, slip, by="office") == 1
    assert room.press().allowed
    assert newest_line(room) == slip + 1
    assert take_back(room.house.services, slip - 1, by="office") == 1
    assert room.press().reason == "voice_not_granted"
    with room.house.services.database.reading() as session:
        assert session.get_one(AnswerRow, slip).undoes is None


def test_line_is_taken_back_once_and_soon(room: Room) -> None:
    """Not twice, not the line that takes back, not a day later: what holds then is another answer."""
    room.agree()
    first = newest_line(room)
    take_back(room.house.services, first, by="office")
    room.say(room.pupils[0])
    room.house.clock.pass_time(UNDO_WITHIN)
    for number in (first, first + 1, first + 2, first + 3):
        with pytest.raises(AnswerRefusedError, match=f"number.*{number}"):
            take_back(room.house.services, number, by="office")

"""The page of a teacher's day: what the button does and why, who sits where, and who reads that."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path

import pytest

from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver
from controller.consent.darkening import Dark, black_out
from controller.consent.models import Who
from controller.consent.opting import Word, write_agreements
from controller.consent.piloting import begin_pilot
from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from controller.devices.history import OPERATOR
from controller.devices.models import Device, Health
from controller.devices.policies import renew_policies
from controller.people.models import PersonName
from controller.timetable.models import LessonChange
from protocol.abilities import Ability
from tests.classes import enter_classes
from tests.days import (
    NONE,
    SEEN,
    Hours,
    enter_lesson,
    lesson_ids,
    let_agree,
    local_now,
    person_of,
    pupils_of,
    put_in_room,
)
from tests.house import House, Teacher, make_house
from tests.ruled import set_first_rules

MORNING = Hours(begins=time(8, 0), ends=time(8, 45))
NINE = Hours(begins=time(9, 0), ends=time(9, 45))
NOON = Hours(begins=time(12, 0), ends=time(12, 45))
TOMORROW = Hours(begins=time(9, 0), ends=time(9, 45), in_days=1)


@dataclass(frozen=True)
class Day:
    """A teacher whose class has seven pupils, at twenty past nine of a school day."""

    house: House
    ada: Teacher
    bea: Teacher
    room: str
    class_id: str
    pupils: list[str]

    def teach(self, hours: Hours, *people: str) -> str:
        """Enter a lesson of the class in the room; Ada leads it unless others are named."""
        rule = enter_lesson(self.house, self.room, self.class_id, people or [person_of(self.house, self.ada.id)], hours)
        renew_policies(self.house.services)
        return rule

    def page(self, who: Teacher | None = None, language: str = "en") -> str:
        """Read the page as somebody."""
        browser = self.house.browser(who or self.ada)
        return browser.get("/today", headers={"Accept-Language": language}).text

    def name_of(self, pupil: str) -> str:
        """Give the family name of a pupil."""
        with self.house.services.database.reading() as session:
            return session.get_one(PersonName, pupil).family


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    """Make it, with strict rules; nobody has answered yet, and no lesson is in the timetable."""
    house = make_house(tmp_path)
    house.clock.now = local_now(house).replace(hour=9, minute=20)
    ada, bea = house.add_teacher(), house.add_teacher("Bea Other", room="Room 14")
    classes = enter_classes(house, by=ada.id, teacher=ada.id)
    room = put_in_room(house, ada.device, "Room 12")
    set_first_rules(house.services)
    yield Day(house, ada, bea, room, classes.class_id, pupils_of(house, classes.class_id))
    house.services.database.close()


def test_lesson_works_when_everybody_agreed(day: Day) -> None:
    """Room, class, times, and that the button works; nobody is named."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils)
    page = day.page()
    for words in ("The button works", "Everybody who is expected said yes.", "9:00", "9:45", "3B", "Room 12"):
        assert words in page, words
    assert [each for each in day.pupils if day.name_of(each) in page] == []


def test_lead_reads_who_sits_out_of_the_picture(day: Day) -> None:
    """By name, with a list to print; of nobody else."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:2])
    page = day.page()
    assert "Works once the seats are checked" in page
    assert "2 sit out of the picture" in page
    assert [each for each in day.pupils if day.name_of(each) in page] == day.pupils[:2]
    (lesson,) = lesson_ids(day.house, local_now(day.house).date())
    printed = day.house.browser(day.ada).get(f"/today/{lesson}/seats")
    assert [each for each in day.pupils if day.name_of(each) in printed.text] == day.pupils[:2]
    assert printed.headers["Cache-Control"] == "no-store"


def test_lead_reads_of_whom_an_answer_is_missing_and_not_who_said_no(day: Day) -> None:
    """A missing form can be asked for; a no is a no, and names nobody where no seat follows from it."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils[2:])
    refusal = Said(
        person=day.pupils[0],
        giver=Giver.GUARDIAN_1,
        picture=NONE,
        voice=NONE,
        holds_from=local_now(day.house).date(),
    )
    write_answers(day.house.services, [refusal], by="office")
    page = day.page()
    assert "Not everybody’s voice may be recorded" in page
    assert "1 answer is missing" in page
    assert [each for each in day.pupils if day.name_of(each) in page] == [day.pupils[1]]


def test_silence_that_is_a_yes_is_no_missing_answer(day: Day) -> None:
    """At a school that goes by objection nobody has to be asked again."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, [])
    set_rules(day.house.services, Rules(objection=True), seen=1, reasons={"objection": "law"}, by="officer")
    renew_policies(day.house.services)
    page = day.page()
    assert "The button works" in page
    assert "missing" not in page


def test_who_teaches_beside_the_lead_reads_no_name_and_no_reason(day: Day) -> None:
    """Bea is there too: whether the button works, and that the lead knows why."""
    lead, beside = person_of(day.house, day.ada.id), person_of(day.house, day.bea.id)
    day.teach(NINE, lead, beside)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:1])
    own = Said(person=beside, giver=Giver.SELF, picture=SEEN, voice=SEEN, holds_from=local_now(day.house).date())
    write_answers(day.house.services, [own], by="office")
    assert day.name_of(day.pupils[0]) in day.page(day.ada)
    page = day.page(day.bea)
    assert "Works once the seats are checked" in page
    assert "shown to whoever leads the lesson" in page
    assert [each for each in day.pupils if day.name_of(each) in page] == []
    (lesson,) = lesson_ids(day.house, local_now(day.house).date())
    assert day.house.browser(day.bea).get(f"/today/{lesson}/seats").status_code == 404


def test_substitute_of_today_sees_the_lesson_and_who_is_replaced_does_not(day: Day) -> None:
    """Also the names: they go with who stands in front of the class."""
    rule = day.teach(NINE)
    let_agree(day.house, day.bea.id, day.pupils, unseen=day.pupils[:1])
    today, substitute = local_now(day.house).date(), person_of(day.house, day.bea.id)
    with day.house.services.database.writing() as session:
        session.add(LessonChange(rule=rule, day=today, teacher=substitute, made_at=day.house.clock(), made_by="office"))
    renew_policies(day.house.services)
    assert day.name_of(day.pupils[0]) in day.page(day.bea)
    page = day.page(day.ada)
    assert "No lesson today" in page
    assert day.name_of(day.pupils[0]) not in page


def test_lesson_that_is_in_another_room_today_is_told_with_that_room(day: Day) -> None:
    """The unit there decides, and the page says so."""
    rule, elsewhere = day.teach(NINE), put_in_room(day.house, day.bea.device, "Room 14")
    let_agree(day.house, day.ada.id, day.pupils)
    today, made = local_now(day.house).date(), {"made_at": day.house.clock(), "made_by": "office"}
    with day.house.services.database.writing() as session:
        session.add(LessonChange(rule=rule, day=today, room=elsewhere, **made))
    renew_policies(day.house.services)
    page = day.page()
    assert "Room 14" in page
    assert "Room 12" not in page
    assert "The button works" in page


def test_names_are_gone_when_the_lesson_is_over(day: Day) -> None:
    """It is folded away, and says where and when it was."""
    day.teach(MORNING)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:1])
    page = day.page()
    assert "1 lesson is over" in page
    assert "Your lessons of today are over." in page
    assert [each for each in day.pupils if day.name_of(each) in page] == []


def test_page_begins_with_what_runs_now(day: Day) -> None:
    """Then what is still to come, what is over, and tomorrow."""
    for hours in (TOMORROW, NOON, MORNING, NINE):
        day.teach(hours)
    page = day.page()
    places = [
        page.index(words) for words in (">Now<", "9:00", ">Later today<", "12:00", "1 lesson is over", ">Tomorrow<")
    ]
    assert places == sorted(places)


def test_own_yes_that_is_missing_is_said_to_whom_it_is_missing_of(day: Day) -> None:
    """Beside the reason, with the way to where it is said; and no more once it is."""
    day.teach(NINE)
    word = Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=local_now(day.house).date())
    write_agreements(day.house.services, [word], by=OPERATOR)
    page = day.page()
    assert page.count("You have not said yes to recording your lessons.") == 2
    assert 'href="/consent/agreements#mine"' in page
    own = Word(who=Who.TEACHER, about=day.ada.id, agrees=True, holds_from=local_now(day.house).date())
    write_agreements(day.house.services, [own], by=day.ada.id)
    assert "You have not said yes" not in day.page()


def test_lesson_without_sound_says_so(day: Day) -> None:
    """Where the button works and the unit can leave it out; one that cannot refuses, and IT is asked."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils)
    set_rules(day.house.services, Rules(sound=False), seen=1, reasons={"sound": "a pilot"}, by="officer")
    renew_policies(day.house.services)
    assert "this unit cannot leave it out" in day.page()
    with day.house.services.database.writing() as session:
        session.get_one(Device, day.ada.device).abilities = Ability.OMITS_SOUND.value
    renew_policies(day.house.services)
    page = day.page()
    assert "The button works" in page
    assert "Picture only: no sound is recorded." in page
    assert "Everybody who is expected said yes to the picture." in page
    assert "Everybody who is expected said yes." not in page


def test_seats_of_a_lesson_without_sound_say_that_voices_need_no_answer(day: Day) -> None:
    """Whoever sits out is neither seen nor heard; of a voice nothing was asked."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:1])
    assert "no sound is recorded" not in day.page()
    set_rules(day.house.services, Rules(sound=False), seen=1, reasons={"sound": "a pilot"}, by="officer")
    with day.house.services.database.writing() as session:
        session.get_one(Device, day.ada.device).abilities = Ability.OMITS_SOUND.value
    renew_policies(day.house.services)
    page = day.page()
    assert "Works once the seats are checked" in page
    assert "Not everybody may be in the picture. Voices need no answer, for no sound is recorded." in page


def test_blackout_is_said(day: Day) -> None:
    """Also where everybody agreed."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils)
    now = day.house.clock()
    dark = Dark(begins_at=now, ends_at=now + timedelta(hours=1))
    black_out(day.house.services, dark, by="office")
    assert "Recording is switched off here" in day.page()


def test_unit_that_was_away_when_something_changed_may_say_otherwise(day: Day) -> None:
    """The page does not promise what the unit cannot know."""
    day.teach(NINE)
    put_in_room(day.house, day.ada.device, "Room 12", online=False)
    day.house.clock.pass_time(timedelta(minutes=5))
    let_agree(day.house, day.ada.id, day.pupils)
    page = day.page()
    assert "Not certain" in page
    assert "does not know the newest" in page
    assert "The button works" not in page


def test_room_without_a_unit_and_unit_that_is_unwell_are_said(day: Day) -> None:
    """Each with whom to ask."""
    day.teach(NINE)
    said = day.house.clock()
    with day.house.services.database.writing() as session:
        session.add(Health(device=day.ada.device, fit=False, reason="camera_missing", said_at=said, received_at=said))
    assert "something is wrong with it" in day.page()
    with day.house.services.database.writing() as session:
        session.get_one(Device, day.ada.device).room_name = "Elsewhere"
    assert "No unit stands in this room." in day.page()


def test_trial_without_a_timetable_says_so_of_ones_own_unit(tmp_path: Path) -> None:
    """A school without rules: whoever owns the unit may press at any time, with adults who said yes."""
    house = make_house(tmp_path)
    ada, bea = house.add_teacher(), house.add_teacher("Bea Other", room="Room 14")
    renew_policies(house.services)
    page = house.browser(ada).get("/today").text
    assert "At any time" in page
    assert "Works for adults alone" in page
    assert "Your school has set no rules yet" in page
    assert "Room 14" not in page
    assert "Room 12" not in house.browser(bea).get("/today").text
    house.services.database.close()


def test_trial_at_a_school_without_sound_is_told_as_silent(day: Day) -> None:
    """The button that goes by no timetable says so as well."""
    with day.house.services.database.writing() as session:
        session.get_one(Device, day.ada.device).abilities = Ability.OMITS_SOUND.value
    set_rules(day.house.services, Rules(sound=False), seen=1, reasons={"sound": "a pilot"}, by="officer")
    today = local_now(day.house).date()
    begin_pilot(day.house.services, day.room, until=today, reason="to try", by="officer")
    renew_policies(day.house.services)
    page = day.page()
    assert "only adults who said yes may be recorded" in page
    assert "Picture only: no sound is recorded." in page


def test_lesson_of_a_school_without_rules_says_that_the_rules_are_missing_first(tmp_path: Path) -> None:
    """In the timetable, with a unit whose owner leads it: it is no button for a class, and says whom to ask."""
    house = make_house(tmp_path)
    house.clock.now = local_now(house).replace(hour=9, minute=20)
    ada = house.add_teacher()
    classes = enter_classes(house, by=ada.id, teacher=ada.id)
    enter_lesson(house, put_in_room(house, ada.device, "Room 12"), classes.class_id, [person_of(house, ada.id)], NINE)
    renew_policies(house.services)
    browser = house.browser(ada)
    page = browser.get("/today").text
    card = page.partition("<article")[2]
    assert "What is missing first: your school has set no rules of consent yet." in page
    assert "The privacy officer, the principal of the whole school or an administrator sets them." in page
    assert "no lesson with pupils may be recorded" in card
    assert "The button works" not in page
    assert "on trial" not in page
    assert "Lo que falta primero" in browser.get("/today", headers={"Accept-Language": "es"}).text
    set_first_rules(house.services)
    renew_policies(house.services)
    assert "missing first" not in browser.get("/today").text
    house.services.database.close()


def test_names_are_in_no_log(day: Day, caplog: pytest.LogCaptureFixture) -> None:
    """Nor in an address: a lesson's id is opaque, and a value's own words leave names out."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:1])
    with caplog.at_level(logging.DEBUG):
        assert day.name_of(day.pupils[0]) in day.page()
    assert day.name_of(day.pupils[0]) not in caplog.text


@pytest.mark.parametrize(
    ("minutes", "unseen", "said"),
    [
        (0, 0, "Nobody has to sit out of the picture in this lesson."),
        (0, 7, "The button does not work in this lesson"),
        (60, 1, "This lesson is over."),
    ],
)
def test_list_without_anybody_says_why(day: Day, minutes: int, unseen: int, said: str) -> None:
    """Nobody needs to, the button refuses anyway, or it is too late; and no pupil is named."""
    day.teach(NINE)
    let_agree(day.house, day.ada.id, day.pupils, unseen=day.pupils[:unseen])
    (lesson,) = lesson_ids(day.house, local_now(day.house).date())
    day.house.clock.pass_time(timedelta(minutes=minutes))
    page = day.house.browser(day.ada).get(f"/today/{lesson}/seats").text
    assert said in page
    assert [each for each in day.pupils if day.name_of(each) in page] == []


def test_page_speaks_the_readers_language(day: Day) -> None:
    """Reasons and remedies too."""
    day.teach(NINE)
    page = day.page(language="es")
    assert "La dirección no ha dicho que sí a grabar." in page
    assert "El botón no funciona" in page

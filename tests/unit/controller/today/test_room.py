"""The page behind the code of a room card: the lamp, and whether the room may record now, in words about nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path

import pytest

from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver
from controller.consent.darkening import Dark, black_out
from controller.consent.rules import Rules
from controller.consent.ruling import set_rules
from controller.devices.cards import code_of
from controller.devices.history import Deed
from controller.devices.life import Place, move
from controller.devices.models import Device, DeviceState
from controller.devices.policies import renew_policies
from controller.today.crowd import Crowd
from controller.today.lamp import explain_lamp
from protocol.room.facts import RoomFacts
from protocol.room.lamp import PATTERNS
from tests.classes import PUPILS, enter_classes
from tests.days import NONE, SEEN, Hours, enter_lesson, let_agree, local_now, person_of, pupils_of, put_in_room
from tests.house import House, Teacher, make_house
from tests.ruled import set_first_rules

MAY = "a recording may be made here, if the teacher presses"
NO_LESSON = "no lesson is on"
BLACKOUT = "the school has switched recording off"
NOT_SET_UP = "the camera is not set up, or this card is an old one"
NOT_PERMITTED = "it is not permitted"


class School:
    """A room with a lesson from nine to a quarter to ten; it is twenty past nine, and everybody agreed."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.clock.now = local_now(house).replace(hour=9, minute=20)
        self.ada: Teacher = house.add_teacher(room="Room 12")
        self.class_id = enter_classes(house, by=self.ada.id, teacher=self.ada.id).class_id
        room = put_in_room(house, self.ada.device, "Room 12")
        hours = Hours(begins=time(9), ends=time(9, 45))
        enter_lesson(house, room, self.class_id, [person_of(house, self.ada.id)], hours)
        set_first_rules(house.services)
        self.pupils = pupils_of(house, self.class_id)
        let_agree(house, self.ada.id, self.pupils)
        renew_policies(house.services)

    @property
    def address(self) -> str:
        """Give the address that the card's code stands for."""
        return f"/room/{code_of(self.ada.device, 'Room 12')}"

    def page(self, address: str = "", language: str = "en") -> str:
        """Open a page as somebody without an account."""
        browser = self.house.browser(None)
        return browser.get(address or self.address, headers={"Accept-Language": language}).text

    def refuse(self, pupil: str, *, voice: bool) -> None:
        """Write down that a family refuses the picture, or both."""
        said = Said(
            person=pupil,
            giver=Giver.GUARDIAN_1,
            picture=NONE,
            voice=NONE if voice else SEEN,
            holds_from=local_now(self.house).date(),
        )
        write_answers(self.house.services, [said], by="office")


@pytest.fixture
def school(tmp_path: Path) -> Iterator[School]:
    """Make it."""
    house = make_house(tmp_path)
    yield School(house)
    house.services.database.close()


def test_room_may_record_in_a_lesson_that_is_permitted(school: School) -> None:
    """In the reader's language."""
    assert MAY in school.page()
    assert "Ahora se puede grabar aquí" in school.page(language="es")


def test_page_says_the_same_whether_seats_are_needed(school: School) -> None:
    """That somebody may not be seen changes not a byte."""
    before = school.page()
    school.refuse(school.pupils[0], voice=False)
    assert school.page() == before


def test_page_says_the_same_whoever_refused(school: School) -> None:
    """One family, two, or the teacher: not permitted, without a count."""
    pages = []
    for pupil in school.pupils[:2]:
        school.refuse(pupil, voice=True)
        pages.append(school.page())
    assert NOT_PERMITTED in pages[0]
    assert pages[0] == pages[1]


def test_page_tells_no_lesson_and_a_blackout_apart(school: School) -> None:
    """Neither is about anybody."""
    now = school.house.clock()
    black_out(school.house.services, Dark(begins_at=now, ends_at=now + timedelta(minutes=5)), by="office")
    assert BLACKOUT in school.page()
    school.house.clock.pass_time(timedelta(hours=3))
    assert NO_LESSON in school.page()


def test_page_names_nobody_and_nothing(school: School) -> None:
    """No teacher, pupil, class or room, though it knows of them all."""
    school.refuse(school.pupils[0], voice=False)
    page = school.page()
    for name in (*PUPILS, "Ada", "Moreno", "3B", "Room 12", school.class_id, school.ada.id):
        assert name not in page


@pytest.mark.parametrize("code", ["unknown", "a" * 26, "a" * 32, "%2e%2e", "ä" * 40, "x" * 2000])
def test_unknown_code_has_a_page_of_the_same_shape(school: School, code: str) -> None:
    """It cannot be told from a room that is not set up."""
    answer = school.house.browser(None).get(f"/room/{code}")
    assert answer.status_code == 200
    assert NOT_SET_UP in answer.text
    assert re.sub(r"<p.*?</p>", "", answer.text) == re.sub(
        r"<p.*?</p>", "", school.page().replace('class="card may"', 'class="card"')
    )


def test_card_that_was_left_behind_is_an_old_one(school: School) -> None:
    """After a move under another label the old card tells nothing of the new room, and the new card does."""
    old = school.address
    place = Place(label="Room 14", room_name="Room 12")
    move(school.house.services, school.ada.device, place, Deed("it", school.house.clock()))
    assert NOT_SET_UP in school.page(old)
    assert MAY in school.page(f"/room/{code_of(school.ada.device, 'Room 14')}")


@pytest.mark.parametrize("state", [DeviceState.RETIRED, DeviceState.LOST, DeviceState.REMOVED])
def test_card_of_a_unit_that_is_gone_is_an_old_one(school: School, state: DeviceState) -> None:
    """Whatever it was told last."""
    with school.house.services.database.writing() as session:
        session.get_one(Device, school.ada.device).state = state
    assert NOT_SET_UP in school.page()


def test_page_explains_the_lamp_out_of_the_units_own_table(school: School) -> None:
    """Every pattern has its bar and its meaning; a lamp of two colours is explained as it shines."""
    page = school.page()
    assert page.count("<svg") == len(PATTERNS)
    for words in ("Steady red.", "This room is being recorded.", "Nothing is recorded."):
        assert words in page
    two = explain_lamp(RoomFacts(label="", has_blue=False), str)
    assert "blue" not in " ".join(each.look for rows in two.values() for each in rows)


def test_page_of_a_school_without_sound_says_that_none_is_recorded(school: School) -> None:
    """By its rules; the same for a code that nobody has printed. Before, it says that sound may be recorded."""
    assert "picture and sound of this room" in school.page()
    set_rules(school.house.services, Rules(sound=False), seen=1, reasons={"sound": "a trial"}, by="officer")
    for page in (school.page(), school.page("/room/unknown")):
        assert "by the rules of this school no sound" in page
        assert "picture and sound" not in page
    assert "por las normas de este centro, sin sonido" in school.page(language="es")


def test_page_is_not_kept_and_leads_teachers_to_theirs(school: School) -> None:
    """What it said an hour ago is not what it says now."""
    answer = school.house.browser(None).get(school.address)
    assert answer.headers["Cache-Control"] == "no-store"
    assert 'href="/today"' in answer.text


def test_machine_that_asks_too_often_is_told_to_wait(school: School) -> None:
    """With a page in words and the seconds; another address is still welcome."""
    browser = school.house.browser(None, app := school.house.app)
    answers = [browser.get("/room/unknown").status_code for _ in range(601)]
    assert answers == [200] * 600 + [429]
    refused = browser.get("/room/unknown")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "very often from your network" in refused.text
    other = school.house.browser(None, app)
    other.environ_base["REMOTE_ADDR"] = "192.0.2.9"
    assert other.get("/room/unknown").status_code == 200


def test_crowd_counts_a_minute_and_no_more_addresses_than_it_has_room_for() -> None:
    """Counts begin anew each minute, and a flood of addresses shares one count instead of filling the memory."""
    crowd = Crowd(most=2, most_addresses=2)
    assert [crowd.wait_s("192.0.2.1", 30) for _ in range(3)] == [0, 0, 30]
    assert crowd.wait_s("192.0.2.1", 60) == 0
    assert [crowd.wait_s(f"192.0.2.{number}", 61) for number in range(2, 6)] == [0, 0, 0, 59]
    assert crowd.wait_s("2001:db8::1", 120) == crowd.wait_s("2001:db8::2", 120) == 0
    assert crowd.wait_s("2001:db8::3", 120) == 60

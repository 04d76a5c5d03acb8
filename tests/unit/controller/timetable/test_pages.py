"""The pages of rooms: what the office sets there is what is held, and what is wrong is said where it was typed."""

from __future__ import annotations

import io
import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.people.models import Person
from controller.timetable.models import BellPeriod, LessonChange, LessonGuest, LessonRule, Term, UsualLesson
from tests.classes import Classes, TaughtRoom, enter_classes, enter_room
from tests.house import House, Teacher, form_token, house, post

__all__ = ["house"]
TODAY = date(2026, 11, 24)


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher with a unit."""
    return house.add_teacher()


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def classes(house: House, teacher: Teacher) -> Classes:
    """Give a class."""
    return enter_classes(house, by=teacher.id, teacher=teacher.id)


@pytest.fixture
def taught(house: House, teacher: Teacher, classes: Classes) -> TaughtRoom:
    """Give a room with one of everything."""
    return enter_room(house, classes.class_id, by=teacher.id, teacher=teacher.id)


def count(house: House, model: type) -> int:
    """Count the rows of a table."""
    with house.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def person_of(house: House, teacher: Teacher) -> str:
    """Give the person whom an account is."""
    with house.services.database.reading() as session:
        return session.scalars(select(Person.id).where(Person.account == teacher.id)).one()


def test_room_gets_its_usual_lesson_by_two_forms(house: House, browser: FlaskClient, classes: Classes) -> None:
    """Add the room, say who is usually there; the week shows it at once."""
    cem = house.accounts.add(email="cem@school.example", name="Cem Third", role=Role.TEACHER)
    address = post(browser, "/rooms", page="/rooms", name="Room 9").location
    fields = {"class": classes.class_id, "teacher": f"account:{cem}", "begins": "08:00", "ends": "14:00"}
    answer = post(browser, f"{address}/usual", page=address, weekday=["0", "1"], begins_on="", ends_on="", **fields)
    assert answer.location == address
    page = browser.get(f"{address}?week=2026-12-01").text
    assert page.count("<td>") == 5
    assert page.count("Cem Third</small>") == 2
    assert "Room 9" in browser.get("/rooms").text


def test_page_says_that_a_cancelled_lesson_gives_the_room_back(browser: FlaskClient, taught: TaughtRoom) -> None:
    """On the room's page, and where the day is changed."""
    for address in (f"/rooms/{taught.room}", f"/rooms/{taught.room}/lessons/{taught.rule}"):
        assert "gives the room back to its usual class" in browser.get(address).text


def test_day_is_cancelled_and_taken_back(house: House, browser: FlaskClient, taught: TaughtRoom) -> None:
    """One change a day: the new one takes the place of the old one."""
    address = f"/rooms/{taught.room}/lessons/{taught.rule}"
    day = TODAY.isoformat()
    post(browser, f"{address}/day", page=address, day=day, what="cancelled", teacher="", room="")
    with house.services.database.reading() as session:
        assert [row.is_cancelled for row in session.scalars(select(LessonChange))] == [True]
    assert "not held" in browser.get(f"/rooms/{taught.room}").text
    post(browser, f"{address}/as-always", page=address, day=day)
    assert count(house, LessonChange) == 0


def test_lesson_is_changed_from_next_week_on(
    house: House, browser: FlaskClient, taught: TaughtRoom, classes: Classes
) -> None:
    """Both are in the list: the one that ends, and the one that begins."""
    address = f"/rooms/{taught.room}/lessons/{taught.rule}"
    fields = {"weekday": "1", "begins": "11:00", "ends": "12:00", "class": classes.class_id, "ends_on": ""}
    answer = post(browser, address, page=address, begins_on=(TODAY + timedelta(days=7)).isoformat(), **fields)
    assert answer.location == f"/rooms/{taught.room}"
    with house.services.database.reading() as session:
        days = {(row.begins.hour, row.begins_on, row.ends_on) for row in session.scalars(select(LessonRule))}
    assert days == {(9, TODAY, TODAY + timedelta(days=6)), (11, TODAY + timedelta(days=7), None)}


def test_entries_are_ended_from_today_on(house: House, browser: FlaskClient, taught: TaughtRoom) -> None:
    """Usual lesson, weekly lesson and guest, each by its button; what began today is gone."""
    address = f"/rooms/{taught.room}"
    with house.services.database.reading() as session:
        entries = [session.scalars(select(table.id)).one() for table in (UsualLesson, LessonRule, LessonGuest)]
    for entry in entries:
        assert post(browser, f"{address}/end", page=address, entry=entry).location == address
    assert [count(house, table) for table in (UsualLesson, LessonRule, LessonGuest, LessonChange)] == [0] * 4


@pytest.mark.parametrize(
    ("form", "fields", "said"),
    [
        ("usual", {"class": "", "teacher": ""}, "Classes: expected at least one, got none."),
        ("usual", {"begins": "x"}, "Begins: expected a time like 09:45, got “x”."),
        ("lessons", {"ends": "08:00"}, "Ends: expected a time after 09:00, got 08:00."),
        ("lessons", {"weekday": "x"}, "Weekdays: expected weekdays from 0 (Monday) to 6"),
        ("guests", {"person": "x"}, "Person: nobody is known by “x”."),
        ("guests", {"ends_on": "2026-11-01"}, "Last day: expected 2026-11-24 or later"),
        ("end", {"entry": "x"}, "Entry: there is no such entry"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_typed(
    house: House, browser: FlaskClient, taught: TaughtRoom, form: str, fields: dict[str, str], said: str
) -> None:
    """The form is open again with its words in it, and nothing was written."""
    address = f"/rooms/{taught.room}"
    before = [count(house, table) for table in (UsualLesson, LessonRule, LessonGuest)]
    asked = {"weekday": "1", "begins": "09:00", "ends": "10:30", "person": "", "class": "", "teacher": "", **fields}
    answer = post(browser, f"{address}/{form}", page=address, **asked)
    assert answer.status_code == 422
    assert said in answer.text
    assert [count(house, table) for table in (UsualLesson, LessonRule, LessonGuest)] == before


def test_pages_of_rooms_say_nothing_of_recordings(browser: FlaskClient, taught: TaughtRoom) -> None:
    """Whether a lesson was recorded stands nowhere (promise P7)."""
    for address in ("/rooms", f"/rooms/{taught.room}"):
        assert "was recorded" not in browser.get(address).text


def send(browser: FlaskClient, data: bytes, **fields: str) -> TestResponse:
    """Send a file by the form."""
    token = form_token(browser.get("/timetable/import").text)
    sent = {"csrf_token": token, "file": (io.BytesIO(data), "lessons.csv"), "starts_on": "", **fields}
    return browser.post("/timetable/import", data=sent, content_type="multipart/form-data")


TABLE = b"room,weekday,begins,ends,classes,teachers\nRoom 20,Monday,09:00,09:45,3B,Ada Moreno\n"


def test_table_is_shown_applied_and_held(house: House, browser: FlaskClient, taught: TaughtRoom) -> None:
    """Nothing is changed before the button; the new room is named; afterwards it is in the list."""
    address = send(browser, TABLE).location
    page = browser.get(address).text
    assert 'New rooms; look whether one is only mistyped: <span lang="">Room 20</span>' in page
    assert count(house, LessonRule) == 1
    basis = re.search(r'name="basis" value="(\d+)"', page)
    assert basis
    assert post(browser, f"{address}/apply", page=address, basis=basis.group(1)).location == "/rooms"
    assert count(house, LessonRule) == 2
    assert "Room 20" in browser.get("/rooms").text
    assert browser.get(address).status_code == 410


def test_everything_wrong_with_a_table_is_listed(browser: FlaskClient, taught: TaughtRoom) -> None:
    """Each with its row, column and what to do; no draft waits."""
    answer = send(browser, TABLE.replace(b"3B", b"9Z").replace(b"Ada Moreno", b"Nobody"))
    assert answer.status_code == 422
    assert "no class is known by “9Z”. What to do: import its class list first." in answer.text
    assert "nobody is known by “Nobody”" in answer.text
    assert answer.text.count("row 2") == 2


def test_names_of_a_calendars_events_are_confirmed_before_it_is_applied(
    house: House, browser: FlaskClient, taught: TaughtRoom, classes: Classes
) -> None:
    """What is not known is said; what a person says of it is shown in the difference."""
    event = "DTSTART:20261130T090000Z\r\nDTEND:20261130T100000Z\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:Mixed\r\nUID:1"
    data = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n".encode()
    assert "Room: no room is known" in send(browser, data).text
    address = send(browser, data, room=taught.room).location
    page = browser.get(address).text
    assert "<strong>not known</strong>" in page
    said = {"summary": "Mixed", "class-0": classes.class_id}
    assert post(browser, f"{address}/meaning", page=address, **said).location == address
    page = browser.get(address).text
    assert "<strong>not known</strong>" not in page
    assert "Monday 10:00–11:00" in page


def test_bells_and_terms_are_set_and_removed(house: House, browser: FlaskClient) -> None:
    """What is wrong is said beside the form."""
    address = "/timetable/bells"
    bell = {"name": "Third period", "begins": "09:00", "ends": "09:50", "weekday": "2"}
    post(browser, address, page=address, **bell)
    assert "09:00–09:50" in browser.get(address).text
    wrong = post(browser, address, page=address, **{**bell, "ends": "08:00"})
    assert (wrong.status_code, "Ends: expected a time after 09:00" in wrong.text) == (422, True)
    term = {"name": "Autumn", "begins_on": "2026-09-01", "ends_on": "2026-12-18"}
    post(browser, "/timetable/terms", page=address, **term)
    with house.services.database.reading() as session:
        bells, terms = session.scalars(select(BellPeriod.id)).all(), session.scalars(select(Term.id)).all()
    post(browser, f"{address}/remove", page=address, entry=bells[0])
    post(browser, "/timetable/terms/remove", page=address, entry=terms[0])
    page = browser.get(address).text
    assert "Third period" not in page
    assert "Autumn" not in page

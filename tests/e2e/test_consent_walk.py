"""A school without any system walks to its first permitted lesson, and back: by its pages, its button and its lamp.

One story, told in the order in which a school lives it: the office pastes a class and says who is in the room, the
rules are set, teacher and principal agree, forms are entered by keyboard; the unit asks for the seats, records, stops
at a refusal, and refuses offline, too; a substitute's lesson belongs to nobody before it is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from http import HTTPStatus

import pytest
from playwright.sync_api import Browser

from controller.recordings.models import Recording
from provisioning.demo.crew import run
from tests.e2e import home
from tests.e2e.office import Office, Window
from tests.e2e.stack import Stack, found_place
from tests.footage import find_footage

pytestmark = pytest.mark.browser

RATE_BPS = 20_000_000
PUPILS = ("Ana García", "Ben Kim", "Cleo Diaz", "Dan Eze")
LISTED = ("García, Ana", "Kim, Ben", "Diaz, Cleo", "Eze, Dan")
ROOM = "Room 12"
PROMISED_S = 5.0
"""P3: so soon a change that forbids stops a recording on a connected unit."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A school whose seven processes run, and whose unit stands in a room."""
    place = found_place(tmp_path_factory.mktemp("school"), find_footage("bigbuckbunny.mp4"), rate_bps=RATE_BPS)
    with Stack(place) as found:
        found.open()
        yield found


@pytest.fixture(scope="module")
def office(stack: Stack, chromium: Browser) -> Iterator[Office]:
    """The school's people before their screens."""
    made = Office(stack, chromium)
    yield made
    made.close()


@pytest.fixture(scope="module")
def keeper(office: Office) -> Window:
    """The school office, which keeps lists and answers."""
    return office.add("Olga Office", "consent_keeper")


@pytest.fixture(scope="module")
def ada(stack: Stack, office: Office) -> Window:
    """The teacher of the room, at her telephone; `stack.open` has chosen her password."""
    del stack
    return office.sign_in("ada@school.example", "a long enough password", phone=True)


def in_its_room(stack: Stack) -> None:
    """Say by command in which room the unit stands."""
    run("controller", "device", "move", "--config", stack.school.config, ROOM, "--room", ROOM, cwd=stack.school.folder)


def read_today(stack: Stack, ada: Window, *words: str) -> None:
    """Open *Today* until the lesson that runs says some words, and that the unit in the room knows the newest."""

    def says_all() -> bool:
        said = ada.go("/today").locator(".lesson.now").inner_text()
        return all(each in said for each in (*words, "The unit is reachable and knows the newest"))

    stack.wait(f"*Today* to say {words}", says_all)


def press_refused(stack: Stack) -> None:
    """Press, and see at the lamp that it is not allowed now."""
    stack.wait_lamp("ready")
    stack.panel.tap()
    stack.wait_lamp("refused")
    stack.wait_lamp("ready")


def record_with_seats(stack: Stack) -> str:
    """Press, check the seats as the lamp asks, hold until it changes, and give the recording that begins."""
    before = set(stack.spooled())
    stack.wait_lamp("ready")
    stack.panel.tap()
    stack.wait_lamp("check_seats")
    stack.panel.down()
    stack.wait_lamp("seats_checked")
    stack.panel.up()
    stack.wait_lamp("recording")
    (recording,) = set(stack.spooled()) - before
    return recording


def test_school_without_a_system_comes_to_its_first_lesson_and_a_refusal_ends_it(
    stack: Stack, office: Office, keeper: Window, ada: Window
) -> None:
    """P3: seats are asked for, a refusal stops the recording within 5 s, and offline the button refuses as well."""
    in_its_room(stack)
    keeper.read_class("3B", PUPILS, "Ada")
    keeper.set_usual(ROOM, "3B", "Ada")
    office.add("Pia Privacy", "privacy_officer").set_rules("Teachers want to see their own lessons")
    office.add("Paul Principal", "principal").agree("Agree for the chosen sites")
    ada.agree("Agree to being recorded")
    read_today(stack, ada, "The button does not work", "4 answers are missing")
    ada.picture("today-nobody-answered")
    press_refused(stack)
    codes = keeper.print_forms("3B")
    assert set(codes) == {*LISTED, "Ada"}
    keeper.go("/forms/entry")
    for name in LISTED[:3]:
        keeper.enter_form(codes[name], "g", name)
    keeper.enter_form(codes[LISTED[3]], "v", LISTED[3])
    keeper.picture("entered")
    read_today(stack, ada, "1 sits out of the picture", LISTED[3])
    ada.picture("today-seats")
    recording = record_with_seats(stack)
    keeper.go("/forms/entry")
    keeper.enter_form(codes[LISTED[0]], "n", LISTED[0])
    said_at_s = time.monotonic()
    assert stack.wait_lamp("refused", "ready", "sealing") - said_at_s < PROMISED_S
    read_today(stack, ada, "The button does not work")
    ada.picture("today-refused")
    press_refused(stack)
    stack.stop("broker", "agent")
    press_refused(stack)
    stack.start("broker", "agent")
    a_substitutes_lesson_is_claimed(stack, office, ada, recording)


def a_substitutes_lesson_is_claimed(stack: Stack, office: Office, ada: Window, recording: str) -> None:
    """What was a substitute's is locked for everybody, until the one who taught says where and when."""
    stack.wait_ready(recording)
    page = ada.go("/recordings")
    page.get_by_role("button", name="Was this you?").click()
    ada.picture("was-this-you")
    ada.press("My substitute")
    assert plays(ada, recording) == HTTPStatus.NOT_FOUND
    sam = office.add("Sam Stand-In", "teacher")
    assert plays(sam, recording) == HTTPStatus.NOT_FOUND
    began_at = began_of(stack, recording)
    page = sam.go("/recordings/nobodys")
    page.get_by_label("Room").select_option(label=ROOM)
    page.get_by_label("Day").fill(f"{began_at:%Y-%m-%d}")
    page.get_by_label("About when you pressed the button").fill(f"{began_at:%H:%M}")
    sam.picture("where-you-taught")
    sam.press("I taught there")
    assert plays(sam, recording) == HTTPStatus.OK
    assert plays(ada, recording) == HTTPStatus.NOT_FOUND


def plays(window: Window, recording: str) -> int:
    """Ask for a recording's playlist as somebody; give what the server answers."""
    return int(window.page.request.get(f"{window.site}/recordings/{recording}/stream.m3u8").status)


def began_of(stack: Stack, recording: str) -> datetime:
    """Give when a recording began."""
    with home.looking_in(stack) as services, services.database.reading() as session:
        return session.get_one(Recording, recording).began_at

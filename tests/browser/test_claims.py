"""A substitute's lesson, by mouse and keyboard: locked by its provisional owner, claimed by who taught, played."""

from __future__ import annotations

import pytest

from controller.accounts.models import Role
from controller.consent.rules import Rules
from tests.browser.chromium import wait_until
from tests.browser.conftest import Served
from tests.days import put_in_room
from tests.house import Teacher
from tests.lesson import MediaSegment, record_synthetic
from tests.ruled import set_first_rules

pytestmark = pytest.mark.browser
READY = "document.getElementById('player')?.readyState ?? 0"


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record three seconds."""
    return record_synthetic(seconds=3)


def leave(served: Served, segments: list[MediaSegment]) -> Teacher:
    """Let Ada's unit record what her substitute taught in room 12; she says so. Give the substitute."""
    house = served.house
    ada, bea = house.add_teacher(), house.add_teacher("Bea Substitute", room="Room 13")
    put_in_room(house, ada.device, "Room 12", online=None)
    house.deliver_unasked(house.make_lesson(ada, segments))
    with served.sign_in(ada) as context:
        page = context.new_page()
        page.goto(f"{served.site}/recordings")
        page.get_by_role("button", name="Was this you?").click()
        page.get_by_role("button", name="My substitute").focus()
        page.keyboard.press("Enter")
        page.get_by_text("It is locked. Who taught the lesson can claim it.").wait_for()
        assert page.get_by_role("heading", name="No recordings here").count() == 1
    return bea


def test_substitute_finds_their_lesson_and_plays_it(served: Served, segments: list[MediaSegment]) -> None:
    """Nothing on their page tells that it is there; room, day and time make it theirs, and it plays."""
    bea = leave(served, segments)
    with served.sign_in(bea) as context:
        page = context.new_page()
        page.goto(f"{served.site}/recordings")
        assert page.get_by_role("heading", name="No recordings here").count() == 1
        page.get_by_role("link", name="A lesson of yours is missing here?").click()
        page.get_by_label("Room").select_option(label="Room 12")
        page.get_by_label("Day").fill("2026-11-23")
        page.get_by_label("About when you pressed the button").fill("09:20")
        page.keyboard.press("Enter")
        page.get_by_text("The recording is yours now.").wait_for()
        page.get_by_role("link", name="Monday, November 23, 2026").click()
        wait_until(page, READY, lambda state: state >= 2)


def test_second_person_is_asked_where_the_rules_say_so(served: Served, segments: list[MediaSegment]) -> None:
    """The substitute waits, the principal reads a word and says yes, and then the recording is there."""
    set_first_rules(served.house.services, Rules(second_person_confirms=True))
    bea = leave(served, segments)
    principal = served.house.add_person("Pia Principal", Role.PRINCIPAL)
    with served.sign_in(bea) as context, served.sign_in(principal) as other:
        page, office = context.new_page(), other.new_page()
        page.goto(f"{served.site}/recordings/nobodys")
        page.get_by_label("Room").select_option(label="Room 12")
        page.get_by_label("Day").fill("2026-11-23")
        page.get_by_label("About when you pressed the button").fill("09:20")
        page.get_by_role("button", name="I taught there").click()
        page.get_by_text("Your word is kept.").wait_for()
        office.goto(served.site)
        office.get_by_role("link", name="Who taught").click()
        assert "recorded" in office.locator("main p").first.inner_text()
        office.get_by_role("button", name="Yes, it was so: Bea Substitute").click()
        office.get_by_role("heading", name="Nobody waits for you").wait_for()
        page.goto(f"{served.site}/recordings")
        page.get_by_role("link", name="Monday, November 23, 2026").click()
        wait_until(page, READY, lambda state: state >= 2)

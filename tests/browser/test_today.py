"""A lesson that is needed today, in a browser: the button is pressed and taken back, and no page has a barrier."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from controller.calendar.models import SiteHours
from controller.calendar.policy import Trickle, default_hours
from controller.calendar.repo import write_hours
from controller.calendar.window import parse_window
from controller.devices.models import Presence
from tests.browser.conftest import Served
from tests.browser.screens import LOOKS, Look, open_context
from tests.browser.test_accessibility import CHECK, WIDE
from tests.house import NIGHT, House, Teacher
from tests.lesson import record_synthetic

pytestmark = pytest.mark.browser
NOON = NIGHT.replace(hour=11)
"""Noon in Madrid."""


def furnish_day(house: House) -> tuple[Teacher, str]:
    """Make it noon at a school with hours by day, and let half a lesson have come; give its owner and its name."""
    house.clock.now = NOON
    teacher = house.add_teacher()
    with house.services.database.writing() as session:
        row, uploads = SiteHours(site=""), house.services.config.uploads
        allowance = Trickle((parse_window("08:00-16:00"),), 2_000_000)
        night = default_hours(parse_window("22:00-06:00"), uploads.rate_bps)
        write_hours(row, replace(night, trickle=allowance))
        row.changed_at, row.changed_by = NOON, "operator"
        session.add(row)
        session.add(Presence(device=teacher.device, birth=1, online=True, version="1", changed_at=NOON))
    lesson = house.make_lesson(teacher, record_synthetic(seconds=3), began_at=NOON - timedelta(hours=2))
    return teacher, house.deliver(lesson, only=0)


BUTTON = "form[action*='/today'] button"


def check(page: Page, axe: str) -> None:
    """No barrier that axe knows, and nothing wider than the window."""
    page.wait_for_load_state("networkidle")  # a click waits for the answer, and not for its colours
    page.evaluate(axe)
    assert page.evaluate(CHECK) == [], page.url
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] <= widths[1], (page.url, page.evaluate(WIDE))


def walk(page: Page, house: House, address: str, axe: str) -> None:
    """Ask, take back, and come again when the hours by day are over."""
    house.clock.now = NOON
    page.goto(address)
    asking = page.locator(BUTTON).inner_text()
    check(page, axe)
    page.locator(BUTTON).click()
    check(page, axe)
    assert page.locator(BUTTON).inner_text() != asking
    page.locator(BUTTON).click()
    assert page.locator(BUTTON).inner_text() == asking
    house.clock.now = NOON.replace(hour=18)
    page.goto(address)
    check(page, axe)
    assert page.locator(BUTTON).count() == 0


@pytest.mark.parametrize("look", [*LOOKS, Look("narrow", 320, 640, "light", "es")], ids=lambda look: look.name)
def test_lesson_is_asked_for_and_taken_back_without_a_barrier(served: Served, axe: str, look: Look) -> None:
    """The button, what it says then, the way back, and after the hours why it cannot be: of a lesson, and of a unit."""
    teacher, recording = furnish_day(served.house)
    with open_context(served.chromium, look, served.site, teacher) as context:
        for path in (f"/recordings/{recording}", "/recordings/today"):
            walk(context.new_page(), served.house, served.site + path, axe)

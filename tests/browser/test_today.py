"""A lesson that is needed today, in a browser: the button is pressed and taken back, and no page has a barrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from controller.calendar.models import SiteHours
from controller.calendar.policy import Trickle, default_hours
from controller.calendar.repo import write_hours
from controller.calendar.window import parse_window
from controller.devices.models import Presence
from tests.browser.conftest import Served
from tests.browser.looks import BY_LANGUAGE, Look, open_context, require_no_barrier
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


@dataclass(frozen=True)
class Walk:
    """Somebody's way through a page, which is looked at in all looks at every station."""

    page: Page
    house: House
    axe: str
    looks: Sequence[Look]

    def go(self, address: str) -> None:
        """Ask, take back, and come again when the hours by day are over."""
        self.house.clock.now = NOON
        self.page.goto(address)
        button = self.page.locator(BUTTON)
        asking = button.inner_text()
        self._check()
        button.click()
        self._check()
        assert button.inner_text() != asking
        button.click()
        assert button.inner_text() == asking
        self.house.clock.now = NOON.replace(hour=18)
        self.page.goto(address)
        self._check()
        assert button.count() == 0

    def _check(self) -> None:
        self.page.wait_for_load_state("networkidle")  # a click waits for the answer, and not for its colours
        require_no_barrier(self.page, self.axe, self.looks)


@pytest.mark.parametrize("looks", BY_LANGUAGE)
def test_lesson_is_asked_for_and_taken_back_without_a_barrier(served: Served, axe: str, looks: Sequence[Look]) -> None:
    """The button, what it says then, the way back, and after the hours why it cannot be: of a lesson, and of a unit."""
    teacher, recording = furnish_day(served.house)
    with open_context(served.chromium, looks[0], served.site, teacher) as context:
        for path in (f"/recordings/{recording}", "/recordings/today"):
            Walk(context.new_page(), served.house, axe, looks).go(served.site + path)

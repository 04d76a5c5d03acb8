"""A school sets itself up in a real browser: rules by keyboard, who agrees, and everything dark in two presses."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from controller.accounts.models import Role
from controller.consent import repo
from controller.consent.rules import PRESETS
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from protocol.documents import Permission, Policy, peek_document
from tests.browser.conftest import Served
from tests.browser.test_rosters import tab_to
from tests.house import Teacher

pytestmark = pytest.mark.browser


def test_rules_are_set_by_keyboard_alone(served: Served) -> None:
    """A preset, the difference, a reason for each loosening, and the version with its why."""
    with served.sign_in(served.house.add_person("Priya Officer", Role.PRIVACY)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/consent/rules")
        tab_to(page, "Objection means no")
        page.keyboard.press("Enter")
        page.wait_for_url("**/consent/rules?preset=objection#change")
        expect(page.get_by_label("Silence is a yes")).to_be_checked()
        tab_to(page, "Show what would change")
        page.keyboard.press("Enter")
        page.wait_for_url("**/consent/rules/preview")
        expect(page.locator("#changes")).to_contain_text("asks for less")
        for words in ("Lessons with pupils may be recorded", "Silence is a yes"):
            tab_to(page, f"Why: {words}")
            page.keyboard.type(f"{words}: we decided it")
        tab_to(page, "Set these rules")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("The rules hold")
        expect(page.locator("#history")).to_contain_text("Silence is a yes: we decided it")
        expect(page.locator("#history")).to_contain_text("Priya Officer")
    with served.house.services.database.reading() as session:
        assert repo.newest_rules(session) == (1, PRESETS["objection"])


def test_reason_that_is_missing_keeps_the_form(served: Served) -> None:
    """The browser itself asks for it, and nothing is set."""
    with served.sign_in(served.house.add_admin()) as context:
        page = context.new_page()
        page.goto(f"{served.site}/consent/rules?preset=strict")
        page.get_by_role("button", name="Show what would change").click()
        page.get_by_role("button", name="Set these rules").click()
        assert page.evaluate("document.activeElement.id") == "reason-pupils"
        assert page.evaluate("document.activeElement.validity.valueMissing")
    with served.house.services.database.reading() as session:
        assert repo.newest_rules(session) is None


def may_record(served: Served, teacher: Teacher) -> bool:
    """Tell whether a press is allowed now by what the unit is told."""
    with served.house.services.database.reading() as session:
        line = session.get_one(Device, teacher.device).policy_line
    assert line
    policy = peek_document(Policy, line)
    now = served.house.clock()
    dark = any(each.begins_at <= now < each.ends_at for each in policy.lessons)
    return policy.otherwise.permission is Permission.ALLOWED and not dark


def test_everything_is_dark_in_two_presses_and_lifted_in_one(served: Served) -> None:
    """From any page: the link, then the button; the unit is told before the page answers."""
    teacher = served.house.add_teacher()
    renew_policies(served.house.services)
    with served.sign_in(served.house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/account")
        assert may_record(served, teacher)
        page.get_by_role("link", name="No recording").click()
        page.get_by_role("button", name="Record nothing there, from now on").click()
        expect(page.get_by_role("status")).to_contain_text("Nothing is recorded there")
        assert not may_record(served, teacher)
        page.get_by_role("button", name="Lift: The whole school").click()
        expect(page.get_by_role("status")).to_contain_text("Lifted")
        assert may_record(served, teacher)


def agreed(page: Page) -> str:
    """Give what the teacher's own card says."""
    return page.locator("#mine .verdict").inner_text()


def test_teacher_agrees_and_takes_it_back(served: Served) -> None:
    """One press each, and the card says what holds; the office's list follows."""
    teacher, office = served.house.add_teacher(), served.house.add_person("Olga Office", Role.KEEPER)
    with served.sign_in(teacher) as context, served.sign_in(office) as other:
        page, listed = context.new_page(), other.new_page()
        page.goto(f"{served.site}/consent/agreements")
        assert agreed(page) == "Has not agreed"
        page.get_by_role("button", name="Agree to being recorded").click()
        expect(page.get_by_role("status")).to_contain_text("Saved")
        assert agreed(page) == "Agrees"
        listed.goto(f"{served.site}/consent/agreements")
        expect(listed.locator("#teachers")).to_contain_text("0 teachers have not agreed.")
        page.get_by_role("button", name="Take it back now").click()
        expect(page.get_by_role("status")).to_contain_text("Taken back")
        assert agreed(page) == "Has not agreed"
        listed.reload()
        expect(listed.locator("#teachers")).to_contain_text("1 teacher has not agreed.")

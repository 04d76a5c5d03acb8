"""The office reads a class list and a zip in a real browser, by keyboard; nothing changes before the difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from controller.accounts.models import Role
from tests.browser.conftest import Served
from tests.rosters import changed, pack, small_school

pytestmark = pytest.mark.browser


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the element with some words, or for a label with them, has the keyboard."""
    for _ in range(60):
        page.keyboard.press("Tab")
        named = "document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText || ''"
        if page.evaluate(named).strip() == words:
            return
    raise AssertionError(f"no stop called {words!r}")


def test_class_list_is_read_by_keyboard_alone(served: Served) -> None:
    """From the list of classes to a class with its teacher, without a mouse."""
    served.house.add_teacher()
    with served.sign_in(served.house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/classes")
        tab_to(page, "Read a roster or a class list")
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/import")
        tab_to(page, "Class")
        page.keyboard.type("3B")
        tab_to(page, "Pupils, one a line")
        page.keyboard.type("Ana García\nKim, Ben")
        tab_to(page, "Ada Moreno")
        page.keyboard.press("Space")
        tab_to(page, "Show what would change")
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes/drafts/*")
        expect(page.locator("#sums")).to_contain_text("New pupils")
        tab_to(page, "New: 3")
        page.keyboard.press("Enter")
        expect(page.get_by_text("García, Ana")).to_be_visible()
        tab_to(page, "Apply")
        page.keyboard.press("Enter")
        page.wait_for_url("**/classes")
        expect(page.get_by_role("status")).to_contain_text("The roster holds")
        expect(page.locator("#classes")).to_contain_text("2 pupils")


def test_zip_with_a_flaw_is_mended_and_sent_again(served: Served, tmp_path: Path) -> None:
    """The flaws are read out (an alert), each with its place; the mended zip is shown and applied."""
    path = tmp_path / "roster.zip"
    path.write_bytes(pack(changed(small_school(), "users.csv", 2, givenName="=1+1")).getvalue())
    with served.sign_in(served.house.add_person("Olga Office", Role.KEEPER)) as context:
        page = context.new_page()
        page.goto(f"{served.site}/classes/import")
        for data in (None, pack(small_school()).getvalue()):
            if data is not None:
                expect(page.get_by_role("alert")).to_contain_text("users.csv row 2")
                path.write_bytes(data)
            page.set_input_files("#file", path)
            page.get_by_role("button", name="Show what would change").first.click()
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#classes")).to_contain_text("North")

"""The people of a school before their screens: each has a window of Chromium, opened by the link that they were given.

Everything is done on the pages as they are, by labels and buttons, or by the keyboard alone. Pictures of the pages are
kept where `BACKROW_PICTURES` names a folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from provisioning.demo.crew import run
from provisioning.demo.school import last_word
from tests.e2e.stack import Stack

PASSWORD = "four words in a row"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1100, "height": 900}


class Office:
    """Opens windows, and closes them all."""

    def __init__(self, stack: Stack, chromium: Browser) -> None:
        self._stack, self._chromium = stack, chromium
        self._windows: list[BrowserContext] = []

    def add(self, name: str, role: str) -> Window:
        """Add a person with a role by command, and open their window by the link."""
        address = f"{name.split()[0].lower()}@school.example"
        person = ["--email", address, "--name", name, "--role", role]
        config = self._stack.school.config
        printed = run("controller", "add-person", "--config", config, *person, cwd=self._stack.school.folder)
        return self.open(last_word(printed))

    def open(self, link: str) -> Window:
        """Open a window by a one-time link, and choose a password."""
        context = self._chromium.new_context(viewport=DESK, locale="en")
        self._windows.append(context)
        page = context.new_page()
        page.goto(link)
        page.get_by_label("New password").fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.get_by_role("button", name="Set password and sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return Window(self._stack.school.url, page)

    def sign_in(self, email: str, password: str, *, phone: bool = False) -> Window:
        """Open a window, a telephone's perhaps, and sign in with address and password."""
        context = self._chromium.new_context(viewport=PHONE if phone else DESK, locale="en")
        self._windows.append(context)
        window = Window(self._stack.school.url, context.new_page())
        page = window.go("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(password)
        window.press("Sign in")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        return window

    def close(self) -> None:
        """Close all windows."""
        for each in self._windows:
            each.close()


class Window:
    """One person's window."""

    def __init__(self, site: str, page: Page) -> None:
        self.site, self.page = site, page

    def go(self, path: str) -> Page:
        """Open a page of the school's."""
        self.page.goto(f"{self.site}{path}")
        return self.page

    def press(self, name: str) -> None:
        """Press the button with a name."""
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def picture(self, name: str) -> None:
        """Keep a picture of the page, where somebody wants to look."""
        if folder := os.environ.get("BACKROW_PICTURES"):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def read_class(self, title: str, pupils: Sequence[str], teacher: str) -> None:
        """Paste a class list, look at the difference, apply it."""
        page = self.go("/classes/import")
        page.get_by_label("Class", exact=True).fill(title)
        page.get_by_label("Pupils, one a line").fill("\n".join(pupils))
        page.get_by_label(teacher, exact=True).check()
        page.locator("form", has=page.get_by_label("Pupils, one a line")).get_by_role("button").click()
        expect(page.locator("#sums")).to_contain_text("New pupils")
        self.picture("roster-difference")
        self.press("Apply")
        expect(page.get_by_role("status")).to_contain_text("The roster holds")

    def set_usual(self, room: str, title: str, teacher: str) -> None:
        """Say who is in a room all day, each day of the week."""
        page = self.go("/rooms")
        page.get_by_role("link", name=room).click()
        form = page.locator("#usual form", has=page.get_by_label("Teacher", exact=True))
        form.get_by_label("Class", exact=True).select_option(label=title)
        form.get_by_label("Teacher", exact=True).select_option(label=teacher)
        form.get_by_label("Begins").fill("00:00")
        form.get_by_label("Ends").fill("23:59")
        for each in form.get_by_role("checkbox").all():
            each.check()
        form.get_by_role("button", name="Set", exact=True).click()
        expect(page.locator("#usual")).to_contain_text(title)
        self.picture("room")

    def set_rules(self, why: str) -> None:
        """Let the strict rules hold, as the first of the school."""
        page = self.go("/consent/rules")
        page.get_by_role("link", name="Strict").click()
        self.press("Show what would change")
        self.picture("rules-preview")
        for each in page.locator("textarea").all():
            each.fill(why)
        self.press("Set these rules")
        expect(page.locator("#held")).to_contain_text("Sound is recorded")
        self.picture("rules-held")

    def agree(self, button: str) -> None:
        """Agree, for one's own lessons or as principal for the sites."""
        page = self.go("/consent/agreements")
        self.press(button)
        expect(page.get_by_text("Agrees", exact=True).first).to_be_visible()
        self.picture("agreements")

    def enter_form(self, code: str, key: str, name: str) -> None:
        """Enter a form by the keyboard alone: its code, Enter, one key."""
        page = self.page
        expect(page.get_by_label("Code of the form")).to_be_focused()
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        expect(page.locator("#whose")).to_have_text(name)
        expect(page.locator("#said")).to_be_focused()
        page.keyboard.press(key)
        expect(page.locator("#last .title").first).to_have_text(name)

    def print_forms(self, title: str) -> dict[str, str]:
        """Have the forms of a class made, and read off each paper whose it is and its code."""
        page = self.go("/forms")
        page.get_by_role("link", name=title).first.click()
        self.press("Show the forms")
        self.picture("form-sheets")
        papers = page.locator("article.paper")
        expect(papers.first).to_be_visible()
        return {
            each.locator(".whose strong").inner_text(): each.locator(".mark p").inner_text() for each in papers.all()
        }

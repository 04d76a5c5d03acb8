"""Every page, looked at by axe-core by the rules of WCAG 2.2 A and AA, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import wait_until
from tests.browser.conftest import Served
from tests.browser.screens import LOOKS, Look, open_context
from tests.lesson import MediaSegment, record_synthetic
from tests.pages import Addresses, furnish

pytestmark = pytest.mark.browser

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = f"""axe.run(document, {{runOnly: {{type: "tag", values: {json.dumps(RULES)}}}}})
  .then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.html).slice(0, 3)]))"""


WIDE = """[...document.querySelectorAll("main *")].filter(one => one.getBoundingClientRect().right > innerWidth)
  .map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record three seconds."""
    return record_synthetic(seconds=3)


@dataclass(frozen=True)
class Visit:
    """One page in one look."""

    name: str
    look: Look
    page: Page


def _visits(served: Served, found: Addresses, look: Look) -> Iterator[Visit]:
    for person, pages in (
        (found.teacher, found.of_teacher),
        (found.newcomer, {"recordings-empty": "/recordings"}),
        (found.admin, found.of_admin),
        (found.keeper, found.of_keeper),
        (None, found.of_nobody),
    ):
        with open_context(served.chromium, look, served.site, person) as context:
            page = context.new_page()
            for name, address in pages.items():
                page.goto(served.site + address)
                yield Visit(name, look, page)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_page_has_no_barrier_that_axe_knows(served: Served, segments: list[MediaSegment], axe: str, look: Look) -> None:
    """No violation on any page: names, contrast, order of headings, landmarks, sizes of targets."""
    found = furnish(served.house, segments)
    checked = 0
    for visit in _visits(served, found, look):
        visit.page.evaluate(axe)
        assert visit.page.evaluate(CHECK) == [], visit.name
        checked += 1
    assert checked >= 14


def test_axe_would_find_a_barrier(served: Served, axe: str) -> None:
    """The check itself fails on a page with a picture without words and text that is too pale."""
    with served.sign_in(None) as context:
        page = context.new_page()
        page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="x"></main></html>')
        page.evaluate(axe)
        assert [found[0] for found in page.evaluate(CHECK)] == ["image-alt"]


def test_nothing_is_wider_than_a_phone(served: Served, segments: list[MediaSegment]) -> None:
    """At 320 pixels, which is 1280 at 400 %, no page scrolls sideways (WCAG 1.4.10)."""
    found = furnish(served.house, segments)
    for visit in _visits(served, found, Look("narrow", 320, 640, "light", "es")):
        widths = visit.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert widths[0] <= widths[1], (visit.name, visit.page.evaluate(WIDE))


def test_pages_work_by_keyboard(served: Served, segments: list[MediaSegment]) -> None:
    """The first tab leads past the menu, and every stop of the way shows where one is."""
    found = furnish(served.house, segments)
    with served.sign_in(found.teacher) as context:
        page = context.new_page()
        page.goto(served.site + found.of_teacher["recording"])
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.locator(".skip").is_visible()
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#content"
        stops = []
        for _ in range(14):
            page.keyboard.press("Tab")
            stops.append(page.evaluate("document.activeElement.tagName"))
            if stops[-1] == "VIDEO":
                continue  # the browser's own controls, which draw their own mark
            marked = "getComputedStyle(document.activeElement)"
            assert page.evaluate(f"{marked}.outlineStyle !== 'none' || {marked}.boxShadow !== 'none'"), stops
        assert {"A", "VIDEO", "BUTTON", "INPUT"} <= set(stops)


def test_list_keeps_itself_up_to_date_without_losing_the_place(served: Served, segments: list[MediaSegment]) -> None:
    """A lesson that arrives while the page stands open appears, and the keyboard stays where it was."""
    found = furnish(served.house, segments)
    with served.sign_in(found.teacher) as context:
        page = context.new_page()
        page.goto(f"{served.site}/recordings")
        focused = page.locator(".rows a").first
        focused.focus()
        before, name = page.locator(".rows .row").count(), focused.get_attribute("id")
        served.house.deliver(served.house.make_lesson(found.teacher, segments))
        page.evaluate("htmx.ajax('GET', '/recordings/list', {target: '#recordings', swap: 'outerHTML'})")
        wait_until(page, "document.querySelectorAll('.rows .row').length", lambda count: count == before + 1)
        assert page.evaluate("document.activeElement.id") == name


def test_plain_forms_work_without_scripts(served: Served, segments: list[MediaSegment]) -> None:
    """Naming a bookmark, renaming and deleting need no script."""
    found = furnish(served.house, segments)
    context = served.chromium.new_context(java_script_enabled=False, locale="en")
    with context:
        cookies = served.sign_in(found.teacher)
        context.add_cookies(cookies.cookies())  # type: ignore[arg-type]  # what it gave is what it takes
        cookies.close()
        page = context.new_page()
        page.goto(served.site + found.of_teacher["recording"])
        page.get_by_label("Title").fill("Without scripts")
        page.get_by_role("button", name="Save").last.click()
        assert page.get_by_role("heading", level=1).inner_text() == "Without scripts"
        page.get_by_label("Name of the bookmark at 0:02").fill("Here")
        page.get_by_role("button", name="Save").nth(1).click()
        assert page.get_by_label("Name of the bookmark at 0:02").input_value() == "Here"

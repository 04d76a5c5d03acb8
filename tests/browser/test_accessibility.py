"""Every page, looked at by axe-core by the rules of WCAG 2.2 A and AA, in light and dark, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import wait_until
from tests.browser.conftest import Served
from tests.browser.looks import BY_LANGUAGE, Look, find_barriers, open_context, require_no_barrier
from tests.house import Person, make_house, serve
from tests.lesson import MediaSegment, record_synthetic
from tests.pages import Addresses, furnish

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def segments() -> list[MediaSegment]:
    """Record three seconds."""
    return record_synthetic(seconds=3)


@dataclass(frozen=True)
class Furnished(Served):
    """A served house in which every page has something to show; no test takes away what another looks at."""

    found: Addresses

    def pages_of(self, kind: str) -> tuple[Person | None, Mapping[str, str]]:
        """Give a person of a kind, and their pages by name."""
        found = self.found
        return {
            "teacher": (found.teacher, found.of_teacher),
            "newcomer": (found.newcomer, {"recordings-empty": "/recordings"}),
            "admin": (found.admin, found.of_admin),
            "keeper": (found.keeper, found.of_keeper),
            "nobody": (None, found.of_nobody),
        }[kind]


@pytest.fixture(scope="module")
def furnished(
    chromium: Browser, segments: list[MediaSegment], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Furnished]:
    """Furnish a house once, and serve it."""
    house = make_house(tmp_path_factory.mktemp("house"))
    found = furnish(house, segments)
    with serve(house.app) as site:
        yield Furnished(house, site, chromium, found)
    house.services.database.close()


@pytest.mark.parametrize(
    ("kind", "at_least"), [("teacher", 10), ("newcomer", 1), ("admin", 30), ("keeper", 10), ("nobody", 4)]
)
@pytest.mark.parametrize("looks", BY_LANGUAGE)
def test_page_has_no_barrier(furnished: Furnished, axe: str, looks: Sequence[Look], kind: str, at_least: int) -> None:
    """No violation on any page: names, contrast, order of headings, landmarks, sizes of targets; none scrolls sideways.

    The narrowest look is 320 pixels wide, which is 1280 at 400 % (WCAG 1.4.10).
    """
    person, pages = furnished.pages_of(kind)
    assert len(pages) >= at_least
    with open_context(furnished.chromium, looks[0], furnished.site, person) as context:
        page = context.new_page()
        for address in pages.values():
            page.goto(furnished.site + address)
            require_no_barrier(page, axe, looks)


def test_axe_would_find_a_barrier(chromium: Browser, axe: str) -> None:
    """The check itself fails on a page with a picture without words and text that is too pale."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="x"></main></html>')
        assert [found[0] for found in find_barriers(page, axe)] == ["image-alt"]


def test_pages_work_by_keyboard(furnished: Furnished) -> None:
    """The first tab leads past the menu, and every stop of the way shows where one is."""
    found = furnished.found
    with furnished.sign_in(found.teacher) as context:
        page = context.new_page()
        page.goto(furnished.site + found.of_teacher["recording"])
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


def test_list_keeps_itself_up_to_date_without_losing_the_place(
    furnished: Furnished, segments: list[MediaSegment]
) -> None:
    """A lesson that arrives while the page stands open appears, and the keyboard stays where it was."""
    found = furnished.found
    with furnished.sign_in(found.teacher) as context:
        page = context.new_page()
        page.goto(f"{furnished.site}/recordings")
        focused = page.locator(".rows a").first
        focused.focus()
        before, name = page.locator(".rows .row").count(), focused.get_attribute("id")
        furnished.house.deliver(furnished.house.make_lesson(found.teacher, segments))
        page.evaluate("htmx.ajax('GET', '/recordings/list', {target: '#recordings', swap: 'outerHTML'})")
        wait_until(page, "document.querySelectorAll('.rows .row').length", lambda count: count == before + 1)
        assert page.evaluate("document.activeElement.id") == name


def test_plain_forms_work_without_scripts(furnished: Furnished) -> None:
    """Naming a bookmark, renaming and deleting need no script."""
    found = furnished.found
    context = furnished.chromium.new_context(java_script_enabled=False, locale="en")
    with context:
        cookies = furnished.sign_in(found.teacher)
        context.add_cookies(cookies.cookies())  # type: ignore[arg-type]  # what it gave is what it takes
        cookies.close()
        page = context.new_page()
        page.goto(furnished.site + found.of_teacher["recording"])
        page.get_by_label("Title").fill("Without scripts")
        page.get_by_role("button", name="Save").last.click()
        assert page.get_by_role("heading", level=1).inner_text() == "Without scripts"
        page.get_by_label("Name of the bookmark at 0:02").fill("Here")
        page.get_by_role("button", name="Save").nth(1).click()
        assert page.get_by_label("Name of the bookmark at 0:02").input_value() == "Here"

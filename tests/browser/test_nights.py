"""The nights of a district in a browser: no barrier that axe knows, nothing wider than a phone, one that runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import wait_until
from tests.browser.conftest import Served
from tests.browser.looks import BY_LANGUAGE, IN_ENGLISH, Look, open_context, put_on, require_no_barrier
from tests.house import Person
from tests.nights import MORNING, OPENS, keep_at, live_through, populate, say, send

pytestmark = pytest.mark.browser

DISTRICT = {f"Alder School {number}": 1 + number * 7 % 45 for number in range(30)}
PAGES = {
    "nights": "/nights",
    "one-site": "/nights?part=Alder School 3",
    "calculator": "/nights/calculator?rooms=40&line=30&lessons=5&minutes=45&quality=2000000&hours=8",
    "calculator-refuses": "/nights/calculator?rooms=40&line=x&lessons=5&minutes=45&quality=2000000&hours=8",
}


def _visits(served: Served, admin: Person, look: Look, pages: Mapping[str, str]) -> Iterator[tuple[str, Page]]:
    with open_context(served.chromium, look, served.site, admin) as context:
        page = context.new_page()
        for name, address in pages.items():
            page.goto(served.site + address)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            yield name, page


@pytest.mark.parametrize("looks", BY_LANGUAGE)
def test_nights_have_no_barrier_and_fit_a_phone(served: Served, axe: str, looks: Sequence[Look]) -> None:
    """Every page in every look with everything opened; at 320 pixels nothing scrolls sideways."""
    admin = served.house.add_admin()
    live_through(served.house, populate(served.house, DISTRICT), bytes_each=700_000_000)
    checked = []
    for name, page in _visits(served, admin, looks[0], PAGES):
        require_no_barrier(page, axe, looks)
        checked.append(name)
    assert checked == list(PAGES)


def test_chart_is_drawn_in_colours_that_differ(served: Served) -> None:
    """Our policy against inline styles takes nothing from the chart: area and line have the style sheet's colours."""
    admin = served.house.add_admin()
    live_through(served.house, populate(served.house, {"": 12}))
    for _, page in _visits(served, admin, IN_ENGLISH[0], {"nights": "/nights"}):
        for _look in put_on(page, IN_ENGLISH):
            said = "getComputedStyle(document.querySelector('.chart .%s')).%s"
            used = page.evaluate(said % ("used", "fill"))
            assert used != "rgb(0, 0, 0)"
            assert page.evaluate(said % ("allowed", "stroke")) not in ("none", used)


def test_progress_moves_by_itself(served: Served) -> None:
    """While a night runs the section polls, and shows what has come meanwhile."""
    admin = served.house.add_admin()
    rooms = populate(served.house, {"": 6})
    say(served.house, {room.device: 3_000_000_000 for room in rooms})
    keep_at(served.house, OPENS)
    for _, page in _visits(served, admin, IN_ENGLISH[0], {"nights": "/nights"}):
        assert page.locator("progress").get_attribute("value") == "0"
        send(served.house, OPENS, OPENS + (MORNING - OPENS) / 20, {"": 80e6})
        keep_at(served.house, OPENS + (MORNING - OPENS) / 20)
        page.evaluate("htmx.ajax('GET', '/nights/now', {target: '#tonight', swap: 'outerHTML'})")
        wait_until(page, "document.querySelector('progress').value", lambda value: value > 0)

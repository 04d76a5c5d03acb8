"""Makes a picture of every page, light and dark, on a desk and on a phone, in English and Spanish: into build/screens.

Run it with `python -m tests.browser.screens`, and look at them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from tests.browser.chromium import open_chromium, wait_until
from tests.browser.looks import LOOKS, Look, open_context
from tests.house import make_house, serve
from tests.lesson import record_synthetic
from tests.nights import live_through, populate
from tests.pages import Addresses, furnish

NIGHTS = {
    "district": {
        f"{name} School {number}": 1 + number * 7 % 45
        for name in ("Alder", "Birch", "Cedar", "Elm")
        for number in range(25)
    },
    "small": {"": 4},
}
OUT = Path(__file__).resolve().parents[2] / "build" / "screens"


def picture_pages(context: BrowserContext, site: str, pages: Mapping[str, str], look: Look) -> None:
    """Make a picture of each page, from top to bottom."""
    page = context.new_page()
    for name, address in pages.items():
        page.goto(site + address)
        if page.locator("#player").count():
            page.evaluate("document.getElementById('player').currentTime = 3.4")
            wait_until(page, "document.getElementById('player').readyState", lambda state: state == 4)
            page.wait_for_timeout(1500)  # until its sign of waiting has gone
        page.screenshot(path=OUT / f"{name}.{look.name}.png", full_page=True)


def picture_everything(browser: Browser, site: str, found: Addresses) -> None:
    """Make a picture of every page in every look."""
    for look in LOOKS:
        for person, pages in (
            (found.teacher, found.of_teacher),
            (found.newcomer, {"recordings-empty": "/recordings"}),
            (found.admin, found.of_admin),
            (found.keeper, found.of_keeper),
            (None, found.of_nobody),
        ):
            with open_context(browser, look, site, person) as context:
                picture_pages(context, site, pages, look)


def picture_nights(browser: Browser, name: str, rooms: Mapping[str, int]) -> None:
    """Make pictures of the morning after a night of a school with so many rooms at each site."""
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        admin = house.add_admin()
        live_through(house, populate(house, rooms), bytes_each=200_000_000)
        with serve(house.make_app()) as site:
            for look in LOOKS:
                with open_context(browser, look, site, admin) as context:
                    picture_pages(context, site, {f"nights-{name}": "/nights"}, look)
        house.services.database.close()


def main() -> int:
    """Make the pictures and say where they are."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        found = furnish(house, record_synthetic(seconds=6, size=(1280, 720)))
        with serve(house.make_app()) as site, open_chromium() as browser:
            picture_everything(browser, site, found)
        house.services.database.close()
    with open_chromium() as browser:
        for name, rooms in NIGHTS.items():
            picture_nights(browser, name, rooms)
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

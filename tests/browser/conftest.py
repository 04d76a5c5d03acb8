"""A Chromium for all browser tests, and a controller whose pages are served on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext

from controller.auth.logins import COOKIE
from tests.footage import FootageCache
from tests.house import House, Person, house, serve

__all__ = ["house"]


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> FootageCache:
    """Give films by name."""
    return FootageCache(tmp_path_factory.mktemp("films"))


@dataclass(frozen=True)
class Served:
    """A house whose pages a browser can open."""

    house: House
    site: str
    chromium: Browser

    def sign_in(self, person: Person | None) -> BrowserContext:
        """Open a window that is signed in as a person, without going through the form."""
        context = self.chromium.new_context(viewport={"width": 1100, "height": 900}, locale="en")
        if person:
            context.add_cookies([{"name": COOKIE, "value": person.login, "url": self.site}])
        return context


@pytest.fixture
def served(house: House, chromium: Browser) -> Iterator[Served]:  # noqa: F811: the fixture's name is its use
    """Serve a house."""
    with serve(house.app) as site:
        yield Served(house, site, chromium)


@pytest.fixture(scope="session")
def axe() -> str:
    """Give the source of axe-core; raise when `make test` has not installed it."""
    path = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
    return path.read_text("utf-8")

"""The looks of a page, and what is a barrier in one: what axe-core knows by WCAG 2.2 A and AA, and what does not fit.

A page is loaded once in each language, and put into the looks of that language one after the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from controller.auth.logins import COOKIE
from tests.house import Person

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = f"""axe.run(document, {{
    runOnly: {{type: "tag", values: {json.dumps(RULES)}}}, resultTypes: ["violations"], preload: {{assets: ["media"]}}
  }}).then(found => found.violations.map(one => [one.id, one.nodes.map(node => node.html).slice(0, 3)]))"""
WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
WIDE = """[...document.querySelectorAll("main *")].filter(one => one.getBoundingClientRect().right > innerWidth)
  .map(one => one.outerHTML.slice(0, 80))"""
END_TRANSITIONS = """document.getAnimations().filter(one => one instanceof CSSTransition)
  .forEach(one => one.finish())"""


@dataclass(frozen=True)
class Look:
    """One way of looking at a page."""

    name: str
    width: int
    height: int
    colours: str
    locale: str


LOOKS = (
    Look("light", 1200, 800, "light", "en"),
    Look("dark", 1200, 800, "dark", "en"),
    Look("phone", 390, 844, "light", "es"),
    Look("phone-dark", 390, 844, "dark", "es"),
)
NARROW = (Look("narrow", 320, 640, "light", "es"), Look("narrow-dark", 320, 640, "dark", "es"))
"""320 pixels are 1280 at 400 % (WCAG 1.4.10)."""
IN_ENGLISH = LOOKS[:2]
BY_LANGUAGE = (
    pytest.param(LOOKS[:1], id="en"),
    pytest.param(NARROW[1:], id="es"),
    pytest.param(LOOKS[1:2], id="en-more", marks=pytest.mark.soak),
    pytest.param((*LOOKS[2:], *NARROW[:1]), id="es-more", marks=pytest.mark.soak),
)
"""Looks of one language each: the widest in light and the narrowest in dark always, what is between in the soak."""


def open_context(browser: Browser, look: Look, site: str, person: Person | None) -> BrowserContext:
    """Make a browser window of one look, signed in as a person."""
    size = {"width": look.width, "height": look.height}
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]  # a mapping of both numbers is what it is
        color_scheme=look.colours,  # type: ignore[arg-type]  # "light" or "dark"
        locale=look.locale,
        timezone_id="Europe/Madrid",
    )
    if person:
        context.add_cookies([{"name": COOKIE, "value": person.login, "url": site}])
    return context


def put_on(page: Page, looks: Sequence[Look]) -> Iterator[Look]:
    """Put a page that stands open into one look after the other; they are of the language it was loaded in."""
    for look in looks:
        page.set_viewport_size({"width": look.width, "height": look.height})
        page.emulate_media(color_scheme=look.colours)  # type: ignore[arg-type]  # "light" or "dark"
        page.evaluate(END_TRANSITIONS)
        yield look


def find_barriers(page: Page, axe: str) -> list[Any]:
    """Give what axe-core finds on a page; its source `axe` is brought along where the page has none yet."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe)
    return list(page.evaluate(CHECK))


def require_no_barrier(page: Page, axe: str, looks: Sequence[Look]) -> None:
    """Require that axe-core finds nothing in any look, and that nothing is wider than the window."""
    for look in put_on(page, looks):
        assert find_barriers(page, axe) == [], (page.url, look.name)
        wanted, given = page.evaluate(WIDTHS)
        assert wanted <= given, (page.url, look.name, page.evaluate(WIDE))

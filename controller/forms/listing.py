"""Chooses which classes the overview of forms shows: those of a site, with a word in their title, a page at a time.

A page is bounded, so that what it costs does not grow with the district. It reads titles and sites; of people nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from controller.roster.repo import NamedClass, named_classes

CLASSES_A_PAGE = 40
"""With thirty pupils each the answers of 1,200 people are read, as many as in a large school."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a reader asks for: a site (None: all), a part of a title (empty: any), and the page, counted from one."""

    site: str | None
    title: str
    page: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What is shown of it: the classes of the page, which page of how many, and the sites that can be chosen."""

    wanted: Wanted
    classes: Sequence[NamedClass]
    page: int
    pages: int
    sites: Sequence[str]
    known: int
    """So many classes there are in all."""


def parse_wanted(site: str | None, title: str, page: str) -> Wanted:
    """Read what the page's address asks for; a number that is none is the first page."""
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    return Wanted(site=None if site in (None, ALL_SITES) else site, title=title.strip(), page=max(1, number))


ALL_SITES = "*"
"""What the form says for no site in particular; an empty one is that of classes without a site."""


def list_classes(session: Session, day: date, wanted: Wanted) -> Listing:
    """Give the classes of a page; one that lies behind the last is the last."""
    known = named_classes(session, day)
    fitting = [each for each in known if _fits(each, wanted)]
    pages = max(1, -(-len(fitting) // CLASSES_A_PAGE))
    page = min(wanted.page, pages)
    return Listing(
        wanted=wanted,
        classes=fitting[(page - 1) * CLASSES_A_PAGE : page * CLASSES_A_PAGE],
        page=page,
        pages=pages,
        sites=sorted({each.site for each in known}),
        known=len(known),
    )


def _fits(each: NamedClass, wanted: Wanted) -> bool:
    return wanted.site in (None, each.site) and wanted.title.casefold() in each.title.casefold()

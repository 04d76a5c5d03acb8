"""Documents: what a page or a module points at is there."""

from __future__ import annotations

import re

from tests.architecture.source import ROOT, modules, name_of, walk

LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")


def test_link_of_a_page_leads_somewhere() -> None:
    """Every relative link of every Markdown page names a file or folder of the project."""
    pages = [path for path in walk(ROOT) if path.suffix == ".md"]
    links = [(path, link) for path in pages for link in LINK.findall(path.read_text("utf-8"))]
    assert [f"{name_of(path)}: {link}" for path, link in links if not (path.parent / link).exists()] == []
    assert len(links) > 30


def test_page_that_a_module_names_exists() -> None:
    """A module that says where it is defined says so truly."""
    named = {(name_of(path), page) for path in modules() for page in PAGE.findall(path.read_text("utf-8"))}
    assert sorted(f"{module}: {page}" for module, page in named if not (ROOT / page).exists()) == []
    assert named

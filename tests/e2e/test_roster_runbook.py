"""The runbook of rosters, typed command by command on a founded school: what the page promises is what is printed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.typed import RUNBOOKS, Runbook
from tests.house import make_house

PAGE = (RUNBOOKS / "roster.md").read_text("utf-8")


@pytest.fixture
def book(tmp_path: Path) -> Runbook:
    """Give the page in a folder with an empty school and the page's own table."""
    house = make_house(tmp_path)
    core = house.services.config.controller
    house.services.database.close()
    table = re.search(r"```\n(class,.*?)```", PAGE, re.DOTALL)
    assert table
    (tmp_path / "classes.csv").write_text(table.group(1), "utf-8")
    (tmp_path / "controller.toml").write_text(
        f'[controller]\ndata = "{core.data}"\nkeys = "{core.keys}"\nkey_store = "{core.key_store}"\n'
    )
    return Runbook("roster", {}, tmp_path)


def test_roster_is_read_applied_and_exported_as_the_page_says(book: Runbook) -> None:
    """The table of the page becomes a class; what is exported is read again and changes nothing."""
    printed = book.type("backrow controller roster import")
    found = re.search(r"apply (\w+) --seen (\d+)", printed)
    assert found, printed
    draft, number = found.groups()
    named = replace(book, places={"DRAFT": draft, "NUMBER": number})
    assert draft in named.type("backrow controller roster drafts")
    assert "New: García, Ana" in named.type("backrow controller roster preview")
    assert "Done." in named.type("backrow controller roster apply")
    listed = named.type("backrow controller roster classes")
    assert listed.startswith("3B: pupils 2, adults 1")
    named = replace(book, places={"CLASS": listed.split()[-1]})
    named.type("backrow controller roster export")
    exported = (book.folder / "class.csv").read_text("utf-8-sig")
    assert "3B,Ana,García,pupil," in exported
    (book.folder / "class.csv").rename(book.folder / "classes.csv")
    again = book.type("backrow controller roster import")
    assert "Memberships that stay" in again
    assert "New pupils" not in again
    waiting = re.search(r"apply (\w+) --seen", again)
    assert waiting
    discarding = replace(book, places={"DRAFT": waiting.group(1)})
    assert "Discarded" in discarding.type("backrow controller roster discard")
    person = exported.splitlines()[2].split(",")[4]
    forgetting = replace(book, places={"forget PERSON": f"forget {person} --yes"})
    refused = forgetting.try_out("backrow controller roster forget")
    assert refused.returncode == 1
    assert "still in a class" in refused.stderr

"""The pages of a room's mask: a preview before anything is set, faults where they were typed, a sheet for the wall."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from controller.accounts.models import Role
from controller.masks.models import MaskVersion
from controller.timetable.repo import require_room
from tests.house import House, house, post

__all__ = ["house"]
LEFT = "0 600, 300 600, 300 1000, 0 1000"


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def page(house: House) -> str:
    """Give the address of a room's mask."""
    with house.services.database.writing() as session:
        return f"/rooms/{require_room(session, '', 'Room 7', house.services.random_bytes).id}/mask"


def _areas(house: House) -> list[str]:
    with house.services.database.reading() as session:
        return [row.areas for row in session.scalars(select(MaskVersion).order_by(MaskVersion.version))]


def test_looking_shows_what_the_numbers_hide_and_sets_nothing(house: House, browser: FlaskClient, page: str) -> None:
    """The drawing is made of the numbers, and they stay in their fields."""
    shown = post(browser, page, page=page, area=[LEFT, ""], do="look", seen="0").text
    assert '<polygon points="0,337.5 300,337.5 300,562.5 0,562.5"' in shown
    assert f'value="{LEFT}"' in shown
    assert _areas(house) == []


def test_mask_that_is_used_is_shown_with_its_history(house: House, browser: FlaskClient, page: str) -> None:
    """Set, shown, changed, taken away with a reason."""
    assert post(browser, page, page=page, area=[LEFT], do="set", seen="0").status_code == 303
    assert "Version 1" in browser.get(page).text
    assert post(browser, page, page=page, area=[""], do="set", seen="1").status_code == 422
    assert post(browser, page, page=page, area=[""], do="set", seen="1", reason="new seats").status_code == 303
    shown = browser.get(page).text
    assert all(words in shown for words in ("Nothing is hidden.", "Version 2", "new seats"))
    assert _areas(house) == [LEFT, ""]


def test_fault_names_the_area_and_keeps_what_was_typed(house: House, browser: FlaskClient, page: str) -> None:
    """Nothing of the typing is lost."""
    answer = post(browser, page, page=page, area=[LEFT, "0 0, 5 5"], do="set", seen="0")
    assert answer.status_code == 422
    assert "Area 2: expected 3 to 20 corners." in answer.text
    assert 'value="0 0, 5 5"' in answer.text
    assert _areas(house) == []


def test_sheet_shows_the_grey_parts_and_leads_back_without_any(browser: FlaskClient, page: str) -> None:
    """It names nobody: a sheet hangs on a wall."""
    assert browser.get(f"{page}/sheet").location == page
    post(browser, page, page=page, area=[LEFT], do="set", seen="0")
    sheet = browser.get(f"{page}/sheet")
    assert sheet.status_code == 200
    assert "<polygon" in sheet.text


def test_unknown_room_has_no_mask(browser: FlaskClient) -> None:
    """An address that somebody made up."""
    assert browser.get("/rooms/unknown/mask").status_code == 404
    assert post(browser, "/rooms/unknown/mask", page="/account", area=[LEFT], do="set").status_code == 404

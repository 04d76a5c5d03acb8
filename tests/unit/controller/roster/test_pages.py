"""The pages of classes: send, see what is wrong or what would change, decide; and what of it leaves the server."""

from __future__ import annotations

import io
import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.people.models import Person, PersonName
from controller.roster.models import RosterDraft
from tests.classes import Classes, enter_classes
from tests.house import House, Teacher, form_token, house, post
from tests.rosters import Table, changed, district, pack, small_school

__all__ = ["house"]


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Give a teacher with a unit."""
    return house.add_teacher()


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def classes(house: House, teacher: Teacher) -> Classes:
    """Give a class, somebody who left, and a draft."""
    return enter_classes(house, by=teacher.id, teacher=teacher.id)


def send(browser: FlaskClient, data: io.BytesIO, **fields: str) -> TestResponse:
    """Send a file by the form."""
    token = form_token(browser.get("/classes/import").text)
    sent = {"csrf_token": token, "file": (data, "roster.zip"), "site": "", "starts_on": "", **fields}
    return browser.post("/classes/import/file", data=sent, content_type="multipart/form-data")


def take(browser: FlaskClient, tables: dict[str, Table]) -> TestResponse:
    """Send a zip, and apply what is shown."""
    address = send(browser, pack(tables)).location
    page = browser.get(address).text
    basis = re.search(r'name="basis" value="(\d+)"', page)
    assert basis
    return post(browser, f"{address}/apply", page=address, basis=basis.group(1), vanishing="meant")


def count(house: House, model: type) -> int:
    """Count the rows of a table."""
    with house.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_zip_is_shown_applied_and_listed(house: House, browser: FlaskClient) -> None:
    """Nothing is changed before the button; afterwards the class is there, and the history says who did it."""
    address = send(browser, pack(small_school())).location
    page = browser.get(address).text
    assert count(house, Person) == 0
    assert "García, Ana" in page
    assert "New pupils" in page
    assert take(browser, small_school()).location == "/classes"
    listed = browser.get("/classes").text
    assert "2 pupils" in listed
    assert "Olga Office" in listed
    assert "García" not in listed


def test_everything_wrong_is_listed_and_nothing_is_kept(house: House, browser: FlaskClient) -> None:
    """Each with its file, row, column and what to do; no draft waits."""
    spoilt = changed(changed(small_school(), "users.csv", 2, givenName="=1+1"), "enrollments.csv", 3, role="king")
    answer = send(browser, pack(spoilt))
    assert answer.status_code == 422
    assert "users.csv" in answer.text
    assert "row 2" in answer.text
    assert "enrollments.csv" in answer.text
    assert count(house, RosterDraft) == 0


def test_names_in_flaws_are_shown_as_text(browser: FlaskClient) -> None:
    """A hostile name is no part of the page."""
    spoilt = changed(small_school(), "users.csv", 2, givenName="=<script>alert(1)</script>")
    page = send(browser, pack(spoilt)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_loss_is_applied_only_with_the_tick(house: House, browser: FlaskClient) -> None:
    """The page gives the numbers and asks; without the tick it is refused."""
    assert take(browser, district(50)).location == "/classes"
    address = send(browser, pack(district(25))).location
    page = browser.get(address).text
    assert "This is meant" in page
    basis = re.search(r'name="basis" value="(\d+)"', page)
    assert basis
    answer = post(browser, f"{address}/apply", page=address, basis=basis.group(1))
    assert answer.status_code == 422
    assert "would vanish" in answer.text
    assert post(browser, f"{address}/apply", page=address, basis=basis.group(1), vanishing="meant").status_code == 302


def test_pasted_list_is_a_class(browser: FlaskClient, teacher: Teacher) -> None:
    """Names, a title, a teacher by their account; what was typed stays in the form when something is wrong."""
    wrong = post(browser, "/classes/import/list", page="/classes/import", title="3B", names="Ana\nana", starts_on="")
    assert wrong.status_code == 422
    assert "Ana\nana</textarea>" in wrong.text
    answer = post(
        browser, "/classes/import/list", page="/classes/import", title="3B", names="Ana García", teacher=teacher.id
    )
    assert "Moreno, Ada" in browser.get(answer.location).text


@pytest.mark.parametrize("day", ["2020-01-01", "2126-01-01", "tomorrow"])
def test_first_day_that_cannot_be_is_refused(browser: FlaskClient, day: str) -> None:
    """The past, a slip in the year, words."""
    answer = send(browser, pack(small_school()), starts_on=day)
    assert answer.status_code == 422
    assert "First day" in answer.text


def test_draft_that_is_gone_says_so(browser: FlaskClient) -> None:
    """Somebody else decided, or it ended by itself."""
    answer = browser.get("/classes/drafts/none")
    assert answer.status_code == 410
    assert "no such draft" in answer.text


def test_table_that_is_exported_can_be_sent_back(house: House, browser: FlaskClient, classes: Classes) -> None:
    """Names as they were, numbers of ours, no formula; sent back unchanged it changes nothing."""
    answer = browser.get(f"/classes/{classes.class_id}/table")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="class.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbfclass,given,family,role,id,site")
    before = count(house, Person)
    address = send(browser, io.BytesIO(answer.data)).location
    assert "it says what stands already" in browser.get(address).text
    assert count(house, Person) == before


def test_person_in_no_class_can_be_forgotten(house: House, browser: FlaskClient, classes: Classes) -> None:
    """The page asks once more; then the name is nowhere."""
    assert "García, Ana" in browser.get("/people/left").text
    page = f"/people/{classes.left}/forget"
    assert "Ana García" in browser.get(page).text
    before = count(house, PersonName)
    assert post(browser, page, page=page).location == "/people/left"
    assert "García, Ana" not in browser.get("/people/left").text
    assert count(house, PersonName) == before - 1
    assert browser.get(page).status_code == 404


def test_draft_can_be_discarded(house: House, browser: FlaskClient, classes: Classes) -> None:
    """It is gone, and the history says so."""
    address = f"/classes/drafts/{classes.draft}"
    assert post(browser, f"{address}/discard", page=address).location == "/classes"
    assert count(house, RosterDraft) == 0
    assert "A draft was discarded" in browser.get("/classes").text


def test_future_class_is_shown_as_it_will_be(browser: FlaskClient) -> None:
    """Next year's class is empty today; its page shows its first day."""
    address = send(browser, pack(changed(small_school(), "academicSessions.csv", 2, endDate="2028-06-30")),
                   starts_on="2027-09-01").location  # fmt: skip
    assert "September 1, 2027" in browser.get(address).text

"""Answers in tables: the difference first, then the change, and everything that is wrong at once."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from controller.accounts.models import Role
from controller.consent.models import AnswerRow
from controller.forms.drafts import DRAFT_LASTS, end_drafts
from controller.forms.models import AnswerDraft
from controller.forms.policy import HOLDS_DAYS
from controller.people.models import Person, PersonName
from controller.roster.drafts import today
from tests.forms import Pile, make_pile
from tests.house import House, form_token, house, post

__all__ = ["house"]
TABLE = "/forms/table"


@pytest.fixture
def browser(house: House) -> FlaskClient:
    """Give a consent keeper's browser."""
    return house.browser(house.add_person("Olga Office", Role.KEEPER))


@pytest.fixture
def pile(house: House, browser: FlaskClient) -> Pile:
    """Give three forms."""
    return make_pile(house, ("Ana García", "Ben Kim", "Eve Low"), by="office")


def send(browser: FlaskClient, data: bytes | str) -> TestResponse:
    """Send a table by the form."""
    raw = data.encode() if isinstance(data, str) else data
    fields = {"csrf_token": form_token(browser.get(TABLE).text), "file": (io.BytesIO(raw), "answers.csv")}
    return browser.post(TABLE, data=fields, content_type="multipart/form-data")


def apply(browser: FlaskClient, address: str) -> TestResponse:
    """Apply what a draft's page shows."""
    basis = re.search(r'name="basis" value="(\d+)"', browser.get(address).text)
    assert basis
    return post(browser, f"{address}/apply", page=address, basis=basis.group(1))


def lines(house: House) -> list[AnswerRow]:
    """Give every line of the registry."""
    with house.services.database.reading() as session:
        return list(session.scalars(select(AnswerRow).order_by(AnswerRow.number)))


def count_drafts(house: House) -> int:
    """Count the drafts."""
    with house.services.database.reading() as session:
        return session.scalar(select(func.count()).select_from(AnswerDraft)) or 0


def test_table_is_shown_and_then_written_down(house: House, browser: FlaskClient, pile: Pile) -> None:
    """By code or by number, in either language, for usual or other days; nothing changes before the button."""
    day = today(house.services)
    address = send(
        browser,
        "código;id;giver;respuesta;desde;hasta\n"
        f"{pile.codes[0].lower()};;;sí;;\n;{pile.pupils[1]};2;imagen;;{day + timedelta(days=9)}\n"
        f";{pile.pupils[2]};;n;;\n",
    ).location
    page = browser.get(address).text
    assert "García, Ana" in page
    assert "nothing → Only the picture" in " ".join(page.split())
    assert lines(house) == []
    assert apply(browser, address).location == "/forms"
    first, second, third = lines(house)
    assert (first.person, first.picture, first.voice, first.form_version) == (
        *(pile.pupils[0], "record,self", "record,self", pile.version),
    )
    assert first.holds_until == day + timedelta(days=HOLDS_DAYS - 1)
    assert (second.giver, second.picture, second.voice, second.form_version) == ("guardian_2", "record,self", "", None)
    assert second.holds_until == day + timedelta(days=9)
    assert (third.picture, third.voice, third.holds_until, third.basis) == ("", "", None, "table")
    assert count_drafts(house) == 0


def test_exported_class_changes_nothing_when_it_is_sent_back(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Blank answers are passed over, what stands is recognised; one that is filled in is the only change."""
    apply(browser, send(browser, f"code,answer\n{pile.codes[0]},picture\n").location)
    data = browser.get(f"/forms/classes/{pile.class_id}/table").data
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == 9
    assert [row["answer"] for row in rows if row["answer"]] == ["picture"]
    page = browser.get(send(browser, data).location).text
    assert "It says what stands already" in page
    filled = data.decode("utf-8-sig").replace(f"{pile.pupils[1]},guardian_1,,", f"{pile.pupils[1]},guardian_1,no,")
    apply(browser, send(browser, filled).location)
    assert [(line.person, line.picture) for line in lines(house)[1:]] == [(pile.pupils[1], "")]


def test_ended_answer_is_blank_in_the_table_and_renewed_by_one(house: House, browser: FlaskClient, pile: Pile) -> None:
    """What is to be answered anew is not sent back as if it stood; a yes after the last day is a change."""
    apply(browser, send(browser, f"code,answer,until\n{pile.codes[0]},yes,{today(house.services)}\n").location)
    house.clock.pass_time(timedelta(days=2))
    browser = house.browser(house.add_person("Otto Office", Role.KEEPER))
    data = browser.get(f"/forms/classes/{pile.class_id}/table").data.decode("utf-8-sig")
    assert [row["answer"] for row in csv.DictReader(io.StringIO(data)) if row["answer"]] == []
    apply(browser, send(browser, f"id,answer\n{pile.pupils[0]},yes\n").location)
    assert len(lines(house)) == 2


def test_no_of_today_is_written_down_before_one_that_begins_later(
    house: House, browser: FlaskClient, pile: Pile
) -> None:
    """The later one does not refuse yet, and until then the yes before it would count."""
    day = today(house.services)
    later = day + timedelta(days=30)
    apply(browser, send(browser, f"id,answer\n{pile.pupils[0]},yes\n").location)
    apply(browser, send(browser, f"id,answer,from\n{pile.pupils[0]},no,{later}\n").location)
    apply(browser, send(browser, f"id,answer\n{pile.pupils[0]},no\n").location)
    assert [(bool(line.picture), line.holds_from) for line in lines(house)] == [
        (True, day),
        (False, later),
        (False, day),
    ]


def test_everything_wrong_is_told_at_once_and_nothing_is_kept(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Each with its row and column: code, person, giver, answer, days, the same twice."""
    code, person = pile.codes[0], pile.pupils[1]
    table = (
        "code,id,giver,answer,from,until\n"
        f"{code[:-1]}0,,,yes,,\n,nobody,,yes,,\n{code},,aunt,yes,,\n{code},,,perhaps,,\n{code},,,yes,soon,\n"
        f"{code},,,yes,2206-01-01,2206-02-01\n,,,yes,,\n,{person},1,yes,,\n,{person},1,no,,\n"
    )
    answer = send(browser, table)
    assert answer.status_code == 422
    for words in (
        "is no code of a form", "nobody is known by", "guardian_1, guardian_2, self", "got “perhaps”", "got “soon”",
        "these days cannot be meant", "expected something, got nothing", "stands in row 9 already",
    ):  # fmt: skip
        assert words in answer.text
    assert count_drafts(house) == 0
    assert lines(house) == []


def test_code_and_number_of_two_people_are_refused(house: House, browser: FlaskClient, pile: Pile) -> None:
    """A column that slipped by a row would make one family's yes another child's; of one person they may both stand."""
    wrong = send(browser, f"code,id,answer\n{pile.codes[0]},{pile.pupils[1]},yes\n")
    assert (wrong.status_code, count_drafts(house)) == (422, 0)
    assert "is the form of somebody else" in wrong.text
    apply(browser, send(browser, f"code,id,answer\n{pile.codes[0]},{pile.pupils[0]},yes\n").location)
    assert [(line.person, line.form_version) for line in lines(house)] == [(pile.pupils[0], pile.version)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"answer\n",
        b"\xff\xfe\x00",
        b"code,answer\n\x00,yes\n",
        b"code\nBCDE\n",
        b'code,answer\n"x',
        b"\x93,answer\n",
    ],
)
def test_hostile_table_is_refused_in_words(house: House, browser: FlaskClient, pile: Pile, data: bytes) -> None:
    """Empty, cut off, of another encoding, without the column that is needed: a flaw, no draft."""
    answer = send(browser, data)
    assert answer.status_code == 422
    assert "What to do:" in answer.text
    assert count_drafts(house) == 0


def test_draft_is_refused_after_other_answers_came(house: House, browser: FlaskClient, pile: Pile) -> None:
    """What was seen is not what would be written; looking again is enough."""
    address = send(browser, f"code,answer\n{pile.codes[0]},yes\n").location
    other = send(browser, f"code,answer\n{pile.codes[0]},no\n").location
    assert apply(browser, other).location == "/forms"
    refused = post(browser, f"{address}/apply", page=address, basis="0")
    assert refused.status_code == 422
    assert "answers were entered since you looked" in refused.text
    assert "No → <strong>Yes" in refused.text
    assert apply(browser, address).location == "/forms"
    assert [line.picture for line in lines(house)] == ["", "record,self"]


def test_draft_of_somebody_forgotten_is_refused_as_a_whole(house: House, browser: FlaskClient, pile: Pile) -> None:
    """While it waited a person was forgotten: nothing of the table is written down, and the page says what to do."""
    address = send(browser, f"code,answer\n{pile.codes[0]},yes\n{pile.codes[1]},yes\n").location
    with house.services.database.writing() as session:
        session.get_one(Person, pile.pupils[1]).forgotten_at = house.clock()
    refused = apply(browser, address)
    assert refused.status_code == 422
    assert "has been forgotten or is an adult now" in refused.text
    assert lines(house) == []


def test_draft_ends_by_itself_or_by_hand(house: House, browser: FlaskClient, pile: Pile) -> None:
    """Afterwards its page says that it is gone."""
    address = send(browser, f"code,answer\n{pile.codes[0]},yes\n").location
    assert post(browser, f"{address}/discard", page=address).location == "/forms"
    assert browser.get(address).status_code == 410
    send(browser, f"code,answer\n{pile.codes[0]},yes\n")
    house.clock.pass_time(DRAFT_LASTS)
    assert end_drafts(house.services) == 1
    assert count_drafts(house) == 0


def test_registry_has_every_line_and_runs_no_formula(house: House, browser: FlaskClient, pile: Pile) -> None:
    """What was taken back is in it and says so; a name that a spreadsheet would run is escaped."""
    with house.services.database.writing() as session:
        session.get_one(PersonName, pile.pupils[0]).family = "-1+1"
    apply(browser, send(browser, f"code,answer\n{pile.codes[0]},yes\n").location)
    page = "/forms/entry"
    post(browser, f"{page}/1/undo", page=page)
    answer = browser.get("/forms/registry")
    first, second = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert (first["family"], first["answer"], first["taken_back"]) == ("'-1+1", "granted", "yes")
    assert (second["undoes"], second["answer"]) == ("1", "")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="registry.csv"'

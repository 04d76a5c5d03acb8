"""A program that got no answer asks again: under a key of its own nothing is done twice, and the answer is the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from controller.devices.actions import ACTIONS
from controller.devices.models import KeyedRequest
from controller.devices.policy import Change
from controller.devices.refusals import ChangeRefusedError
from controller.devices.retries import KEPT, Answer, describe_asked, perform_once
from controller.jobs.service import sweep_uploads
from controller.uploads.incoming import IncomingStore
from tests.house import House, Teacher


@pytest.fixture
def teacher(house: House) -> Teacher:
    """Ada, whose unit is in Room 12."""
    return house.add_teacher()


@pytest.fixture
def web(house: House) -> FlaskClient:
    """A program of an admin's."""
    return house.browser(house.add_admin())


def ask(web: FlaskClient, path: str, body: dict[str, Any], key: str) -> TestResponse:
    """Send a request under a key."""
    token = web.get("/api/v1/units").headers["X-CSRFToken"]
    return web.post(f"/api/v1/units/{path}", json=body, headers={"X-CSRFToken": token, "Idempotency-Key": key})


def history(web: FlaskClient, device: str) -> list[str]:
    """Read what was done to a unit."""
    return [line["what"] for line in web.get(f"/api/v1/units/{device}/history").get_json()["history"]]


@pytest.mark.parametrize("action", list(ACTIONS))
def test_request_under_a_key_is_done_once_and_answered_alike(
    house: House, teacher: Teacher, web: FlaskClient, action: Change
) -> None:
    """Every POST: the second gets the first's status and body, and nothing is written but that; refusals too."""
    spare = house.add_teacher("Spare Keeper", room="Spare 3")
    body = {
        Change.MOVE: {"label": "Library"},
        Change.SWAP: {"replaces": spare.device},
        Change.ACCEPT: {"why": "looked"},
    }.get(action, {})
    first = ask(web, f"{teacher.device}/{action}", body, "k1")
    assert first.status_code == (409 if action in (Change.ACCEPT, Change.REMOVE) else 200)
    done = history(web, teacher.device)
    house.clock.pass_time(timedelta(minutes=5))
    again = ask(web, f"{teacher.device}/{action}", body, "k1")
    assert (again.status_code, again.get_data()) == (first.status_code, first.get_data())
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert history(web, teacher.device) == done


def test_key_is_bound_to_address_and_body(house: House, teacher: Teacher, web: FlaskClient) -> None:
    """Another body, unit or action under the same key is refused, and nothing of it is done."""
    other = house.add_teacher("Bea Other", room="Room 14")
    assert ask(web, f"{teacher.device}/move", {"label": "Library"}, "k1").status_code == 200
    for path, body in (
        (f"{teacher.device}/move", {"label": "Attic"}),
        (f"{other.device}/move", {"label": "Library"}),
        (f"{teacher.device}/retire", {"label": "Library"}),
    ):
        refused = ask(web, path, body, "k1")
        assert (refused.status_code, refused.get_json()["code"]) == (422, "key_reused")
    assert history(web, teacher.device) == ["moved"]
    assert history(web, other.device) == []


def test_key_is_its_accounts_own(house: House, teacher: Teacher, web: FlaskClient) -> None:
    """Two programs that chose the same key do not get each other's answers."""
    ask(web, f"{teacher.device}/move", {"label": "Library"}, "k1")
    second = house.browser(house.add_admin("Hopper Admin"))
    told = ask(second, f"{teacher.device}/move", {"label": "Attic"}, "k1")
    assert (told.status_code, told.get_json()["unit"]["label"]) == (200, "Attic")


@pytest.mark.parametrize("key", ["", " " * 201, "k\tey", "schlüssel"])
def test_key_that_is_none_is_refused(teacher: Teacher, web: FlaskClient, key: str) -> None:
    """422, by name; nothing is done."""
    refused = ask(web, f"{teacher.device}/retire", {}, key)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "key_malformed")
    assert history(web, teacher.device) == []


def test_hundred_at_once_are_done_once(house: House, teacher: Teacher) -> None:
    """Whoever comes while the first is at work is told so, or gets its answer: nobody does it again."""
    asked = describe_asked(account=teacher.id, key="k1", path="/x", body=b"{}")
    done: list[int] = []

    def perform() -> Answer:
        done.append(1)
        return Answer(status=200, body="{}")

    def once(_: int) -> str:
        try:
            return perform_once(house.services, asked, perform).body
        except ChangeRefusedError as refusal:
            return refusal.fault.value

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(once, range(100)))
    assert len(done) == 1
    assert "{}" in told <= {"{}", "outcome_unknown"}


def test_answers_are_forgotten_where_nobody_asks_any_more(house: House, teacher: Teacher) -> None:
    """The hourly job takes what was kept long enough, and nothing before."""
    asked = describe_asked(account=teacher.id, key="k1", path="/x", body=b"{}")
    perform_once(house.services, asked, lambda: Answer(status=200, body="{}"))
    incoming = IncomingStore(house.services.config.controller.data / "incoming")
    for passes, left in ((KEPT - timedelta(minutes=1), 1), (timedelta(minutes=2), 0)):
        house.clock.pass_time(passes)
        sweep_uploads(house.services, incoming)
        with house.services.database.reading() as session:
            assert len(session.scalars(select(KeyedRequest)).all()) == left


def test_request_that_a_kill_cut_is_never_done_again(house: House, teacher: Teacher) -> None:
    """What came of it nobody knows: that is said, with what to do; a key that is a week old may be used anew."""
    asked = describe_asked(account=teacher.id, key="k1", path="/x", body=b"{}")

    def killed() -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        perform_once(house.services, asked, killed)
    with pytest.raises(ChangeRefusedError, match="look at the unit"):
        perform_once(house.services, asked, lambda: Answer(status=200, body="{}"))
    house.clock.pass_time(KEPT + timedelta(seconds=1))
    assert perform_once(house.services, asked, lambda: Answer(status=200, body="{}")).status == 200
    with house.services.database.reading() as session:
        assert len(session.scalars(select(KeyedRequest)).all()) == 1

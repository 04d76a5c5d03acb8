"""The OpenAPI document: who gets it, that it names each operation, and that the application answers as it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy, one_of
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks
from sqlalchemy import select

from controller.auth.logins import COOKIE
from controller.devices.actions import ACTIONS
from controller.devices.models import Device, DeviceState, Health, Presence
from controller.rest.schemas import schema_of
from controller.rest.views import OPERATIONS
from tests.house import NIGHT, House, Person
from tests.unit.controller.uploads.unit_client import made_up_segment

CONFORMS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
MANY = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class School:
    """A controller with units in every state, a recording, and who asks."""

    house: House
    admin: Person
    teacher: Person
    units: tuple[str, ...]


@pytest.fixture
def school(house: House) -> School:
    """Make it."""
    teacher = house.add_teacher()
    house.deliver(house.make_lesson(teacher, [made_up_segment()]))
    with house.services.database.writing() as session:
        session.add(Presence(device=teacher.device, birth=1, online=True, version="1", changed_at=NIGHT))
        session.add(
            Health(device=teacher.device, fit=True, reason="", school_days_left=9, said_at=NIGHT, received_at=NIGHT)
        )
    for state in DeviceState:
        other = house.add_teacher(f"{state.value} Keeper", room=f"Room {state.value}")
        with house.services.database.writing() as session:
            session.get_one(Device, other.device).state = state
    with house.services.database.reading() as session:
        units = tuple(session.scalars(select(Device.id)))
    return School(house, house.add_admin(), teacher, units)


def document(house: House, person: Person) -> dict[str, Any]:
    """Fetch the document."""
    answer = house.browser(person).get("/api/v1/openapi.json")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def test_document_is_for_whoever_is_signed_in(school: School) -> None:
    """The same for teachers and admins; nobody else gets it."""
    assert document(school.house, school.admin) == document(school.house, school.teacher)
    assert school.house.browser().get("/api/v1/openapi.json").status_code == 401


def test_document_names_every_operation_and_every_action(school: School) -> None:
    """What the application serves under /api/v1 and what the document says are the same, each action by its name."""
    told = document(school.house, school.admin)
    served = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in school.house.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.rule != "/api/v1/openapi.json"
        for method in (rule.methods or set()) & {"GET", "POST"}
    }
    actions = {(f"/api/v1/units/{{unit}}/{change}", "post") for change in ACTIONS}
    expected = served - {("/api/v1/units/{unit}/{action}", "post")} | actions
    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == expected
    assert told["openapi"] == "3.1.0"
    assert len(served) == len(OPERATIONS)


def test_fields_of_an_action_are_those_that_it_knows(school: School) -> None:
    """The form that refuses a misspelt field is the one that the document shows."""
    told = document(school.house, school.admin)
    for change, (form, _) in ACTIONS.items():
        body = told["paths"][f"/api/v1/units/{{unit}}/{change}"]["post"]["requestBody"]
        name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        assert set(told["components"]["schemas"][name]["properties"]) == set(form.__annotations__)


def cases(operation: Any, units: Sequence[str]) -> SearchStrategy[Any]:
    """Make requests, right and wrong ones, to units that there are, to one that there is not, and to anything."""
    placed = (
        [{"path_parameters": {"unit": unit}} for unit in (*units, "Room 12", "nobody")]
        if "{unit}" in operation.path
        else []
    )
    return one_of([operation.as_strategy(mode, **fixed) for mode in GenerationMode for fixed in (*placed, {})])


def test_application_answers_as_the_document_says(school: School) -> None:
    """Schemathesis makes requests out of the document: no 500, and each answer has its status, type and form."""
    app = school.house.make_app()
    app.testing = False  # as it is in production: what we did not foresee is answered 500, and found
    schema = schemathesis.openapi.from_dict(document(school.house, school.admin))
    schema.app = app
    answered: Counter[tuple[str, int]] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        person = school.teacher if "recordings" in operation.path else school.admin
        headers, cookies = signed_in(school, app, person)
        answered += ask_many(cases(operation, school.units), headers, cookies)
    asked, done = {label for label, _ in answered}, {label for label, status in answered if status == 200}
    assert len(asked) == len(OPERATIONS) - 1 + len(ACTIONS)
    assert {label for label in asked if label.startswith("GET")} <= done
    assert {f"POST /api/v1/units/{{unit}}/{action}" for action in ("identify", "lose")} <= done
    assert {200, 404, 409, 422} <= {status for _, status in answered}


def ask_many(made: SearchStrategy[Any], headers: dict[str, str], cookies: dict[str, str]) -> Counter[tuple[str, int]]:
    """Send requests, hold each answer to the document, and count by operation and status."""
    answered: Counter[tuple[str, int]] = Counter()

    @MANY
    @given(case=made)
    def ask(case: schemathesis.Case) -> None:
        response = case.call(headers=headers, cookies=cookies)
        case.validate_response(response, checks=CONFORMS)
        answered[case.operation.label, response.status_code] += 1

    ask()
    return answered


def signed_in(school: School, app: Flask, person: Person) -> tuple[dict[str, str], dict[str, str]]:
    """Give the headers and cookies of a program that signed in and fetched a form token."""
    web = school.house.browser(school.admin, app)
    token = web.get("/api/v1/units").headers["X-CSRFToken"]
    form = web.get_cookie("backrow_form")
    assert form is not None
    return {"X-CSRFToken": token}, {COOKIE: person.login, "backrow_form": form.value}


class Inner(TypedDict):
    """A form in a form."""

    choice: Literal["a", "b"]


class Outer(TypedDict, total=False):
    """A form."""

    state: DeviceState
    many: list[Inner]
    perhaps: Annotated[str, "date-time"] | None


def test_schema_is_read_out_of_the_hints() -> None:
    """Choices, lists, forms in forms, formats, and what may be missing or null."""
    known: dict[str, Any] = {}
    assert schema_of(Outer, known) == {"$ref": "#/components/schemas/Outer"}
    assert known["Outer"]["properties"] == {
        "state": {"type": "string", "enum": [state.value for state in DeviceState]},
        "many": {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}},
        "perhaps": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
    }
    assert (known["Outer"]["required"], known["Inner"]["required"]) == ([], ["choice"])
    with pytest.raises(TypeError, match="no JSON form"):
        schema_of(bytes, known)

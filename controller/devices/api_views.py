"""`/api/v1/units`: the registry for programs of admins, and what can be done with a unit. Answers are JSON.

Signed in as a browser is, by the login's cookie; a POST carries the form token in `X-CSRFToken`, which every GET here
gives in the header of that name. Refusals name the field, why, and what to do. Nothing tells of recordings (P7).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypedDict

from flask import Blueprint, Response, jsonify, make_response, request
from flask_wtf.csrf import generate_csrf
from sqlalchemy.orm import Session

from controller.auth.access import open_to, signed_in
from controller.devices.actions import ACTIONS, perform
from controller.devices.forms import EventTold, UnitTold, all_units, describe_history, describe_unit, describe_units
from controller.devices.life import deed_of, find_unit
from controller.devices.models import Device, DeviceState
from controller.devices.reach import RUNNERS, are_run_by, is_run_by, sites_run_by
from controller.devices.refusals import ChangeRefusedError, Fault, in_english, word_refusal
from controller.devices.retries import HEADER, REPLAYED, Answer, describe_asked, perform_once
from controller.rest.operations import Operation, Refused
from controller.services import Services

STATUSES = {
    Fault.UNIT_UNKNOWN: HTTPStatus.NOT_FOUND,
    Fault.UNIT_AMBIGUOUS: HTTPStatus.NOT_FOUND,
    Fault.ACTION_UNKNOWN: HTTPStatus.NOT_FOUND,
    Fault.STATE_FORBIDS: HTTPStatus.CONFLICT,
    Fault.NEVER_JOINED: HTTPStatus.CONFLICT,
    Fault.HAS_JOINED: HTTPStatus.CONFLICT,
    Fault.SWAPPED_ALREADY: HTTPStatus.CONFLICT,
    Fault.OUTCOME_UNKNOWN: HTTPStatus.CONFLICT,
}
"""The status of a refusal; 422 where none is named."""

REFUSED = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)


class UnitsAnswer(TypedDict):
    """Units, by label."""

    units: list[UnitTold]


class UnitAnswer(TypedDict):
    """One unit."""

    unit: UnitTold


class HistoryAnswer(TypedDict):
    """What was done to a unit, the newest first."""

    history: list[EventTold]


class DoneAnswer(TypedDict):
    """The unit as it is now, its breach pack if it was lost, and what went wrong beside."""

    unit: UnitTold
    breach_pack: str | None
    troubles: list[str]


ONE = "/api/v1/units/<unit>"
OPERATIONS = (
    Operation(
        name="api_units",
        path="/api/v1/units",
        summary="List the units.",
        answer=UnitsAnswer,
        roles=RUNNERS,
        query={"state": DeviceState},
        refused=(HTTPStatus.UNPROCESSABLE_ENTITY,),
    ),
    Operation(
        name="api_unit",
        path=ONE,
        summary="Give one unit, by its id or label.",
        answer=UnitAnswer,
        roles=RUNNERS,
        refused=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        name="api_history",
        path=f"{ONE}/history",
        summary="Give a unit's history, the newest first.",
        answer=HistoryAnswer,
        roles=RUNNERS,
        refused=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        name="api_action",
        path=f"{ONE}/<action>",
        summary="Do something with a unit.",
        answer=DoneAnswer,
        roles=RUNNERS,
        method="POST",
        refused=REFUSED,
        choices={change.value: form for change, (form, _) in ACTIONS.items()},
    ),
)


class UnitsApi:
    """What programs ask of units."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the addresses."""
        for one in OPERATIONS:
            view = open_to(one.roles, getattr(self, one.name))
            room.add_url_rule(one.path, view_func=view, methods=[one.method])

    def api_units(self) -> Response:
        """List the units; `?state=` names one state, otherwise all are given."""
        asked = request.args.get("state")
        try:
            states = [DeviceState(asked)] if asked else list(DeviceState)
        except ValueError:
            names = ", ".join(DeviceState)
            return _refuse(ChangeRefusedError(Fault.STATE_UNKNOWN, "state", expected=names, got=(asked or "")[:40]))
        with self._services.database.reading() as session:
            units = describe_units(self._services, session, all_units(session, states, are_run_by(signed_in())))
        return _answer(UnitsAnswer(units=[unit.to_json() for unit in units]))

    def api_unit(self, unit: str) -> Response:
        """Give one unit."""
        try:
            with self._services.database.reading() as session:
                told = describe_unit(self._services, session, _find(session, unit)).to_json()
            return _answer(UnitAnswer(unit=told))
        except ChangeRefusedError as refusal:
            return _refuse(refusal)

    def api_history(self, unit: str) -> Response:
        """Give a unit's history, the newest first."""
        try:
            with self._services.database.reading() as session:
                lines = describe_history(session, _find(session, unit).id)
            return _answer(HistoryAnswer(history=[line.to_json() for line in lines]))
        except ChangeRefusedError as refusal:
            return _refuse(refusal)

    def api_action(self, unit: str, action: str) -> Response:
        """Do something with a unit; the body is a JSON object of the action's fields, or empty."""
        account, key = signed_in().id, request.headers.get(HEADER)
        if key is None:
            return _tell(self._perform(unit, action))
        try:
            asked = describe_asked(account=account, key=key, path=request.path, body=request.get_data())
            return _tell(perform_once(self._services, asked, lambda: self._perform(unit, action)))
        except ChangeRefusedError as refusal:
            return _refuse(refusal)

    def _perform(self, unit: str, action: str) -> Answer:
        try:
            deed = deed_of(self._services, signed_in().id, sites_run_by(signed_in()))
            done = perform(self._services, unit, action, fields=_read_fields(), deed=deed)
        except ChangeRefusedError as refusal:
            refused = _refuse(refusal)
            return Answer(status=refused.status_code, body=refused.get_data(as_text=True))
        with self._services.database.reading() as session:
            told = describe_unit(self._services, session, done.unit).to_json()
        answer = DoneAnswer(unit=told, breach_pack=done.pack or None, troubles=list(done.troubles))
        return Answer(status=HTTPStatus.OK, body=jsonify(answer).get_data(as_text=True))


def _find(session: Session, unit: str) -> Device:
    """Give a unit that the person runs; for others it does not exist."""
    row = find_unit(session, unit)
    if not is_run_by(signed_in(), row.site):
        raise ChangeRefusedError(Fault.UNIT_UNKNOWN, "unit", unit=unit[:40])
    return row


def _read_fields() -> dict[str, Any]:
    if not request.get_data():
        return {}
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ChangeRefusedError(Fault.BODY_MALFORMED, "body")
    return body


def _answer(told: UnitsAnswer | UnitAnswer | HistoryAnswer) -> Response:
    answer = jsonify(told)
    answer.headers["X-CSRFToken"] = generate_csrf()
    return answer


def _tell(answer: Answer) -> Response:
    told = Response(answer.body, answer.status, mimetype="application/json")
    told.headers["X-CSRFToken"] = generate_csrf()
    if answer.is_replayed:
        told.headers[REPLAYED] = "true"
    return told


def _refuse(refusal: ChangeRefusedError) -> Response:
    told = word_refusal(refusal, in_english)
    body = Refused(error="refused", code=refusal.fault, field=refusal.field, detail=told.detail, remedy=told.remedy)
    return make_response(jsonify(body), STATUSES.get(refusal.fault, HTTPStatus.UNPROCESSABLE_ENTITY))

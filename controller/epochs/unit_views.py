"""The units' door for statements of epochs: one small signed line, kept when it is the newest.

Needs no lease: a unit that was away for long says what it holds before it may send. docs/protocol/epochs.md.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from controller.devices.policy import Need
from controller.epochs.services import take_statement
from controller.errors import Refusal
from controller.services import Services
from controller.uploads.base_views import refusing
from controller.uploads.caller import Callers
from protocol.epochs import LIMIT_BYTES


def register(app: Flask, services: Services) -> None:
    """Add the endpoint to an application."""
    callers = Callers(services)
    room = Blueprint("unit_epochs", __name__, url_prefix="/units/v1")

    def statement() -> Response:
        device = callers.require_unit(request.environ, Need.DELIVERY)
        line: bytes = request.environ["wsgi.input"].read(LIMIT_BYTES + 1)
        if len(line) > LIMIT_BYTES:
            detail = f"expected a statement of at most {LIMIT_BYTES} bytes"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", detail)
        with services.database.writing() as session:
            take_statement(session, device, line, services.clock())
        return Response(status=HTTPStatus.NO_CONTENT)

    room.add_url_rule("/epochs", view_func=refusing(statement), methods=["PUT"])
    app.register_blueprint(room)

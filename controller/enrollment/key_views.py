"""The units' door for the recorder's signing key. Defined in docs/protocol/enrollment.md."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from controller.devices.policy import Need
from controller.enrollment.recorder_keys import take_recorder_key
from controller.errors import Refusal
from controller.services import Services
from controller.uploads.base_views import answer_json, refusing
from controller.uploads.caller import Callers
from protocol.enrollment import RECORDER_KEY_PATH

LONGEST_STATEMENT_BYTES = 4096


def register(app: Flask, services: Services) -> None:
    """Add the request to an application."""
    callers = Callers(services)
    room = Blueprint("recorder_key", __name__)

    def recorder_key() -> Response:
        device = callers.require_unit(request.environ, Need.DELIVERY)
        length = request.content_length
        if length is None or length > LONGEST_STATEMENT_BYTES:
            detail = f"expected a Content-Length of at most {LONGEST_STATEMENT_BYTES}, got {length}"
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", detail)
        return answer_json({"key": take_recorder_key(services, device, request.get_data(cache=False))})

    room.add_url_rule(RECORDER_KEY_PATH, view_func=refusing(recorder_key), methods=["PUT"])
    app.register_blueprint(room)

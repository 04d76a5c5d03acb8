"""The units' door for the time: what time it is, signed for the unit that asks and the nonce that it brings.

For a unit whose clock nobody sets. Needs no lease, and says nothing but the time. docs/protocol/consent.md.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask, Response, request

from controller.devices.policy import Need
from controller.errors import Refusal
from controller.services import Services
from controller.uploads.base_views import SIGNED_LINES, refusing
from controller.uploads.caller import Callers
from protocol.ids import IdError, parse_id
from protocol.signed_time import SignedTime, issue_signed_time


def register(app: Flask, services: Services) -> None:
    """Add the endpoint to an application."""
    callers = Callers(services)
    room = Blueprint("unit_time", __name__, url_prefix="/units/v1")

    def time(nonce: str) -> Response:
        device = callers.require_unit(request.environ, Need.DOCUMENTS)
        try:
            said = SignedTime(device=device, nonce=parse_id(nonce, "nonce"), at=services.clock())
        except IdError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, "nonce_malformed", str(error)) from None
        line = issue_signed_time(said, services.keys.policy)
        return Response(line, mimetype=SIGNED_LINES, headers={"Cache-Control": "no-store"})

    room.add_url_rule("/time/<nonce>", view_func=refusing(time), methods=["GET"])
    app.register_blueprint(room)

"""What a unit fetches of the school's documents: keyring, recipients and its policy, a signed line each.

Needs no lease: a unit that was away for long needs them before anything else.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from controller.devices.models import Device
from controller.services import Services
from controller.uploads.base_views import SIGNED_LINES, refusing
from controller.uploads.caller import Callers


def register(app: Flask, services: Services) -> None:
    """Add the endpoint to an application."""
    callers = Callers(services)
    room = Blueprint("unit_documents", __name__, url_prefix="/units/v1")

    def documents() -> Response:
        device = callers.require_unit(request.environ)
        with services.database.reading() as session:
            policy = session.get_one(Device, device).policy_line
        lines = services.keys.keyring_line + services.keys.recipients_line + (policy or b"")
        return Response(lines, mimetype=SIGNED_LINES, headers={"Cache-Control": "no-store"})

    room.add_url_rule("/documents", view_func=refusing(documents), methods=["GET"])
    app.register_blueprint(room)

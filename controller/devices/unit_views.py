"""What a unit fetches of the school's documents: keyring, recipients and its policy, a signed line each.

Needs no lease: a unit that was away for long needs them before anything else.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from controller.devices.models import Device
from controller.services import Services
from controller.uploads import caller
from controller.uploads.base_views import SIGNED_LINES, refusing


def register(app: Flask, services: Services) -> None:
    """Add the endpoint to an application."""
    room = Blueprint("unit_documents", __name__, url_prefix="/units/v1")

    def documents() -> Response:
        device = caller.require_unit(services, request.environ)
        with services.database.reading() as session:
            policy = session.get_one(Device, device).policy_line
        lines = services.keys.keyring_line + services.keys.recipients_line + (policy or b"")
        return Response(lines, mimetype=SIGNED_LINES, headers={"Cache-Control": "no-store"})

    room.add_url_rule("/documents", view_func=refusing(documents), methods=["GET"])
    app.register_blueprint(room)

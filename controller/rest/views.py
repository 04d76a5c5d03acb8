"""`/api/v1/openapi.json`: what programs may ask, for whoever is signed in. docs/protocol/rest.md."""

from __future__ import annotations

from importlib.metadata import version

from flask import Blueprint, Flask, Response, jsonify

from controller.accounts.models import Role
from controller.auth.access import for_roles
from controller.auth.logins import COOKIE
from controller.devices.api_views import OPERATIONS as OF_UNITS
from controller.recordings.views import OPERATIONS as OF_RECORDINGS
from controller.rest.document import make_document
from controller.services import Services

OPERATIONS = (*OF_UNITS, *OF_RECORDINGS)


def register(app: Flask, services: Services) -> None:
    """Add the document's address; it says the same to everybody."""
    del services
    room = Blueprint("rest", __name__)
    document = make_document(OPERATIONS, version=version("backrow"), cookie=COOKIE)

    @for_roles(*Role)
    def openapi() -> Response:
        return jsonify(document)

    room.add_url_rule("/api/v1/openapi.json", view_func=openapi)
    app.register_blueprint(room)

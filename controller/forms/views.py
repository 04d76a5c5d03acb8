"""The room of forms: who has not answered, printing, entering, tables, one person's answers. For keepers alone."""

from __future__ import annotations

from flask import Blueprint, Flask

from controller.forms.entry_views import EntryPages
from controller.services import Services


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("forms", __name__)
    EntryPages(services).add_to(room)
    app.register_blueprint(room)

"""The room of forms: who has not answered, printing, entering, tables, one person's answers. For keepers alone."""

from __future__ import annotations

from flask import Blueprint, Flask

from controller.forms.entry_views import EntryPages
from controller.forms.import_views import TablePages
from controller.forms.overview_views import OverviewPages
from controller.forms.person_views import PersonPages
from controller.forms.print_views import PrintPages
from controller.services import Services


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("forms", __name__)
    OverviewPages(services).add_to(room)
    EntryPages(services).add_to(room)
    PrintPages(services).add_to(room)
    PersonPages(services).add_to(room)
    TablePages(services).add_to(room)
    app.register_blueprint(room)

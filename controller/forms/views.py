"""The room of forms: who has not answered, printing, entering, tables, one person's answers. For keepers alone."""

from __future__ import annotations

from flask import Blueprint, Flask

from controller.forms.entry_views import EntryPages
from controller.forms.overview_views import OverviewPages
from controller.forms.person_views import PersonPages
from controller.forms.print_views import PrintPages
from controller.services import Services


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("forms", __name__)
    for pages in (OverviewPages(services), EntryPages(services), PrintPages(services), PersonPages(services)):
        pages.add_to(room)
    app.register_blueprint(room)

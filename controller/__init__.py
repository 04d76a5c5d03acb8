"""The controller: the school's own server. `create_app` makes one of its two WSGI applications.

Creating an application starts no thread and opens no socket, file or database.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from controller.config import Config
    from controller.services import Services


class Surface(StrEnum):
    """Which of the two doors an application stands behind: browsers or units. They share no URL."""

    PEOPLE = "people"
    UNITS = "units"


def create_app(config: Config, surface: Surface = Surface.PEOPLE, services: Services | None = None) -> Flask:
    """Make the application of one door; `services` is given where two applications or a test share the parts."""
    from flask import Flask

    from controller import wiring

    parts = services or wiring.make_services(config)
    app = Flask("controller", static_folder="static" if surface is Surface.PEOPLE else None)
    rooms = wiring.people_rooms() if surface is Surface.PEOPLE else wiring.units_rooms()
    for register in rooms:
        register(app, parts)
    return app

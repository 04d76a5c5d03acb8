"""What a unit fetches of the school's documents: keyring, recipients, its policy, schedule and commands, and
receipts that take something back, and new ones.

Needs no lease: a unit that was away for long needs them before anything else. With the request a unit says its
counters, by which an older copy of its card is noticed, its board, and what its release can (docs/protocol/uploads.md).
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, request

from controller.calendar.schedules import schedule_of
from controller.devices.abilities import note_abilities
from controller.devices.boards import note_board
from controller.devices.counters import note_counters
from controller.devices.models import Device
from controller.devices.policies import policy_of
from controller.devices.policy import Need
from controller.devices.unit_commands import commands_in_force
from controller.recordings.receipts import untold
from controller.services import Services
from controller.uploads.base_views import SIGNED_LINES, refusing
from controller.uploads.caller import Callers
from protocol import abilities, board, counters


def register(app: Flask, services: Services) -> None:
    """Add the endpoint to an application."""
    callers = Callers(services)
    room = Blueprint("unit_documents", __name__, url_prefix="/units/v1")

    def documents() -> Response:
        device = callers.require_unit(request.environ, Need.DOCUMENTS)
        note_counters(services, device, request.headers.get(counters.HEADER))
        note_board(services, device, request.headers.get(board.HEADER))
        note_abilities(services, device, request.headers.get(abilities.HEADER))
        lines = b"".join(documents_of(services, device))
        return Response(lines, mimetype=SIGNED_LINES, headers={"Cache-Control": "no-store"})

    room.add_url_rule("/documents", view_func=refusing(documents), methods=["GET"])
    app.register_blueprint(room)


def documents_of(services: Services, device: str) -> tuple[bytes, ...]:
    """Give the signed lines that a unit is told whenever it asks, the keyring first."""
    with services.database.reading() as session:
        unit = session.get_one(Device, device)
        own = [line for line in (policy_of(unit), schedule_of(unit)) if line]
        commands = commands_in_force(session, device, services.clock())
        receipts = untold(session, device, services.clock())
    return (services.keys.keyring_line, services.keys.recipients_line, *own, *commands, *receipts)

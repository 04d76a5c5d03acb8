"""The page of a unit's room card, and the card itself as a picture and for the printer.

A teacher prints the card of their own unit, who runs units the card of theirs; it tells nothing of what was recorded.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import current_language, gettext
from controller.devices.cards import card_of, code_of, print_card, room_of, sentences_of
from controller.devices.models import LIVING, Device
from controller.devices.reach import RUNNERS, is_known_to
from controller.services import Services
from protocol.room.drawing import Drawing, Paper
from protocol.room.svg import encode_svg


class CardPages:
    """What people see and print of a room card."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/units/<device>/card", view_func=self.card)
        room.add_url_rule("/units/<device>/card.svg", view_func=self.picture)
        room.add_url_rule("/units/<device>/card.pdf", view_func=self.pdf)

    @for_roles(Role.TEACHER, *RUNNERS)
    def card(self, device: str) -> str:
        """Show the card, its words for whoever cannot see it, and where to print it."""
        with self._services.database.reading() as session:
            row = _find(session, device)
            room = room_of(self._services.config, row)
            return render_template(
                "devices/card.html",
                device=row,
                sentences=sentences_of(room, gettext),
                can_print=print_card(self._draw(row)) is not None,
                has_code=bool(room.modules),
                code=code_of(row.id, row.label),
            )

    @for_roles(Role.TEACHER, *RUNNERS)
    def picture(self, device: str) -> Response:
        """Give the card as SVG."""
        with self._services.database.reading() as session:
            return Response(encode_svg(self._draw(_find(session, device))), mimetype="image/svg+xml")

    @for_roles(Role.TEACHER, *RUNNERS)
    def pdf(self, device: str) -> Response:
        """Give the card as PDF for the sheet that is asked for; none where its font lacks a letter."""
        with self._services.database.reading() as session:
            row = _find(session, device)
            data = print_card(self._draw(row)) or abort(404)
        headers = {"Content-Disposition": f'inline; filename="room-card-{row.id}.pdf"'}
        return Response(data, mimetype="application/pdf", headers=headers)

    def _draw(self, device: Device) -> Drawing:
        room = room_of(self._services.config, device)
        paper = Paper.LETTER if request.args.get("paper") == "letter" else Paper.A4
        return card_of(room, gettext, language=current_language(), paper=paper)


def _find(session: Session, device: str) -> Device:
    """Give a unit that is this person's business; for others it does not exist."""
    row, person = session.get(Device, device), signed_in()
    if row is None or row.state not in LIVING or not is_known_to(person, row):
        abort(404)
    return row

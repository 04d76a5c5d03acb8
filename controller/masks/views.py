"""The pages of a room's mask: drawn by numbers with a preview, its history, and a sheet for the room's wall.

There is no picture of the room here, and nothing says whether or when it was recorded (promise P7).
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.masks.policy import MaskRefusedError, draw_points, read_areas, share_permille, write_area
from controller.masks.repo import areas_of, history
from controller.masks.words import FAULTS
from controller.masks.writing import NewMask, set_mask
from controller.people.keepers import KEEPERS
from controller.services import Services
from controller.timetable.models import Room
from protocol.masks import MOST_AREAS, Area

Page = str | Response | tuple[str, HTTPStatus]
SPARE_LINES = 2


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("masks", __name__)
    MaskPages(services).add_to(room)
    app.register_blueprint(room)


class MaskPages:
    """What a keeper of rosters sees and sets of rooms' masks."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/rooms/<room>/mask", view_func=self.show)
        room.add_url_rule("/rooms/<room>/mask", view_func=self.change, methods=["POST"])
        room.add_url_rule("/rooms/<room>/mask/sheet", view_func=self.sheet)

    @for_roles(*KEEPERS)
    def show(self, room: str) -> Page:
        """Show the mask that holds, and the form."""
        return self._show(room)

    @for_roles(*KEEPERS)
    def change(self, room: str) -> Page:
        """Show what the numbers mean, or set the mask."""
        lines, seen = request.form.getlist("area"), request.form.get("seen", "")
        try:
            areas = read_areas(lines)
            if request.form.get("do") != "set":
                return self._show(room, drawn=areas)
            self._require_room(room)
            number = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0
            new = NewMask(areas=areas, seen=number, reason=request.form.get("reason", "").strip())
            set_mask(self._services, room, new, by=signed_in().id)
        except MaskRefusedError as refusal:
            fault = gettext(FAULTS[refusal.fault], area=refusal.area)
            return self._show(room, fault=fault), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("The room’s unit is told. It records nothing until somebody has confirmed the mask there."))
        return redirect(url_for("masks.show", room=room), HTTPStatus.SEE_OTHER)

    @for_roles(*KEEPERS)
    def sheet(self, room: str) -> Page:
        """Show a sheet to print: which parts of the picture are grey, and where to sit for that."""
        with self._services.database.reading() as session:
            place, rows = _place(session, room), history(session, room)
        areas = areas_of(rows[0] if rows else None)
        if not areas:
            return redirect(url_for("masks.show", room=room), HTTPStatus.SEE_OTHER)
        return render_template("masks/sheet.html", room=place, held=rows[0], points=[*map(draw_points, areas)])

    def _require_room(self, room: str) -> None:
        with self._services.database.reading() as session:
            _place(session, room)

    def _show(self, room: str, *, fault: str = "", drawn: tuple[Area, ...] | None = None) -> str:
        with self._services.database.reading() as session:
            place, rows = _place(session, room), history(session, room)
        held = areas_of(rows[0] if rows else None)
        shown = held if drawn is None else drawn
        lines = request.form.getlist("area") or [write_area(area) for area in held]
        lines = [line for line in lines if line.strip()]
        lines += [""] * min(SPARE_LINES, MOST_AREAS - len(lines))
        return render_template(
            "masks/mask.html",
            room=place,
            rows=rows,
            holds=bool(held),
            points=[] if fault else [*map(draw_points, shown)],
            share=share_permille(shown),
            lines=lines,
            is_draft=drawn is not None or bool(fault),
            fault=fault,
            reason=request.form.get("reason", ""),
            seen=request.form.get("seen") or (rows[0].version if rows else 0),
        )


def _place(session: Session, room: str) -> Room:
    return session.get(Room, room) or abort(HTTPStatus.NOT_FOUND)

"""The page of pilots: rooms in which only adults who accepted are recorded for a while, beside the school's rules.

Whoever sets the rules of the whole school begins and ends one. What a pilot is stands in piloting.py.
"""

from __future__ import annotations

from datetime import date
from http import HTTPStatus

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.consent import repo
from controller.consent.keepers import RULERS, reach
from controller.consent.models import REASON_CHARS
from controller.consent.piloting import LONGEST, begin_pilot, end_pilot
from controller.consent.places import rooms_by_place
from controller.consent.reading import read_day
from controller.consent.refusals import ConsentRefusedError
from controller.consent.telling import word_fault
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("pilots", __name__)
    PilotPages(services).add_to(room)
    app.register_blueprint(room)


class PilotPages:
    """What those who set the rules see and do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/consent/pilots", view_func=self.show)
        room.add_url_rule("/consent/pilots", view_func=self.begin, methods=["POST"])
        room.add_url_rule("/consent/pilots/<room>/end", view_func=self.end, methods=["POST"])

    @for_roles(*RULERS)
    def show(self) -> Page:
        """Show the rooms of pilots, and a form for another one."""
        return self._show()

    @for_roles(*RULERS)
    def begin(self) -> Page:
        """Begin one, or let one go on longer."""
        _require_whole_school()
        form = request.form
        try:
            until = read_day(form.get("until", ""), "holds_until")
            room, reason = form.get("room", ""), form.get("reason", "")
            begin_pilot(self._services, room, until=until, reason=reason, by=signed_in().id)
        except ConsentRefusedError as refusal:
            return self._show(word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Done. The unit of the room is told."))
        return redirect(url_for("pilots.show"), HTTPStatus.SEE_OTHER)

    @for_roles(*RULERS)
    def end(self, room: str) -> Page:
        """End one now."""
        _require_whole_school()
        try:
            end_pilot(self._services, room, by=signed_in().id)
        except ConsentRefusedError as refusal:
            return self._show(word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Ended. The unit of the room is told."))
        return redirect(url_for("pilots.show"), HTTPStatus.SEE_OTHER)

    def _show(self, fault: str = "") -> str:
        today = self._today()
        with self._services.database.reading() as session:
            names, held = repo.room_names(session), repo.pilots_on(session, today)
            rooms = [(room.id, names[room.id]) for room in rooms_by_place(session)]
            rules = repo.newest_rules(session)
        return render_template(
            "consent/pilots.html",
            held=sorted(held.values(), key=lambda row: names[row.room]),
            names=names,
            rooms=rooms,
            has_rules=rules is not None,
            may_set=reach(signed_in().held, RULERS) is None,
            today=today,
            latest=today + LONGEST,
            longest=REASON_CHARS,
            fault=fault,
            typed=request.form if fault else {},
        )

    def _today(self) -> date:
        return self._services.clock().astimezone(self._services.config.controller.time_zone).date()


def _require_whole_school() -> None:
    if reach(signed_in().held, RULERS) is not None:
        abort(404)

"""Pages of what is needed today, for the owner alone: a recording, or all that waits on one's own unit.

Whether it can be had, and in which words it is refused, is decided by controller/uploads/explain.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from controller.accounts.models import Role
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.devices.models import Device
from controller.devices.policy import DELIVERING
from controller.recordings.models import RecordingState
from controller.recordings.ownership import require_owned
from controller.services import Services
from controller.uploads import today
from controller.uploads.explain import NOT_TODAY
from controller.uploads.today import WHOLE_UNIT, Wish
from controller.uploads.wishes import find_unit


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("today", __name__)
    TodayPages(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True)
class UnitShown:
    """One of the owner's units: why nothing can come today (empty where it can), and whether it was asked for."""

    id: str
    label: str
    not_today: str
    is_wished: bool


class TodayPages:
    """What an owner sees and does."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/recordings/today", view_func=self.units)
        one, unit = "/recordings/<recording>/today", "/recordings/today/<device>"
        room.add_url_rule(one, view_func=self.ask_recording, methods=["POST"])
        room.add_url_rule(f"{one}/back", view_func=self.take_recording_back, methods=["POST"])
        room.add_url_rule(unit, view_func=self.ask_unit, methods=["POST"])
        room.add_url_rule(f"{unit}/back", view_func=self.take_unit_back, methods=["POST"])

    @for_roles(Role.TEACHER)
    def units(self) -> str:
        """Show one's own units, and what can be had from each today."""
        mine = select(Device.id).where(Device.owner == signed_in().id, Device.state.in_(DELIVERING))
        with self._services.database.reading() as session:
            shown = [self._describe(session, device) for device in session.scalars(mine.order_by(Device.label))]
        return render_template("recordings/today.html", units=shown)

    def _describe(self, session: Session, device: str) -> UnitShown:
        unit, now = find_unit(self._services, session, device), self._services.clock()
        return UnitShown(
            id=device,
            label=unit.device.label,
            not_today=NOT_TODAY[unit.not_today] if unit.not_today else "",
            is_wished=today.holds(session, Wish(device, WHOLE_UNIT, signed_in().id), now),
        )

    @for_roles(Role.TEACHER)
    def ask_recording(self, recording: str) -> AnyResponse:
        """Ask for a recording that still arrives."""
        with self._services.database.writing() as session:
            row = require_owned(session, recording)
            if row.state is RecordingState.ARRIVING:
                self._ask(session, Wish(row.device, row.id, signed_in().id))
        return redirect(url_for("recordings.show", recording=recording))

    @for_roles(Role.TEACHER)
    def take_recording_back(self, recording: str) -> AnyResponse:
        """Take it back."""
        with self._services.database.writing() as session:
            row = require_owned(session, recording)
            today.take_back(session, Wish(row.device, row.id, signed_in().id))
        flash(gettext("It comes at night again."))
        return redirect(url_for("recordings.show", recording=recording))

    @for_roles(Role.TEACHER)
    def ask_unit(self, device: str) -> AnyResponse:
        """Ask for all that waits on one's own unit."""
        with self._services.database.writing() as session:
            self._ask(session, Wish(_require_mine(session, device), WHOLE_UNIT, signed_in().id))
        return redirect(url_for("today.units"))

    @for_roles(Role.TEACHER)
    def take_unit_back(self, device: str) -> AnyResponse:
        """Take it back."""
        with self._services.database.writing() as session:
            today.take_back(session, Wish(_require_mine(session, device), WHOLE_UNIT, signed_in().id))
        flash(gettext("It comes at night again."))
        return redirect(url_for("today.units"))

    def _ask(self, session: Session, wish: Wish) -> None:
        services = self._services
        refused = find_unit(services, session, wish.device).not_today
        if refused:
            flash(gettext(NOT_TODAY[refused]))
            return
        today.keep_wish(session, wish, now=services.clock(), zone=services.config.controller.time_zone)
        flash(gettext("It is asked for. It comes as soon as the line allows it."))


def _require_mine(session: Session, device: str) -> str:
    """Give a unit of the person who is signed in; for everybody else it does not exist here."""
    row = session.get(Device, device)
    if row is None or row.owner != signed_in().id or row.state not in DELIVERING:
        abort(404)
    return row.id

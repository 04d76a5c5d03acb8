"""The page of joining: keys that wait for a person, and what is held off after too many failures.

The page shows the first groups of a fingerprint; the last ones are typed from the unit's screen, so that nobody adopts
a key by looking at the page alone. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.devices import repo as devices
from controller.devices.life import deed_of
from controller.devices.models import Device
from controller.devices.reach import RUNNERS, is_run_by
from controller.enrollment import policy
from controller.enrollment.adoption import Adopter, AdoptionError
from controller.enrollment.models import EnrollmentRequest
from controller.enrollment.services import make_enrollment
from controller.errors import OperatorError
from controller.services import Services
from protocol.pki import spell_fingerprint

Page = str | tuple[str, HTTPStatus] | Response


def register(app: Flask, services: Services) -> None:
    """Add the page to an application."""
    room = Blueprint("enrollment", __name__)
    JoiningPages(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True)
class Waiting:
    """One key that waits, as the page shows it."""

    row: EnrollmentRequest
    shown: str
    hidden: str

    @property
    def name(self) -> str:
        """Name it in addresses, in which the digits that are typed do not stand."""
        return hashlib.sha256(self.row.spki.encode("ascii")).hexdigest()[:16]


class JoiningPages:
    """What those who run units see of keys that wait, and decide."""

    def __init__(self, services: Services) -> None:
        self._services = services
        enrollment = make_enrollment(services)
        self._adoption, self._attempts = enrollment.adoption, enrollment.attempts

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/joining", view_func=self.waiting)
        room.add_url_rule("/joining/<name>/adopt", view_func=self.adopt, methods=["POST"])
        room.add_url_rule("/joining/<name>/refuse", view_func=self.refuse, methods=["POST"])
        room.add_url_rule("/joining/lift", view_func=self.lift, methods=["POST"])

    @for_roles(*RUNNERS)
    def waiting(self) -> Page:
        """List what waits."""
        return self._show(HTTPStatus.OK, fault=None)

    @for_roles(*RUNNERS)
    def adopt(self, name: str) -> Page:
        """Adopt a key as a prepared unit."""
        found = self._find(name)
        if found is None:
            return self._show(HTTPStatus.CONFLICT, gettext("This key does not wait any more."))
        if not policy.is_same_fingerprint(request.form.get("typed", ""), found.hidden):
            return self._show(HTTPStatus.UNPROCESSABLE_ENTITY, gettext("That is not how the key’s fingerprint ends."))
        if request.form.get("unit", "") not in {row.id for row in self._units()}:
            return self._show(HTTPStatus.CONFLICT, gettext("This key cannot be adopted as that unit."))
        try:
            self._adoption.adopt(found.row.spki, request.form.get("unit", ""), by=Adopter(id=signed_in().id))
        except AdoptionError:
            return self._show(HTTPStatus.CONFLICT, gettext("This key cannot be adopted as that unit."))
        flash(gettext("Adopted. The unit gets its certificate within half a minute."))
        return redirect(url_for("enrollment.waiting"), HTTPStatus.SEE_OTHER)

    @for_roles(*RUNNERS)
    def refuse(self, name: str) -> Page:
        """Refuse a key."""
        found = self._find(name)
        if found is None:
            return self._show(HTTPStatus.CONFLICT, gettext("This key does not wait any more."))
        try:
            self._adoption.refuse(found.row.spki, by=Adopter(id=signed_in().id))
        except AdoptionError:  # somebody else decided between the two looks
            return self._show(HTTPStatus.CONFLICT, gettext("This key does not wait any more."))
        flash(gettext("Refused."))
        return redirect(url_for("enrollment.waiting"), HTTPStatus.SEE_OTHER)

    @for_roles(*RUNNERS)
    def lift(self) -> Page:
        """Let a unit or an address try again at once."""
        try:
            self._attempts.lift(request.form.get("held", ""), deed_of(self._services, signed_in().id))
        except OperatorError:  # its time was over, or somebody else lifted it
            return self._show(HTTPStatus.CONFLICT, gettext("That is not held off any more."))
        flash(gettext("It may try again at once."))
        return redirect(url_for("enrollment.waiting"), HTTPStatus.SEE_OTHER)

    def _find(self, name: str) -> Waiting | None:
        return next((one for one in self._waiting() if one.name == name), None)

    def _show(self, status: HTTPStatus, fault: str | None) -> Page:
        return render_template(
            "enrollment/joining.html",
            waiting=self._waiting(),
            units=self._units(),
            held=self._attempts.held(),
            fault=fault,
        ), status

    def _waiting(self) -> list[Waiting]:
        return [
            Waiting(row, *policy.split_fingerprint(spell_fingerprint(row.spki))) for row in self._adoption.waiting()
        ]

    def _units(self) -> list[Device]:
        """Give the units that a key may be, those first that have never joined."""
        with self._services.database.reading() as session:
            joining = [
                row
                for row in devices.devices(session)
                if row.state in policy.JOINING and is_run_by(signed_in(), row.site)
            ]
        return sorted(joining, key=lambda row: row.state.value, reverse=True)

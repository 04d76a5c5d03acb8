"""A unit's own page for those who run it: place, owner, state, certificate, history, and what can be done.

Each action has a page that says what follows before it is done. Nothing tells of recordings (promise P7).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.models import Account
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.devices.actions import perform
from controller.devices.forms import UnitForm, all_units, describe_history, describe_unit, describe_units
from controller.devices.history import events_of
from controller.devices.life import deed_of
from controller.devices.models import Device, DeviceState
from controller.devices.policy import Change, changes_for
from controller.devices.reach import RUNNERS, are_run_by, is_run_by, sites_run_by
from controller.devices.reasons import OVER_QUOTA, describe_reasons
from controller.devices.refusals import ChangeRefusedError, name_field, word_refusal
from controller.devices.words import ACTIONS, CONSEQUENCES, GRAVE, HAPPENINGS, STATE_REASONS, STATES
from controller.services import Services
from controller.uploads.quotas import over_quota

GONE = (DeviceState.RETIRED, DeviceState.LOST, DeviceState.REMOVED)
Page = str | Response | tuple[str, HTTPStatus]


class LifePages:
    """What those who run a unit see of it and do with it."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/units/gone", view_func=self.gone)
        room.add_url_rule("/units/<device>", view_func=self.unit)
        room.add_url_rule("/units/<device>/do/<action>", view_func=self.confirm)
        room.add_url_rule("/units/<device>/do/<action>", view_func=self.act, methods=["POST"])

    @for_roles(*RUNNERS)
    def gone(self) -> str:
        """List the units that were retired, lost or removed."""
        with self._services.database.reading() as session:
            units = describe_units(self._services, session, self._units(session, GONE))
        return render_template("devices/gone.html", units=units, states=STATES)

    @for_roles(*RUNNERS)
    def unit(self, device: str) -> str:
        """Show one unit."""
        form = self._find(device)
        with self._services.database.reading() as session:
            history = describe_history(session, device)
            over = describe_reasons(OVER_QUOTA) if device in over_quota(session, self._services.clock()) else ()
        return render_template(
            "devices/unit.html",
            unit=form,
            history=history,
            reasons=(*(describe_reasons(form.health.reason) if form.health else ()), *over),
            actions=[(change, ACTIONS[change]) for change in changes_for(form.device.state)],
            states=STATES,
            state_reasons=STATE_REASONS,
            happenings=HAPPENINGS,
            grave=GRAVE,
        )

    @for_roles(*RUNNERS)
    def confirm(self, device: str, action: str) -> Page:
        """Say what an action leads to, and ask."""
        form = self._find(device)
        return self._ask(form, action, fault="") if _is_open(form, action) else _tell_too_late(device)

    @for_roles(*RUNNERS)
    def act(self, device: str, action: str) -> Page:
        """Do it, and show the unit; a field that is wrong is named on the page that asked."""
        form = self._find(device)
        if not _is_open(form, action) or self._is_stale(device):
            return _tell_too_late(device)
        deed = deed_of(self._services, signed_in().id, sites_run_by(signed_in()))
        try:
            done = perform(self._services, device, action, fields=_read_form(form, action), deed=deed)
        except ChangeRefusedError as refusal:
            return self._ask(form, action, fault=_tell(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Done."))
        if done.pack and done.is_held:
            flash(gettext("The sealed report was made before, and is on the server: %(name)s", name=done.pack))
        elif done.pack:
            flash(gettext("The sealed report is on the server: %(name)s", name=done.pack))
        if done.troubles:
            flash(gettext("It is let in no more, but something went wrong beside; the server’s log says what."))
        return redirect(url_for("devices.unit", device=device))

    def _find(self, device: str) -> UnitForm:
        with self._services.database.reading() as session:
            row = session.get(Device, device)
            if row is None or not is_run_by(signed_in(), row.site):
                abort(404)
            return describe_unit(self._services, session, row)

    def _units(self, session: Session, states: Iterable[DeviceState]) -> Sequence[Device]:
        return all_units(session, states, are_run_by(signed_in()))

    def _newest_line(self, device: str) -> str:
        """Name the newest line of a unit's history; a form carries it, so that it is known when it was made."""
        with self._services.database.reading() as session:
            return str(max((row.id for row in events_of(session, device)), default=0))

    def _is_stale(self, device: str) -> bool:
        """Tell whether something was done to the unit since the form was shown: a second swap would undo the first."""
        return request.form.get("seen", newest := self._newest_line(device)) != newest

    def _ask(self, form: UnitForm, action: str, *, fault: str) -> str:
        change = Change(action)
        with self._services.database.reading() as session:
            account = session.get(Account, form.device.owner)
            others = [row for row in self._units(session, DeviceState) if row.id != form.device.id]
        return render_template(
            "devices/action.html",
            unit=form,
            change=change,
            words=ACTIONS[change],
            consequence=CONSEQUENCES[change],
            others=others,
            owner_address=account.email if account else form.device.owner,
            states=STATES,
            fault=fault,
            is_grave=change in GRAVE,
            typed=request.form,
            seen=self._newest_line(form.device.id),
        )


def _tell(refusal: ChangeRefusedError) -> str:
    """Say in the reader's language which field is wrong, why, and what to do."""
    told = word_refusal(refusal, gettext)
    return gettext(
        "%(field)s: %(detail)s. What to do: %(remedy)s.", field=name_field(refusal, gettext), **told._asdict()
    )


def _is_open(form: UnitForm, action: str) -> bool:
    """Tell whether a unit's state allows an action; answers 404 where there is no such action in any state."""
    if not any(action in changes_for(state) for state in DeviceState):
        abort(404)
    return action in changes_for(form.device.state)


def _tell_too_late(device: str) -> Response:
    """Show the unit as it is now: of a double click the second, and another admin's click, come too late."""
    flash(gettext("Nothing was done: the unit has changed meanwhile. This is how it is now."))
    return redirect(url_for("devices.unit", device=device))


def _read_form(form: UnitForm, action: str) -> dict[str, Any]:
    """Take the fields of a form; of a move those that differ alone, for a form shows them all."""
    fields: dict[str, Any] = {name: value for name, value in request.form.items() if name not in ("csrf_token", "seen")}
    if action != Change.MOVE.value:
        return fields
    fields["tags"] = [tag.strip() for tag in fields.get("tags", "").split(",") if tag.strip()]
    held = {"label": form.device.label, "room": form.device.room_name, "site": form.device.site}
    shown = {**held, "owner": form.device.owner, "tags": list(form.tags)}
    return {name: value for name, value in fields.items() if value != shown.get(name)}

"""The page of the night hours, for admins: what holds, what will really happen, and what can be changed.

Nothing on it tells of recordings (promise P7): it shows what was set, never what was sent.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import format_decimal  # type: ignore[import-untyped]
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.accounts.repo import names_of
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.calendar import forms
from controller.calendar.ahead import look_ahead
from controller.calendar.import_views import ImportPages, word_fault
from controller.calendar.models import SiteHours, UploadPause
from controller.calendar.policy import Closed, standing
from controller.calendar.reading import MOST_CAPS
from controller.calendar.refusals import CalendarRefusedError
from controller.calendar.repo import SCHOOL, also_paused, free_days_of, history, other_days_of, read_calendar
from controller.calendar.window import spell_day
from controller.calendar.words import CHANGES, CLOSED, DAY_NAMES
from controller.devices.life import deed_of
from controller.devices.models import LIVING, Device
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
BLANK_CAPS = 2


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("calendar", __name__)
    HoursPages(services).add_to(room)
    ImportPages(services).add_to(room)
    app.register_blueprint(room)
    app.jinja_env.filters["rate"] = word_rate


def word_rate(rate_bps: int) -> str:
    """Write a rate in the language of the request."""
    return gettext("%(number)s Mbit/s", number=format_decimal(rate_bps / 1_000_000))


class HoursPages:
    """What an admin sees of the hours, and changes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/night-hours", view_func=self.hours)
        room.add_url_rule("/night-hours/now", view_func=self.live_standing)
        room.add_url_rule("/night-hours/do/<form>", view_func=self.act, methods=["POST"])

    @for_roles(Role.ADMIN)
    def hours(self) -> str:
        """Show the hours of a site, or of the whole school."""
        return self._render(request.args.get("site", SCHOOL))

    @for_roles(Role.ADMIN)
    def live_standing(self) -> str:
        """Give the part of the page that changes by itself."""
        site = request.args.get("site", SCHOOL)
        with self._services.database.reading() as session:
            return render_template("calendar/_now.html", **self._standing(session, site))

    @for_roles(Role.ADMIN)
    def act(self, form: str) -> Page:
        """Do what a form asks for, and show the page; what is wrong is said beside the form."""
        if form not in forms.ACTIONS:
            abort(404)
        site = request.form.get("site", SCHOOL)
        try:
            forms.act(self._services, form, request.form, deed_of(self._services, signed_in().id))
        except CalendarRefusedError as refusal:
            return self._render(site, action=form, fault=word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Done. It holds within a minute; units whose hours change are sent a new schedule."))
        return redirect(url_for("calendar.hours", site=site or None))

    def _render(self, site: str, *, action: str = "", fault: str = "") -> str:
        with self._services.database.reading() as session:
            shown = {**self._standing(session, site), **self._entered(session, site), **_said(session)}
        typed = request.form if fault else {}
        return render_template("calendar/hours.html", **shown, action=action, fault=fault, typed=typed)

    def _standing(self, session: Session, site: str) -> dict[str, Any]:
        """Give what holds now; answers 404 for a site that there is not, unless a form of it was refused."""
        now, zone = self._services.clock(), self._services.config.controller.time_zone
        calendar = read_calendar(session, self._services.config, now)
        if site not in calendar.sites:
            abort(404)
        held = calendar.sites[site]
        return {
            "site": site,
            "sites": sorted(calendar.sites),
            "held": held,
            "standing": standing(held, zone, now),
            "is_closed": isinstance(standing(held, zone, now), Closed),
            "closed": CLOSED,
            "days": look_ahead(held, zone, now),
            "zone": zone.key,
        }

    def _entered(self, session: Session, site: str) -> dict[str, Any]:
        """Give what was entered for this very site."""
        now = self._services.clock()
        today = now.astimezone(self._services.config.controller.time_zone).date()
        held = read_calendar(session, self._services.config, now).of(site)
        pause = session.get(UploadPause, site)
        return {
            "week": dict(zip(DAY_NAMES, map(spell_day, (*held.weekly, held.free_day)), strict=True)),
            "day_names": DAY_NAMES,
            "has_own_hours": session.get(SiteHours, site) is not None,
            "blank_caps": min(BLANK_CAPS, MOST_CAPS - len(held.caps)),
            "trickle_hours": spell_day(held.trickle.hours) if held.trickle else "",
            "free_days": free_days_of(session, site, today),
            "other_days": other_days_of(session, site, today),
            "pause": pause if pause and (pause.until is None or pause.until > now) else None,
            "also_paused": also_paused(session, site, now),
            "rooms": session.scalars(
                select(Device).where(Device.state.in_(LIVING), Device.site == site).order_by(Device.label)
            ).all(),
            "today": today,
        }


def _said(session: Session) -> dict[str, Any]:
    lines = history(session)
    return {"history": lines, "names": names_of(session, {line.by for line in lines}), "changes": CHANGES}

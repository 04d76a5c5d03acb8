"""The page of times without recording: a room, a site or everywhere in one action, now or on a day; and lifting one.

It names nobody: not who made one, and why only as a code. What a blackout does is darkening.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.consent import repo
from controller.consent.darkening import Dark, black_out, lift_blackout
from controller.consent.keepers import OVERSEERS, reach
from controller.consent.models import Blackout, Cause
from controller.consent.places import known_sites, rooms_by_place
from controller.consent.reading import read_instant
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.consent.telling import word_fault
from controller.consent.words import CAUSES
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
EVERYWHERE, SITE, ROOM = "all", "site:", "room:"
HOURS = (1, 2, 4)


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("blackouts", __name__)
    BlackoutPages(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True)
class Listed:
    """A blackout that is not over: where, when, and whether it has begun; `where` is empty for the whole school.

    `is_theirs`: whoever looks may lift it; the whole school's holds at their site and is not theirs.
    """

    row: Blackout
    where: str
    cause: Cause | None
    has_begun: bool
    is_theirs: bool


class BlackoutPages:
    """What those who let nothing be recorded see and do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/consent/blackouts", view_func=self.show)
        room.add_url_rule("/consent/blackouts/now", view_func=self.darken_now, methods=["POST"])
        room.add_url_rule("/consent/blackouts", view_func=self.darken_then, methods=["POST"])
        room.add_url_rule("/consent/blackouts/<blackout>/lift", view_func=self.lift, methods=["POST"])

    @for_roles(*OVERSEERS)
    def show(self) -> Page:
        """Show the forms, and what is not over."""
        return self._show()

    @for_roles(*OVERSEERS)
    def darken_now(self) -> Page:
        """Let nothing be recorded from this moment on."""
        return self._darken("now")

    @for_roles(*OVERSEERS)
    def darken_then(self) -> Page:
        """Let nothing be recorded between two times of the school's clock."""
        return self._darken("then")

    @for_roles(*OVERSEERS)
    def lift(self, blackout: str) -> Page:
        """End one before its time."""
        try:
            lift_blackout(self._services, blackout, by=signed_in().id, within=reach(signed_in().held, OVERSEERS))
        except ConsentRefusedError as refusal:
            return self._show("list", word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Lifted. What rules and answers allow can be recorded there again."))
        return redirect(url_for("blackouts.show"), HTTPStatus.SEE_OTHER)

    def _darken(self, form: str) -> Page:
        within = reach(signed_in().held, OVERSEERS)
        try:
            begins_at, ends_at = self._times(form)
            dark = _read_place(request.form.get("place", EVERYWHERE), begins_at, ends_at)
            black_out(self._services, dark, by=signed_in().id, within=within)
        except ConsentRefusedError as refusal:
            return self._show(form, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Done. Nothing is recorded there, and every unit is told."))
        return redirect(url_for("blackouts.show"), HTTPStatus.SEE_OTHER)

    def _times(self, form: str) -> tuple[datetime, datetime]:
        zone, now = self._services.config.controller.time_zone, self._services.clock()
        if form == "then":
            begins, ends = request.form.get("begins_at", ""), request.form.get("ends_at", "")
            return read_instant(begins, "begins_at", zone), read_instant(ends, "ends_at", zone)
        hours = request.form.get("hours", "")
        if hours in map(str, HOURS):
            return now, now + timedelta(hours=int(hours))
        tomorrow = now.astimezone(zone).date() + timedelta(days=1)
        return now, datetime.combine(tomorrow, time(), tzinfo=zone).astimezone(UTC)

    def _show(self, form: str = "", fault: str = "") -> str:
        now = self._services.clock()
        with self._services.database.reading() as session:
            shown = {**_places(session), "listed": _listed(session, now)}
        return render_template(
            "consent/blackouts.html",
            **shown,
            causes=CAUSES,
            hours=HOURS,
            form=form,
            fault=fault,
            typed=request.form if fault else {},
        )


def _read_place(place: str, begins_at: datetime, ends_at: datetime) -> Dark:
    """Read where and why; a place that the page does not offer is refused as no room."""
    said = request.form.get("cause", "")
    cause = Cause(said) if said in set(Cause) else None
    if place == EVERYWHERE:
        return Dark(begins_at=begins_at, ends_at=ends_at, cause=cause)
    if place.startswith(SITE):
        return Dark(begins_at=begins_at, ends_at=ends_at, cause=cause, site=place.removeprefix(SITE))
    if place.startswith(ROOM):
        return Dark(begins_at=begins_at, ends_at=ends_at, cause=cause, room=place.removeprefix(ROOM))
    raise ConsentRefusedError(Fault.ROOM_UNKNOWN, "room", got=place[:40])


def _places(session: Session) -> dict[str, Any]:
    """Give the places that somebody may darken."""
    within = reach(signed_in().held, OVERSEERS)
    sites = sorted(known_sites(session) if within is None else within)
    rooms = [room for room in rooms_by_place(session) if within is None or room.site in within]
    return {
        "is_whole": within is None,
        "sites": [(f"{SITE}{site}", site) for site in sites],
        "rooms": [(f"{ROOM}{room.id}", room) for room in rooms],
        "everywhere": EVERYWHERE,
    }


def _listed(session: Session, now: datetime) -> list[Listed]:
    """Give the blackouts that hold at the person's sites and are not over, by their beginning."""
    within = reach(signed_in().held, OVERSEERS)
    rooms = {room.id: room for room in rooms_by_place(session)}
    names = repo.room_names(session)
    found = []
    for row in sorted(repo.blackouts(session, now), key=lambda each: (each.begins_at, each.id)):
        site = rooms[row.room].site if row.room else row.site
        is_theirs = within is None or site in within
        if is_theirs or (not row.site and not row.room):
            cause = Cause(row.reason) if row.reason in set(Cause) else None
            where = names[row.room] if row.room else row.site
            found.append(Listed(row, where, cause, row.begins_at <= now, is_theirs))
    return found

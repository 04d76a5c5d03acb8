"""Pages of whose lesson it is: the question before the first playback, what is nobody's, and the second person's word.

A teacher sees here only what names them or what they name themselves; a second person sees somebody's word and nothing
of recordings. What the words mean is decided in policy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from http import HTTPStatus

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.accounts.repo import names_of
from controller.accounts.role_policy import sites_of as sites_of_role
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.claims.claiming import Heard, Offered, Taught, Waiting, claim, offered_to, take, vouch, waiting_for
from controller.claims.keeping import deadline_of, rules_of
from controller.claims.policy import ANSWERS, Said
from controller.claims.services import Word, say
from controller.claims.whereabouts import sites_of
from controller.claims.words import HEARD
from controller.devices.models import Device
from controller.recordings.models import Ownership, Recording
from controller.recordings.ownership import require_named
from controller.services import Services
from controller.timetable.models import Room

NOT_LISTED = "not-listed"
"""What the form says for a room that is not one of its list."""
SECOND_PEOPLE = (Role.PRINCIPAL, Role.KEEPER)
Page = str | Response | tuple[str, HTTPStatus]


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("claims", __name__)
    ClaimPages(services).add_to(room)
    app.register_blueprint(room)


class ClaimPages:
    """What teachers say of recordings, and second people of teachers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/recordings/<recording>/whose", view_func=self.ask)
        room.add_url_rule("/recordings/<recording>/whose", view_func=self.answer, methods=["POST"])
        room.add_url_rule("/recordings/nobodys", view_func=self.nobodys)
        room.add_url_rule("/recordings/nobodys", view_func=self.name_lesson, methods=["POST"])
        room.add_url_rule("/recordings/nobodys/<unowned>", view_func=self.take, methods=["POST"])
        room.add_url_rule("/who-taught", view_func=self.who_taught)
        room.add_url_rule("/who-taught/<word>", view_func=self.vouch, methods=["POST"])

    @for_roles(Role.TEACHER)
    def ask(self, recording: str) -> Page:
        """Ask whom the timetable names whether a lesson was theirs."""
        with self._services.database.reading() as session:
            row = require_named(session, recording)
            if row.ownership is not Ownership.PROVISIONAL:
                return redirect(url_for("recordings.show", recording=recording))
            shown = {
                "row": row,
                "place": _place_of(session, row),
                "days": rules_of(session).claim_days,
                "last": self._last_instant(session, recording),
            }
        return render_template("claims/ask.html", **shown)

    @for_roles(Role.TEACHER)
    def answer(self, recording: str) -> Page:
        """Take the answer: *yes* opens the recording for them, everything else locks it for everybody.

        *Not me* is heard later, too: who said yes by mistake can let it go.
        """
        with self._services.database.writing() as session:
            row = require_named(session, recording)
            session.refresh(row, with_for_update=True)
            said = _read(ANSWERS)
            was_said = say(session, row, Word(said=said, by=signed_in().id, at=self._services.clock()))
        if said is Said.YES or not was_said:
            return redirect(url_for("recordings.show", recording=recording))
        flash(gettext("It is locked. Who taught the lesson can claim it."))
        return redirect(url_for("recordings.listing"))

    @for_roles(Role.TEACHER)
    def nobodys(self) -> Page:
        """Show what one is asked for, and where one can name a lesson."""
        return self._show()

    @for_roles(Role.TEACHER)
    def name_lesson(self) -> Page:
        """Take somebody's word that they taught in a room at a time."""
        with self._services.database.writing() as session:
            rooms, at = _rooms_for(session, signed_in().id), self._read_instant()
            named = request.form.get("room", "")
            room = rooms.get(named)
            if at is None or (room is None and named != NOT_LISTED):
                fault = gettext("Please choose a room, and a day and time that lie in the past.")
                return self._show(fault), HTTPStatus.UNPROCESSABLE_ENTITY
            heard = claim(self._services, session, Taught(claimant=signed_in().id, room=room, at=at))
        return _after(heard)

    @for_roles(Role.TEACHER)
    def take(self, unowned: str) -> Page:
        """Take somebody's word for a recording for which they are asked."""
        with self._services.database.writing() as session:
            mine = offered_to(self._services, session, signed_in().id)
            offered = next((each for each in mine if each.recording == unowned), None) or abort(404)
            heard = take(self._services, session, offered, claimant=signed_in().id)
        return _after(heard)

    @for_roles(*SECOND_PEOPLE)
    def who_taught(self) -> Page:
        """Show who says that they taught where and when, for a second person to speak for."""
        with self._services.database.reading() as session:
            waiting = self._waiting(session)
            names = names_of(session, {each.claimant for each in waiting})
            asks = rules_of(session).second_person_confirms
        return render_template("claims/who_taught.html", waiting=waiting, names=names, asks=asks)

    @for_roles(*SECOND_PEOPLE)
    def vouch(self, word: str) -> Page:
        """Take a second person's word for somebody's."""
        with self._services.database.writing() as session:
            found = next((each for each in self._waiting(session) if each.claim == word), None) or abort(404)
            said = _read((Said.VOUCHED, Said.REFUSED))
            written = vouch(self._services, session, found, by=signed_in().id, said=said)
        if written in (said, None):
            flash(gettext("Saved."))
        else:
            flash(gettext("They have no teacher’s account any more: a no was written down."))
        return redirect(url_for("claims.who_taught"))

    def _waiting(self, session: Session) -> list[Waiting]:
        me = signed_in()
        sites = None if Role.KEEPER in me.roles else sites_of_role(me.held, Role.PRINCIPAL)
        return waiting_for(session, me.id, sites, self._services.clock())

    def _show(self, fault: str = "") -> str:
        with self._services.database.reading() as session:
            offered: list[Offered] = offered_to(self._services, session, signed_in().id)
            rooms, rules = _rooms_for(session, signed_in().id), rules_of(session)
            ends = {each.recording: self._last_instant(session, each.recording) for each in offered}
        return render_template(
            "claims/nobodys.html",
            offered=offered,
            ends=ends,
            rooms=sorted(rooms.values(), key=lambda room: (room.site, room.name)),
            has_sites=len({room.site for room in rooms.values()}) > 1,
            rules=rules,
            not_listed=NOT_LISTED,
            fault=fault,
            form=request.form if fault else {},
        )

    def _last_instant(self, session: Session, recording: str) -> datetime | None:
        """Give the last minute for an answer or a claim, for its day; None while a recording has no deadline."""
        ends_at = deadline_of(self._services, session, session.get_one(Recording, recording))
        return ends_at and ends_at - timedelta(minutes=1)

    def _read_instant(self) -> datetime | None:
        """Read day and time of the form on the school's clock; None where they cannot be read or lie ahead."""
        zone = self._services.config.controller.time_zone
        try:
            day = datetime.fromisoformat(request.form.get("day", "")).date()
            at = datetime.combine(day, time.fromisoformat(request.form.get("time", "")), zone)
        except ValueError:
            return None
        return at if at <= self._services.clock() else None


def _after(heard: Heard) -> Response:
    flash(gettext(HEARD[heard]))
    return redirect(url_for("recordings.listing" if heard is Heard.OWNED else "claims.nobodys"))


def _read(allowed: tuple[Said, ...]) -> Said:
    """Read an answer from a form; ours name no other."""
    said = request.form.get("said", "")
    return Said(said) if said in allowed else abort(422)


def _place_of(session: Session, row: Recording) -> str:
    room = session.get(Room, row.room) if row.room else None
    return room.name if room else session.get_one(Device, row.device).label


def _rooms_for(session: Session, account: str) -> Mapping[str, Room]:
    """Give the rooms that somebody can name: those of the sites at which they work."""
    found = session.scalars(select(Room).where(Room.site.in_(sites_of(session, account))))
    return {room.id: room for room in found}

"""The pages of rooms, for whoever keeps rosters: who is in a room this week, and every change of it.

They show names and say nothing of recordings (promise P7).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from http import HTTPStatus

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.repo import names_of as account_names
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.calendar.repo import sites_in_use
from controller.devices.life import deed_of
from controller.people.keepers import KEEPERS
from controller.roster.drafts import today
from controller.services import Services
from controller.timetable import words
from controller.timetable.asked import read_day
from controller.timetable.faults import place_of, word_fault
from controller.timetable.finding import read_directory
from controller.timetable.forms import read_change, read_guest, read_rule, read_usual
from controller.timetable.history import events
from controller.timetable.import_views import ImportPages
from controller.timetable.models import LessonRule, Room
from controller.timetable.refusals import TimetableRefusedError
from controller.timetable.week import list_rooms, people_at, read_week, rule_of
from controller.timetable.writing import Edit, editing

Page = str | Response | tuple[str, HTTPStatus]
DAY = timedelta(days=1)
WEEK = 7 * DAY


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("timetable", __name__)
    RoomPages(services).add_to(room)
    ImportPages(services).add_to(room)
    app.register_blueprint(room)


class RoomPages:
    """What a keeper of rosters sees and changes of rooms."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/rooms", view_func=self.rooms)
        room.add_url_rule("/rooms", view_func=self.add_room, methods=["POST"])
        room.add_url_rule("/rooms/<room>", view_func=self.room)
        room.add_url_rule("/rooms/<room>/usual", view_func=self.set_usual, methods=["POST"])
        room.add_url_rule("/rooms/<room>/lessons", view_func=self.add_lesson, methods=["POST"])
        room.add_url_rule("/rooms/<room>/guests", view_func=self.add_guest, methods=["POST"])
        room.add_url_rule("/rooms/<room>/end", view_func=self.end, methods=["POST"])
        room.add_url_rule("/rooms/<room>/lessons/<entry>", view_func=self.lesson)
        room.add_url_rule("/rooms/<room>/lessons/<entry>", view_func=self.change_lesson, methods=["POST"])
        room.add_url_rule("/rooms/<room>/lessons/<entry>/day", view_func=self.change_day, methods=["POST"])
        room.add_url_rule("/rooms/<room>/lessons/<entry>/as-always", view_func=self.undo_change, methods=["POST"])

    @for_roles(*KEEPERS)
    def rooms(self) -> Page:
        """List the rooms, with what is in them today."""
        return self._list()

    def _list(self, fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Page:
        with self._services.database.reading() as session:
            rooms = list_rooms(session, self._services.config, self._today())
            sites = sorted((sites_in_use(session) | {each.room.site for each in rooms}) - {""})
        zone = self._services.config.controller.time_zone
        page = render_template(
            "timetable/rooms.html", rooms=rooms, sites=sites, zone=zone, fault=fault, typed=request.form
        )
        return page, status

    @for_roles(*KEEPERS)
    def add_room(self) -> Page:
        """Make a room known."""
        try:
            with self._edit() as edit:
                room = edit.add_room(request.form.get("site", "").strip(), request.form.get("name", "").strip())
        except TimetableRefusedError as refusal:
            return self._list(word_fault(refusal), HTTPStatus.UNPROCESSABLE_ENTITY)
        return redirect(url_for("timetable.room", room=room))

    @for_roles(*KEEPERS)
    def room(self, room: str) -> Page:
        """Show a room's week and its entries."""
        return self._show(room)

    @for_roles(*KEEPERS)
    def set_usual(self, room: str) -> Page:
        """Say who is usually in the room."""
        return self._do(room, "usual", lambda edit: edit.set_usual(read_usual(request.form, room, self._today())))

    @for_roles(*KEEPERS)
    def add_lesson(self, room: str) -> Page:
        """Add a weekly lesson, or one of a single day."""
        return self._do(room, "lesson", lambda edit: edit.add_rule(read_rule(request.form, room, self._today())))

    @for_roles(*KEEPERS)
    def add_guest(self, room: str) -> Page:
        """Let somebody be in the room, or in one of its classes, for some days."""
        return self._do(room, "guest", lambda edit: edit.add_guest(read_guest(request.form, room, self._today())))

    @for_roles(*KEEPERS)
    def end(self, room: str) -> Page:
        """End an entry of the room, from today on."""
        entry = request.form.get("entry", "")
        return self._do(room, "end", lambda edit: edit.end(entry, self._today() - DAY))

    def _do(self, room: str, form: str, step: Callable[[Edit], object]) -> Page:
        try:
            with self._edit() as edit:
                step(edit)
        except TimetableRefusedError as refusal:
            return self._show(room, form=form, fault=word_fault(refusal), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        flash(gettext("Saved. The units of the rooms hear it at once."))
        return redirect(url_for("timetable.room", room=room))

    def _edit(self) -> AbstractContextManager[Edit]:
        return editing(self._services, deed_of(self._services, signed_in().id))

    def _show(self, name: str, *, form: str = "", fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Page:
        now = self._today()
        with self._services.database.reading() as session:
            room = self._find(session, name)
            day = self._day_asked(now)
            week = read_week(session, self._services.config, room, day, today=now)
            lines = events(session, room.id, most=20)
            shown = {
                "known": read_directory(session, now),
                "visitors": people_at(session, room.site, now),
                "history": lines,
                "accounts": account_names(session, {line.by for line in lines}),
                "room_names": {each.id: place_of(each) for each in session.scalars(select(Room))},
            }
        monday = day - day.weekday() * DAY
        turns = {"before": monday - WEEK, "after": monday + WEEK, "monday": monday}
        asked = {"form": form, "fault": fault, "typed": request.form, "words": words, "today": now}
        return render_template("timetable/room.html", week=week, room=room, **shown, **turns, **asked), status

    @for_roles(*KEEPERS)
    def lesson(self, room: str, entry: str) -> Page:
        """Show one weekly lesson, with the days on which it differs."""
        return self._show_lesson(room, entry)

    @for_roles(*KEEPERS)
    def change_lesson(self, room: str, entry: str) -> Page:
        """Let a weekly lesson be another one from a day on."""
        return self._change(
            room, entry, "lesson", lambda edit: edit.change_rule(entry, read_rule(request.form, room, self._today()))
        )

    @for_roles(*KEEPERS)
    def change_day(self, room: str, entry: str) -> Page:
        """Cancel a lesson on a day, or give it a substitute or another room."""
        return self._change(room, entry, "day", lambda edit: edit.change_day(read_change(request.form, entry)))

    @for_roles(*KEEPERS)
    def undo_change(self, room: str, entry: str) -> Page:
        """Let a lesson be on a day as it always is."""
        day = request.form.get("day", "")
        return self._change(room, entry, "day", lambda edit: edit.undo_change(entry, read_day(day, "day")))

    def _change(self, room: str, entry: str, form: str, step: Callable[[Edit], object]) -> Page:
        try:
            with self._edit() as edit:
                step(edit)
        except TimetableRefusedError as refusal:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._show_lesson(room, entry, form=form, fault=word_fault(refusal), status=status)
        flash(gettext("Saved. The units of the rooms hear it at once."))
        return redirect(url_for("timetable.room", room=room))

    def _show_lesson(
        self, name: str, entry: str, *, form: str = "", fault: str = "", status: HTTPStatus = HTTPStatus.OK
    ) -> Page:
        now = self._today()
        with self._services.database.reading() as session:
            room = self._find(session, name)
            row = session.get(LessonRule, entry)
            if row is None or row.room != room.id:
                abort(404)
            rule = rule_of(session, row, now)
            known = read_directory(session, now)
            rooms = [(each.id, place_of(each)) for each in session.scalars(select(Room).order_by(Room.site, Room.name))]
        first = max(now, row.begins_on)
        asked = {"form": form, "fault": fault, "typed": request.form, "words": words, "today": now}
        return render_template(
            "timetable/lesson.html",
            room=room,
            rule=rule,
            known=known,
            rooms=rooms,
            names={each.id: each.name for each in known.teachers},
            next_day=first + (row.weekday - first.weekday()) % 7 * DAY,
            **asked,
        ), status

    def _find(self, session: Session, name: str) -> Room:
        room = session.get(Room, name)
        if room is None:
            abort(404)
        return room

    def _day_asked(self, otherwise: date) -> date:
        try:
            return date.fromisoformat(request.args.get("week", ""))
        except ValueError:
            return otherwise

    def _today(self) -> date:
        return today(self._services)

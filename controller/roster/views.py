"""The pages of classes, for whoever keeps rosters: who is in which class, what was done, who can be forgotten.

Names are shown here and nowhere else; nothing on these pages tells of recordings (promise P7).
"""

from __future__ import annotations

import json
from datetime import date
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from controller.accounts.repo import names_of as account_names
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.devices.life import deed_of
from controller.people.keepers import KEEPERS
from controller.roster import words
from controller.roster.drafts import today, waiting_drafts
from controller.roster.exports import encode_class
from controller.roster.forgetting import forget_person
from controller.roster.history import events
from controller.roster.import_views import ImportPages, word_fault
from controller.roster.models import SchoolClass
from controller.roster.refusals import RosterRefusedError
from controller.roster.repo import classes_on, members_on, people_in_no_class
from controller.services import Services

Page = str | Answer | tuple[str, HTTPStatus]


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("roster", __name__)
    ClassPages(services).add_to(room)
    ImportPages(services).add_to(room)
    app.register_blueprint(room)


class ClassPages:
    """What a keeper of rosters sees of the classes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/classes", view_func=self.classes)
        room.add_url_rule("/classes/<class_id>", view_func=self.show)
        room.add_url_rule("/classes/<class_id>/table", view_func=self.export)
        room.add_url_rule("/people/left", view_func=self.left)
        room.add_url_rule("/people/<person>/forget", view_func=self.confirm)
        room.add_url_rule("/people/<person>/forget", view_func=self.forget, methods=["POST"])

    @for_roles(*KEEPERS)
    def classes(self) -> str:
        """List the classes of today, the drafts that wait, and the history."""
        day = today(self._services)
        with self._services.database.reading() as session:
            lines = events(session)
            shown: dict[str, Any] = {
                "classes": classes_on(session, day),
                "drafts": waiting_drafts(session, self._services),
                "history": [(line, {k: n for k, n in json.loads(line.detail).items() if n}) for line in lines],
                "names": account_names(session, {line.by for line in lines}),
            }
        return render_template("roster/classes.html", words=words, **shown)

    @for_roles(*KEEPERS)
    def show(self, class_id: str) -> str:
        """Show who is in a class today."""
        with self._services.database.reading() as session:
            row = self._find(session.get(SchoolClass, class_id))
            members = members_on(session, class_id, self._day_of(row))
        return render_template(
            "roster/class.html", words=words, row=row, members=members, day=self._day_of(row), today=self._today()
        )

    @for_roles(*KEEPERS)
    def export(self, class_id: str) -> Response:
        """Give a class as a table that can be changed and sent back."""
        with self._services.database.reading() as session:
            row = self._find(session.get(SchoolClass, class_id))
            data = encode_class(row.title, row.site, members_on(session, class_id, self._day_of(row)))
        answer = Response(data, mimetype="text/csv")
        answer.headers["Content-Disposition"] = 'attachment; filename="class.csv"'  # no title: file names travel
        return answer

    @for_roles(*KEEPERS)
    def left(self) -> str:
        """List who is in no class any more and could be forgotten."""
        with self._services.database.reading() as session:
            people = people_in_no_class(session, self._today())
        return render_template("roster/left.html", people=people)

    @for_roles(*KEEPERS)
    def confirm(self, person: str) -> Page:
        """Ask whether a person shall be forgotten."""
        return self._ask(person, "")

    @for_roles(*KEEPERS)
    def forget(self, person: str) -> Page:
        """Forget a person."""
        try:
            forget_person(self._services, person, deed_of(self._services, signed_in().id))
        except RosterRefusedError as refusal:
            return self._ask(person, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Forgotten: the name is gone."))
        return redirect(url_for("roster.left"))

    def _ask(self, person: str, fault: str) -> str:
        with self._services.database.reading() as session:
            found = [name for each, name in people_in_no_class(session, self._today()) if each == person]
        if not found and not fault:
            abort(404)
        return render_template("roster/forget.html", person=person, name=found[0] if found else None, fault=fault)

    def _find(self, row: SchoolClass | None) -> SchoolClass:
        if row is None:
            abort(404)
        return row

    def _today(self) -> date:
        return today(self._services)

    def _day_of(self, row: SchoolClass) -> date:
        """Give the day of which a class is shown: today, or its first one where that is still to come."""
        return max(self._today(), row.begins_on)

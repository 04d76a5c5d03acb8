"""The page of a teacher's day, and the seating list of one lesson for the printer.

For the reader's own lessons alone; whoever leads one reads its pupils' names. Nothing of it is logged, kept by a
browser, or part of an address.
"""

from __future__ import annotations

from flask import Blueprint, Flask, abort, render_template

from controller.accounts.models import Role
from controller.auth.access import for_roles, signed_in
from controller.consent.keepers import RULERS, reach
from controller.services import Services
from controller.today import words
from controller.today.lessons import days_of, lessons_of
from controller.today.policy import Phase


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("lessons", __name__)
    LessonPages(services).add_to(room)
    app.register_blueprint(room)


class LessonPages:
    """What a teacher sees of their lessons."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/today", view_func=self.today)
        room.add_url_rule("/today/<lesson>/seats", view_func=self.seats)

    @for_roles(Role.TEACHER)
    def today(self) -> str:
        """Show today and tomorrow: whether each lesson's button works, why, and who sits where."""
        with self._services.database.reading() as session:
            days = days_of(self._services, session, signed_in().id)
        may_rule = reach(signed_in().held, RULERS) is None
        return render_template("today/today.html", days=days, words=words, Phase=Phase, may_rule=may_rule)

    @for_roles(Role.TEACHER)
    def seats(self, lesson: str) -> str:
        """Show who sits where in one lesson, for the printer."""
        with self._services.database.reading() as session:
            found = lessons_of(self._services, session, signed_in().id)
        shown = next((each for each in found if each.id == lesson and each.leads), None) or abort(404)
        return render_template("today/seats.html", lesson=shown, words=words)

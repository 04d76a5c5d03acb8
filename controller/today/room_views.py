"""The page to which the code on a room card leads: what the lamp says, and whether the room may record now.

For whoever stands in the room, without an account. It names no room, person, class or count, and it is the same for a
code that nobody has printed.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, make_response, render_template, request

from controller.auth.access import for_anyone
from controller.auth.languages import gettext
from controller.services import Services
from controller.today import words
from controller.today.crowd import Crowd
from controller.today.lamp import explain_lamp
from controller.today.policy import Coarse
from controller.today.room import look_up
from protocol.room.card import NEVER, NOTHING, RECORDED


def register(app: Flask, services: Services) -> None:
    """Add the page."""
    room = Blueprint("rooms_open", __name__)
    OpenPage(services).add_to(room)
    app.register_blueprint(room)


class OpenPage:
    """What everybody reads of a room."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._crowd = Crowd()

    def add_to(self, room: Blueprint) -> None:
        """Add the page's address."""
        room.add_url_rule("/room/<code>", view_func=self.room)

    @for_anyone
    def room(self, code: str) -> str | Response:
        """Show what the lamp says and whether the room may record now."""
        now = self._services.clock()
        if wait_s := self._crowd.wait_s(request.remote_addr or "", now.timestamp()):
            answer = make_response(render_template("error.html", status=429), 429)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        with self._services.database.reading() as session:
            shown = look_up(session, code, now)
        return render_template(
            "today/room.html",
            said=words.OPENLY[shown.openly],
            may=shown.openly is Coarse.MAY,
            lamp=explain_lamp(shown.facts, gettext),
            promises=((RECORDED, words.WHAT if shown.has_sound else words.WHAT_IN_SILENCE), (NEVER, NOTHING)),
        )

"""Puts all guards of the people's door in their order: who it is, whether they may ask, whether the form is ours.

Also what stands around every page: headers, language, and answers to mistakes in words. Registered before any room.
"""

from __future__ import annotations

from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from controller.accounts.services import make_accounts
from controller.auth.access import find_signed_in, guard_endpoints, is_for_player
from controller.auth.headers import guard_answers
from controller.auth.languages import speak_languages
from controller.auth.logins import configure_session, find_person_first, is_https
from controller.enrollment.base_views import PROGRAMS, answer_words
from controller.services import Services

LONGEST_FORM_BYTES = 64 * 1024


def register(app: Flask, services: Services) -> None:
    """Guard an application; every endpoint that is added needs an audience (controller/auth/access.py)."""
    app.config.update(
        MAX_CONTENT_LENGTH=LONGEST_FORM_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session; a page may stand open over a school day
    )
    configure_session(app, services)
    speak_languages(app, services.config)
    find_person_first(app, make_accounts(services))
    guard_endpoints(app)
    CSRFProtect(app)
    guard_answers(app)
    app.register_error_handler(HTTPException, answer_mistake)
    app.jinja_env.globals["signed_in"] = find_signed_in
    app.jinja_env.undefined = StrictUndefined  # a page that names what it was not given is a mistake, not a blank
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if is_https(services.config) and services.config.people.tls_certificate is None:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]


def answer_mistake(error: HTTPException) -> Response:
    """Answer a refused or impossible request: JSON or words to programs, a bare status to the player, a page to people.

    A 405 says which methods there are (RFC 9110 section 15.5.6).
    """
    if error.response is not None:
        return make_response(error.response)
    answer = _spell_mistake(error, error.code or 500)
    for name, value in error.get_headers():
        if name.lower() == "allow":
            answer.headers[name] = value
    return answer


def _spell_mistake(error: HTTPException, status: int) -> Response:
    if request.path.startswith(PROGRAMS):
        return answer_words(status, f"{request.method} {request.path[:200]}: {error.description or error.name}")
    if request.path.startswith("/api/"):
        return make_response(jsonify(error=error.name, detail=error.description), status)
    if is_for_player(request):
        return Response(status=status)
    return make_response(render_template("error.html", status=status), status)

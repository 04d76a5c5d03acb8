"""The cookie of a login, and finding out with each request who is signed in.

The cookie holds a random token; what it means stands in the database. Flask's own session cookie is signed and holds
nothing but the form token and one-time notices.
"""

from __future__ import annotations

import hmac

from flask import Flask, g, request, session
from werkzeug.wrappers import Response

from controller.accounts.policy import LOGIN_LASTS
from controller.accounts.services import Accounts
from controller.config import Config
from controller.services import Services

COOKIE = "backrow_login"


def is_https(config: Config) -> bool:
    """Tell whether browsers reach the pages over TLS: ours, or a proxy's in front."""
    return config.people.tls_certificate is not None or config.people.url.startswith("https://")


def configure_session(app: Flask, services: Services) -> None:
    """Set up the signed cookie: its key is derived from a key of the school, so that no other secret is kept."""
    app.secret_key = hmac.digest(services.keys.lease.seed, b"backrow/v1/pages", "sha256")
    app.config.update(
        SESSION_COOKIE_NAME="backrow_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https(services.config),
    )


def find_person_first(app: Flask, accounts: Accounts) -> None:
    """Find out before every request who is signed in.

    Parts of pages that keep themselves up to date do not count as use: a page left open does not keep a login alive.
    """

    def find() -> None:
        token = request.cookies.get(COOKIE)
        g.person = accounts.find_person(token) if token and request.endpoint != "static" else None
        if token and g.person and not _is_poll():
            accounts.note_use(token)

    app.before_request(find)


def _is_poll() -> bool:
    return request.method == "GET" and "HX-Request" in request.headers


def keep_login(response: Response, token: str) -> Response:
    """Sign the browser in with the answer, and begin a new form token."""
    session.clear()
    response.set_cookie(
        COOKIE,
        token,
        max_age=LOGIN_LASTS,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_secure(),
    )
    return response


def drop_login(response: Response) -> Response:
    """Sign the browser out with the answer."""
    session.clear()
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=_secure())
    return response


def _secure() -> bool:
    from flask import current_app

    return bool(current_app.config["SESSION_COOKIE_SECURE"])

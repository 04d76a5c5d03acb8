"""Deny by default: every endpoint says who may ask for it, and what says nothing is refused to everybody.

`for_anyone` and `for_roles` mark a view; the gate runs before each request. For whom an endpoint is not, it does not
exist (404), so that addresses tell nobody what others have. Finer questions (whose recording?) are the view's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Request, abort, g, redirect, request, url_for
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.accounts.services import Person

View = TypeVar("View", bound=Callable[..., Any])
_MARK = "_backrow_audience"
_LONGEST = "_backrow_longest"


@dataclass(frozen=True)
class Audience:
    """Who may ask for an endpoint: some roles, or anyone when `roles` is None."""

    roles: frozenset[Role] | None


def for_anyone(view: View) -> View:
    """Let anyone ask, signed in or not."""
    setattr(view, _MARK, Audience(None))
    return view


def for_roles(*roles: Role) -> Callable[[View], View]:
    """Let people with one of these roles ask."""

    def mark(view: View) -> View:
        setattr(view, _MARK, Audience(frozenset(roles)))
        return view

    return mark


def open_to(roles: tuple[Role, ...], view: Callable[..., Any]) -> Callable[..., Any]:
    """Give a view, or a bound method, as one that people with one of some roles may ask."""

    @wraps(view)
    def opened(**values: Any) -> Any:
        return view(**values)

    return for_roles(*roles)(opened)


def takes_files(most_bytes: int) -> Callable[[View], View]:
    """Let a form of an endpoint be so long; all others are as short as the guards say."""

    def mark(view: View) -> View:
        setattr(view, _LONGEST, most_bytes)
        return view

    return mark


def audience_of(app: Flask, endpoint: str) -> Audience | None:
    """Give what an endpoint declared, or None when it declared nothing."""
    found = getattr(app.view_functions[endpoint], _MARK, None)
    return found if isinstance(found, Audience) else None


def signed_in() -> Person:
    """Give who is signed in, in a view that is for roles."""
    person = find_signed_in()
    if person is None:
        raise LookupError("nobody is signed in; only views marked with for_roles may ask")
    return person


def find_signed_in() -> Person | None:
    """Give who is signed in, or None."""
    person = g.get("person")
    return person if isinstance(person, Person) else None


def guard_endpoints(app: Flask) -> None:
    """Put the gate before every request; it needs to run after whoever finds out who is signed in."""
    for_anyone(app.view_functions["static"])
    app.before_request(lambda: _answer_intruder(app))


def _answer_intruder(app: Flask) -> Response | None:
    if request.endpoint is None:
        return None  # no such address: the 404 follows
    audience, person = audience_of(app, request.endpoint), find_signed_in()
    if audience is None:
        abort(403)
    if audience.roles is None or (person and person.roles & audience.roles):
        request.max_content_length = getattr(app.view_functions[request.endpoint], _LONGEST, request.max_content_length)
        return None
    return _ask_to_sign_in() if person is None else abort(404)


def _ask_to_sign_in() -> Response:
    """Lead a person to the form; a part of a page that is kept up to date leads the whole page there."""
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": url_for("accounts.sign_in")})
    if request.method == "GET" and request.accept_mimetypes.accept_html and not _is_for_programs(request):
        return redirect(url_for("accounts.sign_in", next=request.full_path.rstrip("?")))
    abort(401)


def is_for_player(asked: Request) -> bool:
    """Tell whether the player asks, which wants no page for an answer."""
    return asked.path.endswith(".m3u8") or "/media/" in asked.path


def _is_for_programs(asked: Request) -> bool:
    return asked.path.startswith("/api/") or is_for_player(asked)

"""Pages of the accounts: signing in and out, one-time links, one's own account.

Only words and forms; who is let in is decided by controller/accounts/services.py.
"""

from __future__ import annotations

from http import HTTPStatus
from math import ceil

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controller.accounts import repo
from controller.accounts.admin_views import AdminPages
from controller.accounts.models import Role
from controller.accounts.policy import LONGEST_PASSWORD, SHORTEST_PASSWORD, PasswordFault
from controller.accounts.role_policy import goes_against
from controller.accounts.roles import Roles
from controller.accounts.services import (
    Accounts,
    LinkOverError,
    PasswordRefusedError,
    SignInRefusedError,
    TooManyAttemptsError,
    make_accounts,
)
from controller.accounts.words import ROLES as WORDS
from controller.accounts.words import WARNING, WHAT_FOR
from controller.auth.access import find_signed_in, for_anyone, for_roles, signed_in
from controller.auth.languages import gettext, ngettext
from controller.auth.logins import COOKIE, drop_login, keep_login
from controller.config import LANGUAGES
from controller.services import Services

Page = str | tuple[str, HTTPStatus] | Response
ROLES = tuple(Role)


def register(app: Flask, services: Services, *, roles: Roles) -> None:
    """Add the room's pages."""
    accounts = make_accounts(services)
    room = Blueprint("accounts", __name__)
    AccountPages(accounts).add_to(room)
    AdminPages(accounts, roles, services.config).add_to(room)
    app.register_blueprint(room)


class AccountPages:
    """What everybody does with an account."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/", view_func=self.start)
        room.add_url_rule("/sign-in", view_func=self.sign_in)
        room.add_url_rule("/sign-in", view_func=self.perform_sign_in, methods=["POST"])
        room.add_url_rule("/sign-out", view_func=self.sign_out, methods=["POST"])
        room.add_url_rule("/welcome/<token>", view_func=self.welcome)
        room.add_url_rule("/welcome/<token>", view_func=self.redeem, methods=["POST"])
        room.add_url_rule("/account", view_func=self.account)
        room.add_url_rule("/account/language", view_func=self.choose_language, methods=["POST"])
        room.add_url_rule("/account/password", view_func=self.change_password, methods=["POST"])

    @for_anyone
    def start(self) -> Response:
        """Lead to the page that a person comes for."""
        return redirect(_home())

    @for_anyone
    def sign_in(self) -> Page:
        """Show the form, or lead on who is signed in already."""
        if find_signed_in():
            return redirect(_home())
        return render_template("accounts/sign_in.html", email="", fault=None)

    @for_anyone
    def perform_sign_in(self) -> Page:
        """Let in, or say why not; never which of address and password was wrong."""
        email = request.form.get("email", "")
        try:
            token = self._accounts.sign_in(
                email=email, password=request.form.get("password", ""), address=request.remote_addr or ""
            )
        except SignInRefusedError:
            fault = gettext("This address and password do not belong together. Please try again.")
            return _answer("accounts/sign_in.html", HTTPStatus.UNAUTHORIZED, email=email, fault=fault)
        except TooManyAttemptsError as error:
            fault = describe_wait(error)
            return _answer("accounts/sign_in.html", HTTPStatus.TOO_MANY_REQUESTS, email=email, fault=fault)
        return keep_login(redirect(safe_next(request.args.get("next", ""))), token)

    @for_anyone
    def sign_out(self) -> Page:
        """End the login of this browser."""
        token = request.cookies.get(COOKIE)
        if token:
            self._accounts.sign_out(token)
        return drop_login(redirect(url_for("accounts.sign_in")))

    @for_anyone
    def welcome(self, token: str) -> Page:
        """Show the form with which a one-time link's owner sets a password; looking does not use the link up."""
        try:
            person = self._accounts.find_link(token)
        except LinkOverError:
            return _answer("accounts/link_over.html", HTTPStatus.GONE)
        return render_template("accounts/welcome.html", person=person, shortest=SHORTEST_PASSWORD, fault=None)

    @for_anyone
    def redeem(self, token: str) -> Page:
        """Set the password and sign in."""
        try:
            person = self._accounts.find_link(token)
            login = self._accounts.redeem_link(
                token, password=request.form.get("password", ""), repeated=request.form.get("repeated", "")
            )
        except LinkOverError:
            return _answer("accounts/link_over.html", HTTPStatus.GONE)
        except PasswordRefusedError as error:
            return _answer(
                "accounts/welcome.html",
                HTTPStatus.UNPROCESSABLE_ENTITY,
                person=person,
                shortest=SHORTEST_PASSWORD,
                fault=describe_fault(error.fault),
            )
        return keep_login(redirect(url_for("accounts.start")), login)

    @for_roles(*ROLES)
    def account(self) -> Page:
        """Show one's own account, and every one-time link that was made for it."""
        return self._show_account(HTTPStatus.OK, fault=None)

    @for_roles(*ROLES)
    def choose_language(self) -> Page:
        """Keep the language of the pages."""
        language = request.form.get("language", "")
        self._accounts.choose_language(signed_in().id, language if language in LANGUAGES else None)
        flash(gettext("Saved."))
        return redirect(url_for("accounts.account"))

    @for_roles(*ROLES)
    def change_password(self) -> Page:
        """Set one's own password, knowing the current one."""
        form = {name: request.form.get(name, "") for name in ("current", "password", "repeated")}
        try:
            token = self._accounts.change_password(signed_in().id, **form)
        except SignInRefusedError:
            return self._show_account(HTTPStatus.UNPROCESSABLE_ENTITY, gettext("The current password is wrong."))
        except TooManyAttemptsError as error:
            return self._show_account(HTTPStatus.TOO_MANY_REQUESTS, describe_wait(error))
        except PasswordRefusedError as error:
            return self._show_account(HTTPStatus.UNPROCESSABLE_ENTITY, describe_fault(error.fault))
        answer = keep_login(redirect(url_for("accounts.account")), token)
        flash(gettext("Your password is changed. Other browsers are signed out."))
        return answer

    def _show_account(self, status: HTTPStatus, fault: str | None) -> Page:
        with self._accounts.database.reading() as session:
            links = repo.links_of(session, signed_in().id)
            names = repo.names_of(session, {link.made_by for link in links if link.made_by})
        held = signed_in().held
        return _answer(
            "accounts/account.html",
            status,
            links=links,
            names=names,
            shortest=SHORTEST_PASSWORD,
            fault=fault,
            roles=WORDS,
            what_for=WHAT_FOR,
            warned=any(goes_against(held, each.role) for each in held),
            warning=WARNING,
        )


def _answer(template: str, status: HTTPStatus, **words: object) -> tuple[str, HTTPStatus]:
    return render_template(template, **words), status


def _home() -> str:
    person = find_signed_in()
    if person is None:
        return url_for("accounts.sign_in")
    if Role.TEACHER in person.roles:
        return url_for("recordings.listing")
    runs_units = person.roles & {Role.ADMIN, Role.IT}
    return url_for("devices.units" if runs_units else "accounts.account")


def safe_next(target: str) -> str:
    """Give the path on this very site that was asked for before signing in, else the start page."""
    local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if local else url_for("accounts.start")


def describe_wait(error: TooManyAttemptsError) -> str:
    """Say how long to wait."""
    minutes = max(1, ceil(error.wait.total_seconds() / 60))
    return ngettext(
        "Too many attempts failed. Please wait %(num)d minute, then try again.",
        "Too many attempts failed. Please wait %(num)d minutes, then try again.",
        minutes,
    )


def describe_fault(fault: PasswordFault) -> str:
    """Say why a password is not accepted, and what would be."""
    words = {
        PasswordFault.TOO_SHORT: gettext(
            "Please use at least %(shortest)d characters. A few words in a row are easy to remember.",
            shortest=SHORTEST_PASSWORD,
        ),
        PasswordFault.TOO_LONG: gettext("Please use at most %(longest)d characters.", longest=LONGEST_PASSWORD),
        PasswordFault.TOO_SIMPLE: gettext("Please use more different characters."),
        PasswordFault.LIKE_ADDRESS: gettext("Please do not use your e-mail address as the password."),
        PasswordFault.NOT_REPEATED: gettext("The two passwords are not the same. Please type them again."),
    }
    return words[fault]

"""The admin's pages of accounts: who has one, adding a person, their roles, making a one-time link.

An admin never sets a password and never sees one; each link is listed on its owner's own page, and each change of a
role in its history.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controller.accounts import repo
from controller.accounts.models import SITE_CHARS, Account, Role
from controller.accounts.policy import LINK_LASTS
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange, RoleRefusedError, Roles, held_by, held_by_all, history_of
from controller.accounts.services import Accounts, EmailTakenError, PersonRefusedError
from controller.accounts.words import FAULTS, ROLES, WARNING, WHAT_FOR
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.config import Config

Page = str | tuple[str, HTTPStatus] | Response


class AdminPages:
    """What an admin does with other people's accounts."""

    def __init__(self, accounts: Accounts, roles: Roles, config: Config) -> None:
        self._accounts = accounts
        self._roles = roles
        self._config = config

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/accounts", view_func=self.everybody)
        room.add_url_rule("/accounts", view_func=self.add_person, methods=["POST"])
        room.add_url_rule("/accounts/<account>", view_func=self.person)
        room.add_url_rule("/accounts/<account>/link", view_func=self.make_link, methods=["POST"])
        room.add_url_rule("/accounts/<account>/give", view_func=self.give_role, methods=["POST"])
        room.add_url_rule("/accounts/<account>/take", view_func=self.take_role, methods=["POST"])

    @for_roles(Role.ADMIN)
    def everybody(self) -> Page:
        """List the accounts."""
        return self._show(HTTPStatus.OK, fault=None)

    @for_roles(Role.ADMIN)
    def add_person(self) -> Page:
        """Add an account with its first role and show its one-time link, once."""
        name, email, first = request.form.get("name", ""), request.form.get("email", ""), _read_role()
        try:
            account = self._accounts.add(
                email=email.strip(), name=name.strip(), role=first.role, site=first.site, by=signed_in().id
            )
        except PersonRefusedError:
            fault = gettext("Please give a name and an e-mail address.")
            return self._show(HTTPStatus.UNPROCESSABLE_ENTITY, fault)
        except EmailTakenError:
            return self._show(HTTPStatus.CONFLICT, gettext("There is an account with this address already."))
        except RoleRefusedError as refusal:
            return self._show(HTTPStatus.UNPROCESSABLE_ENTITY, gettext(FAULTS[refusal.fault]))
        return self._show_link(account)

    @for_roles(Role.ADMIN)
    def person(self, account: str) -> Page:
        """Show one person's roles, and their history."""
        return self._show_person(account, HTTPStatus.OK)

    @for_roles(Role.ADMIN)
    def give_role(self, account: str) -> Page:
        """Give a role; two that should not be one person's only when the warning was confirmed."""
        change = RoleChange(account=account, held=_read_role(), by=signed_in().id)
        self._require_account(account)
        try:
            self._roles.give(change, understood=request.form.get("understood", ""))
        except RoleRefusedError as refusal:
            return self._show_person(account, HTTPStatus.UNPROCESSABLE_ENTITY, refusal)
        flash(gettext("Saved."))
        return redirect(url_for("accounts.person", account=account), HTTPStatus.SEE_OTHER)

    @for_roles(Role.ADMIN)
    def take_role(self, account: str) -> Page:
        """Take a role away; the person is signed out everywhere."""
        change = RoleChange(account=account, held=_read_role(), by=signed_in().id)
        self._require_account(account)
        try:
            self._roles.take(change)
        except RoleRefusedError as refusal:
            return self._show_person(account, HTTPStatus.CONFLICT, refusal)
        flash(gettext("Saved."))
        return redirect(url_for("accounts.person", account=account), HTTPStatus.SEE_OTHER)

    @for_roles(Role.ADMIN)
    def make_link(self, account: str) -> Page:
        """Make a new one-time link for an account and show it, once."""
        return self._show_link(account)

    def _show(self, status: HTTPStatus, fault: str | None) -> Page:
        with self._accounts.database.reading() as session:
            accounts, held = repo.list_accounts(session), held_by_all(session)
        return render_template(
            "accounts/everybody.html",
            accounts=accounts,
            held=held,
            roles=ROLES,
            what_for=WHAT_FOR,
            longest_site=SITE_CHARS,
            fault=fault,
            form=request.form if fault else {},
        ), status

    def _show_person(self, account: str, status: HTTPStatus, refusal: RoleRefusedError | None = None) -> Page:
        row = self._require_account(account)
        with self._accounts.database.reading() as session:
            held, history = sorted(held_by(session, account)), history_of(session, account)
            names = repo.names_of(session, {line.by for line in history if line.by})
        return render_template(
            "accounts/person.html",
            account=row,
            held=held,
            history=history,
            names=names,
            roles=ROLES,
            what_for=WHAT_FOR,
            longest_site=SITE_CHARS,
            fault=gettext(FAULTS[refusal.fault]) if refusal else None,
            asked=refusal.held if refusal and refusal.against else None,
            warning=WARNING,
        ), status

    def _require_account(self, account: str) -> Account:
        with self._accounts.database.reading() as session:
            return session.get(Account, account) or abort(404)

    def _show_link(self, account: str) -> Page:
        row = self._require_account(account)
        token = self._accounts.issue_link(account, made_by=signed_in().id)
        link = link_address(self._config, token, fallback=request.host_url)
        return render_template("accounts/link_made.html", account=row, link=link, lasts=LINK_LASTS)


def _read_role() -> Held:
    """Read a role and its site from a form; ours name no other role."""
    try:
        return Held(Role(request.form.get("role", "")), request.form.get("site", "").strip()[:SITE_CHARS])
    except ValueError:
        abort(422)


def link_address(config: Config, token: str, *, fallback: str) -> str:
    """Give the whole address of a one-time link; `fallback` is the site's address where none is configured."""
    return f"{(config.people.url or fallback).rstrip('/')}/welcome/{token}"

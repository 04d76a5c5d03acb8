"""The admin's page of accounts: who has one, adding a teacher, making a one-time link.

An admin never sets a password and never sees one; each link is listed on its owner's own page.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, abort, render_template, request

from controller.accounts import repo
from controller.accounts.models import Account, Role
from controller.accounts.policy import LINK_LASTS
from controller.accounts.services import Accounts, EmailTakenError, PersonRefusedError
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.config import Config

Page = str | tuple[str, HTTPStatus]


class AdminPages:
    """What an admin does with other people's accounts."""

    def __init__(self, accounts: Accounts, config: Config) -> None:
        self._accounts = accounts
        self._config = config

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/accounts", view_func=self.everybody)
        room.add_url_rule("/accounts", view_func=self.add_teacher, methods=["POST"])
        room.add_url_rule("/accounts/<account>/link", view_func=self.make_link, methods=["POST"])

    @for_roles(Role.ADMIN)
    def everybody(self) -> Page:
        """List the accounts."""
        return self._show(HTTPStatus.OK, fault=None)

    @for_roles(Role.ADMIN)
    def add_teacher(self) -> Page:
        """Add a teacher's account and show its one-time link, once."""
        name, email = request.form.get("name", "").strip(), request.form.get("email", "").strip()
        try:
            account = self._accounts.add(email=email, name=name, role=Role.TEACHER)
        except PersonRefusedError:
            fault = gettext("Please give a name and an e-mail address.")
            return self._show(HTTPStatus.UNPROCESSABLE_ENTITY, fault)
        except EmailTakenError:
            return self._show(HTTPStatus.CONFLICT, gettext("There is an account with this address already."))
        return self._show_link(account)

    @for_roles(Role.ADMIN)
    def make_link(self, account: str) -> Page:
        """Make a new one-time link for an account and show it, once."""
        return self._show_link(account)

    def _show(self, status: HTTPStatus, fault: str | None) -> Page:
        with self._accounts.database.reading() as session:
            accounts = repo.list_accounts(session)
        form = request.form if fault else {}
        return render_template("accounts/everybody.html", accounts=accounts, fault=fault, form=form), status

    def _show_link(self, account: str) -> Page:
        with self._accounts.database.reading() as session:
            row = session.get(Account, account)
        if row is None:
            abort(404)
        token = self._accounts.issue_link(account, made_by=signed_in().id)
        link = link_address(self._config, token, fallback=request.host_url)
        return render_template("accounts/link_made.html", account=row, link=link, lasts=LINK_LASTS)


def link_address(config: Config, token: str, *, fallback: str) -> str:
    """Give the whole address of a one-time link; `fallback` is the site's address where none is configured."""
    return f"{(config.people.url or fallback).rstrip('/')}/welcome/{token}"

"""Commands on the server that let people in: the first admin, a teacher, a new one-time link for anyone.

They print the link last; whoever may run them may read the keys folder anyway. No command sets a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from controller.accounts import policy, repo
from controller.accounts.models import Role
from controller.accounts.services import Accounts, EmailTakenError, PersonRefusedError, make_accounts
from controller.config import Config
from controller.opening import config_option, opened

email_option = click.option("--email", required=True, help="The address with which the person signs in.")


@click.group(name="accounts")
def accounts_commands() -> None:
    """Let people in by one-time links."""


@accounts_commands.command(name="admin-link")
@config_option
@email_option
@click.option("--name", default="Administrator", show_default=True, help="The person's name.")
def admin_link(path: Path, email: str, name: str) -> None:
    """Print a one-time link for an admin; the account is made when there is none with this address."""
    with _open_accounts(path) as (accounts, config):
        account = _find_or_add_admin(accounts, email, name)
        _print_link(accounts, config, account)


@accounts_commands.group(name="teacher")
def teacher_commands() -> None:
    """Accounts of teachers."""


@teacher_commands.command(name="add")
@config_option
@email_option
@click.option("--name", required=True, help="The teacher's name.")
def add_teacher(path: Path, email: str, name: str) -> None:
    """Add a teacher and print the account's id and a one-time link."""
    with _open_accounts(path) as (accounts, config):
        account = accounts.add(email=email, name=name, role=Role.TEACHER)
        click.echo(f"account {account}")
        _print_link(accounts, config, account)


@accounts_commands.command(name="link")
@config_option
@email_option
def new_link(path: Path, email: str) -> None:
    """Print a new one-time link for somebody who has an account."""
    with _open_accounts(path) as (accounts, config):
        with accounts.database.reading() as session:
            account = repo.find_account(session, policy.normalise_email(email))
        if account is None:
            raise click.ClickException(f"no account has the address {email}")
        _print_link(accounts, config, account.id)


@contextmanager
def _open_accounts(path: Path) -> Iterator[tuple[Accounts, Config]]:
    try:
        with opened(path) as services:
            yield make_accounts(services), services.config
    except (EmailTakenError, PersonRefusedError) as error:
        raise click.ClickException(str(error)) from error


def _find_or_add_admin(accounts: Accounts, email: str, name: str) -> str:
    with accounts.database.reading() as session:
        found = repo.find_account(session, policy.normalise_email(email))
    if found is None:
        return accounts.add(email=email, name=name, role=Role.ADMIN)
    if found.role is not Role.ADMIN:
        raise click.ClickException(f"{email} is the account of a {found.role}, not of an admin")
    return found.id


def _print_link(accounts: Accounts, config: Config, account: str) -> None:
    token = accounts.issue_link(account, made_by=None)
    people = config.people
    scheme = "https" if people.tls_certificate else "http"
    site = people.url or f"{scheme}://{people.host}:{people.port}"
    hours = policy.LINK_LASTS.total_seconds() // 3600
    click.echo(f"one-time link, for {hours:.0f} hours: {site.rstrip('/')}/welcome/{token}")

"""Commands on the server that let people in: the first admin, a teacher, a new one-time link for anyone.

They print the link last; whoever may run them may read the keys folder anyway. No command sets a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from controller.accounts import policy, repo
from controller.accounts.models import Account, Role
from controller.accounts.role_policy import Held
from controller.accounts.roles import RoleChange, RoleRefusedError, Roles, held_by, roles_of, spell_roles
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


role_option = click.option(
    "--role", type=click.Choice([role.value for role in Role]), required=True, help="What the person may."
)
site_option = click.option("--site", default="", help="For IT and principals: their site; else the whole school.")


@accounts_commands.command(name="add-person")
@config_option
@email_option
@click.option("--name", required=True, help="The person's name.")
@role_option
@site_option
def add_person(path: Path, email: str, name: str, role: str, site: str) -> None:
    """Add a person and print the account's id and a one-time link."""
    with _open_accounts(path) as (accounts, config):
        account = accounts.add(email=email, name=name, role=Role(role), site=site)
        click.echo(f"account {account}")
        _print_link(accounts, config, account)


@accounts_commands.group(name="role")
def role_commands() -> None:
    """What people may: a person can have several roles, and each change stays in their history."""


@role_commands.command(name="give")
@config_option
@email_option
@role_option
@site_option
@click.option("--understood", default="", help="The role once more, where a warning says that it goes against another.")
def give_role(path: Path, email: str, role: str, site: str, understood: str) -> None:
    """Give somebody another role."""
    with _open_roles(path) as (accounts, roles):
        roles.give(_change(accounts, email, role, site), understood=understood)
        click.echo(_tell_roles(accounts, email))


@role_commands.command(name="take")
@config_option
@email_option
@role_option
@site_option
def take_role(path: Path, email: str, role: str, site: str) -> None:
    """Take a role away; the person is signed out everywhere."""
    with _open_roles(path) as (accounts, roles):
        roles.take(_change(accounts, email, role, site))
        click.echo(_tell_roles(accounts, email))


@role_commands.command(name="list")
@config_option
def list_roles(path: Path) -> None:
    """Print everybody with their roles."""
    with _open_accounts(path) as (accounts, _):
        with accounts.database.reading() as session:
            emails = [account.email for account in repo.list_accounts(session)]
        for email in emails:
            click.echo(_tell_roles(accounts, email))


def _change(accounts: Accounts, email: str, role: str, site: str) -> RoleChange:
    return RoleChange(account=_find(accounts, email).id, held=Held(Role(role), site.strip()), by=None)


def _tell_roles(accounts: Accounts, email: str) -> str:
    account = _find(accounts, email)
    with accounts.database.reading() as session:
        held = sorted(held_by(session, account.id))
    return f"{account.email}: " + ", ".join(f"{each.role}{f' ({each.site})' if each.site else ''}" for each in held)


def _find(accounts: Accounts, email: str) -> Account:
    with accounts.database.reading() as session:
        account = repo.find_account(session, policy.normalise_email(email))
    if account is None:
        raise click.ClickException(f"no account has the address {email}")
    return account


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
        _print_link(accounts, config, _find(accounts, email).id)


@contextmanager
def _open_accounts(path: Path) -> Iterator[tuple[Accounts, Config]]:
    try:
        with opened(path) as services:
            yield make_accounts(services), services.config
    except (EmailTakenError, PersonRefusedError, RoleRefusedError) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _open_roles(path: Path) -> Iterator[tuple[Accounts, Roles]]:
    from controller.wiring import make_roles

    with opened(path) as services:
        yield make_accounts(services), make_roles(services)


def _find_or_add_admin(accounts: Accounts, email: str, name: str) -> str:
    with accounts.database.reading() as session:
        found = repo.find_account(session, policy.normalise_email(email))
        roles = roles_of(session, found.id) if found else frozenset()
    if found is None:
        return accounts.add(email=email, name=name, role=Role.ADMIN)
    if Role.ADMIN not in roles:
        raise click.ClickException(f"{email} has {spell_roles(roles)}, not that of an admin")
    return found.id


def _print_link(accounts: Accounts, config: Config, account: str) -> None:
    token = accounts.issue_link(account, made_by=None)
    people = config.people
    scheme = "https" if people.tls_certificate else "http"
    site = people.url or f"{scheme}://{people.host}:{people.port}"
    hours = policy.LINK_LASTS.total_seconds() // 3600
    click.echo(f"one-time link, for {hours:.0f} hours: {site.rstrip('/')}/welcome/{token}")

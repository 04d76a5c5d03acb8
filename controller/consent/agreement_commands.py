"""`backrow controller consent agree`: what teachers and principals have signed, entered for them; who is missing.

Reads options, asks opting.py, prints for people. What is entered here is kept as entered by somebody on the server.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import doing
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from controller.consent.agreeing import Outlook
    from controller.consent.models import Who
    from controller.consent.opting import Word
    from controller.services import Services


@click.group(name="agree")
def agree() -> None:
    """What teachers and principals have signed, entered for them; and who is missing."""


@agree.command(name="list")
@config_option
def list_agreements(path: Path) -> None:
    """Print the sites and the teachers with what holds today, those who have not agreed first."""
    with opened(path) as services, services.database.reading() as session:
        today = _today(services)
        lines = [*_site_lines(session, today), *_teacher_lines(session, today)]
    for line in lines:
        click.echo(line)


def _site_lines(session: Session, today: date) -> list[str]:
    from controller.consent import repo
    from controller.consent.agreeing import outlook, principal_agrees
    from controller.consent.models import Who
    from controller.consent.places import known_sites

    said = repo.agreements(session)
    lines = []
    for site in ("", *sorted(known_sites(session))):
        words = [word for about in {site, ""} for word in said.get((Who.PRINCIPAL, about), ())]
        found = outlook(words, today, partial(principal_agrees, said, site))
        lines.append(f"principal  {site or 'the whole school'}: {_tell(found)}")
    return lines


def _teacher_lines(session: Session, today: date) -> list[str]:
    from controller.accounts.models import Account, Role
    from controller.accounts.roles import accounts_with
    from controller.consent import repo
    from controller.consent.agreeing import agrees, outlook
    from controller.consent.models import Who

    said, lines = repo.agreements(session), []
    for account in accounts_with(session, (Role.TEACHER,)):
        words = said.get((Who.TEACHER, account), ())
        found = outlook(words, today, partial(agrees, words))
        lines.append((found.agrees, f"teacher    {session.get_one(Account, account).email}: {_tell(found)}"))
    return [line for _, line in sorted(lines)]


def _tell(found: Outlook) -> str:
    if found.agrees:
        return f"agrees, only before {found.turns_on}" if found.turns_on else "agrees"
    return f"has not agreed, from {found.turns_on} on they do" if found.turns_on else "has not agreed"


def _today(services: Services) -> date:
    return services.clock().astimezone(services.config.controller.time_zone).date()


from_option = click.option("--from", "first", default="", metavar="DAY", help="The first day; without it: today.")
until_option = click.option("--until", "last", default="", metavar="DAY", help="The last day; without it: none.")
back_option = click.option(
    "--take-back", "said", flag_value="no", default="yes", help="They agree no more, from today."
)


@agree.command(name="teacher")
@config_option
@click.option("--email", required=True, help="The teacher's address.")
@from_option
@until_option
@back_option
def agree_teacher(path: Path, email: str, first: str, last: str, said: str) -> None:
    """Write down that a teacher agrees to be recorded in their own lessons, or does no more."""
    from controller.accounts.policy import normalise_email
    from controller.accounts.repo import find_account
    from controller.consent.models import Who
    from controller.consent.opting import write_agreements
    from controller.consent.refusals import ConsentRefusedError, Fault

    with doing(path) as (services, deed):
        with services.database.reading() as session:
            account = find_account(session, normalise_email(email))
        if account is None:
            raise ConsentRefusedError(Fault.ACCOUNT_UNKNOWN, "about", got=email[:60])
        word = _word(services, Who.TEACHER, account.id, (said, first, last))
        told = write_agreements(services, [word], by=deed.by)
    click.echo(f"Done; {told} unit(s) are told something else.")


@agree.command(name="principal")
@config_option
@click.option("--site", "sites", multiple=True, help="A site, as its units carry it; without any: the whole school.")
@from_option
@until_option
@back_option
def agree_principal(path: Path, sites: tuple[str, ...], first: str, last: str, said: str) -> None:
    """Write down that a principal agrees to recording at sites, or does no more."""
    from controller.consent.models import Who
    from controller.consent.opting import write_agreements

    with doing(path) as (services, deed):
        words = [_word(services, Who.PRINCIPAL, site, (said, first, last)) for site in sites or ("",)]
        told = write_agreements(services, words, by=deed.by)
    click.echo(f"Done; {told} unit(s) are told something else.")


def _word(services: Services, who: Who, about: str, said: tuple[str, str, str]) -> Word:
    """Make a word of what was said: yes or no, the first day, the last day. Who takes theirs back does so today."""
    from controller.consent.opting import Word
    from controller.consent.reading import read_day

    says, first, last = said
    if says == "no":
        return Word(who=who, about=about, agrees=False, holds_from=_today(services))
    return Word(
        who=who,
        about=about,
        agrees=True,
        holds_from=read_day(first, "holds_from") if first else _today(services),
        holds_until=read_day(last, "holds_until") if last else None,
    )

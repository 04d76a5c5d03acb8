"""The page of agreements: a teacher's own, a principal's by site, and for those who oversee who is still missing.

Whoever agrees says so themselves, from a day on and until one if they like, and takes it back at any time, at once.
It tells who said what, and of no recording (promise P7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.accounts.repo import names_of
from controller.accounts.role_policy import sites_of
from controller.accounts.roles import accounts_with
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.consent import repo
from controller.consent.agreeing import Outlook, agrees, outlook, principal_agrees
from controller.consent.keepers import AGREEING, OVERSEERS, reach
from controller.consent.models import Agreement, Who
from controller.consent.opting import Word, write_agreements
from controller.consent.places import known_sites, teachers_at
from controller.consent.reading import read_day
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.consent.telling import word_fault
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
Said = Mapping[tuple[Who, str], Sequence[Agreement]]


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("agreements", __name__)
    AgreementPages(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True)
class Named:
    """Somebody or some site, with what holds of them today."""

    id: str
    name: str
    outlook: Outlook


class AgreementPages:
    """What teachers, principals and those who oversee them see and say."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/consent/agreements", view_func=self.show)
        room.add_url_rule("/consent/agreements/mine", view_func=self.say_mine, methods=["POST"])
        room.add_url_rule("/consent/agreements/sites", view_func=self.say_sites, methods=["POST"])

    @for_roles(*AGREEING)
    def show(self) -> Page:
        """Show what the person may say, and who has said what."""
        return self._show()

    @for_roles(Role.TEACHER)
    def say_mine(self) -> Page:
        """Write down whether a teacher agrees to be recorded in their own lessons."""
        return self._say("mine", lambda: [self._word(Who.TEACHER, signed_in().id)])

    @for_roles(Role.PRINCIPAL)
    def say_sites(self) -> Page:
        """Write down whether a principal agrees to recording at the sites that they chose."""
        return self._say("sites", self._words_of_sites)

    def _words_of_sites(self) -> list[Word]:
        sites = set(request.form.getlist("site"))
        if not sites:
            raise ConsentRefusedError(Fault.NOWHERE, "site")
        return [self._word(Who.PRINCIPAL, site) for site in sorted(sites)]

    def _word(self, who: Who, about: str) -> Word:
        """Read one word; who takes theirs back does so from today on."""
        if not _is_yes():
            return Word(who=who, about=about, agrees=False, holds_from=self._today())
        first, last = request.form.get("holds_from", "").strip(), request.form.get("holds_until", "").strip()
        return Word(
            who=who,
            about=about,
            agrees=True,
            holds_from=read_day(first, "holds_from") if first else self._today(),
            holds_until=read_day(last, "holds_until") if last else None,
        )

    def _say(self, form: str, read: Any) -> Page:
        try:
            write_agreements(self._services, read(), by=signed_in().id)
        except ConsentRefusedError as refusal:
            return self._show(form, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(
            gettext("Saved. Every unit is told.") if _is_yes() else gettext("Taken back. Every unit is told at once.")
        )
        return redirect(url_for("agreements.show"), HTTPStatus.SEE_OTHER)

    def _show(self, form: str = "", fault: str = "") -> str:
        me, today = signed_in(), self._today()
        with self._services.database.reading() as session:
            said = repo.agreements(session)
            shown: dict[str, Any] = {
                "mine": _teacher(said, me.id, me.name, today) if Role.TEACHER in me.roles else None,
                "my_words": list(reversed(said.get((Who.TEACHER, me.id), ()))),
                "sites": _my_sites(session, said, today) if Role.PRINCIPAL in me.roles else [],
                **(_overseen(session, said, today) if me.roles & set(OVERSEERS) else {"oversees": False}),
            }
            held = repo.newest_rules(session)
        typed = request.form if fault else {}
        rules = held[1] if held else None
        return render_template(
            "consent/agreements.html", **shown, rules=rules, today=today, form=form, fault=fault, typed=typed
        )

    def _today(self) -> date:
        return self._services.clock().astimezone(self._services.config.controller.time_zone).date()


def _is_yes() -> bool:
    return request.form.get("agrees") == "yes"


def _teacher(said: Said, account: str, name: str, today: date) -> Named:
    words = said.get((Who.TEACHER, account), ())
    return Named(account, name, outlook(words, today, partial(agrees, words)))


def _site(said: Said, site: str, today: date) -> Named:
    words = [word for about in {site, ""} for word in said.get((Who.PRINCIPAL, about), ())]
    return Named(site, site, outlook(words, today, lambda day: principal_agrees(said, site, day)))


def _my_sites(session: Session, said: Said, today: date) -> list[Named]:
    """Give the sites for which somebody speaks as principal; the whole school is one of them where it is theirs."""
    mine = sites_of(signed_in().held, Role.PRINCIPAL)
    sites = {"", *known_sites(session)} if mine is None else mine
    return [_site(said, site, today) for site in sorted(sites)]


def _overseen(session: Session, said: Said, today: date) -> dict[str, Any]:
    """Give the teachers and sites that somebody oversees, those who do not agree first."""
    within = reach(signed_in().held, OVERSEERS)
    accounts = accounts_with(session, (Role.TEACHER,))
    if within is not None:
        accounts &= teachers_at(session, within)
    names = names_of(session, set(accounts))
    teachers = [_teacher(said, account, name, today) for account, name in names.items()]
    sites = {*known_sites(session), ""} if within is None else within
    return {
        "oversees": True,
        "teachers": sorted(teachers, key=lambda each: (each.outlook.agrees, each.name.casefold(), each.id)),
        "all_sites": [_site(said, site, today) for site in sorted(sites)],
        "is_whole": within is None,
    }

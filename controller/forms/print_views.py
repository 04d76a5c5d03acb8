"""Printing: a form for each person of a class, with their code, and the notice that goes with it.

Printing numbers the form as it is now and gives a code to whoever has none; showing it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.accounts.repo import names_of as account_names
from controller.accounts.roles import accounts_with
from controller.auth.access import for_roles
from controller.auth.languages import current_language
from controller.forms.codes import spell_code
from controller.forms.composing import compose_now
from controller.forms.issuing import codes_of, issue_codes
from controller.forms.keepers import ANSWER_KEEPERS
from controller.forms.picture import Picture, draw_code
from controller.forms.policy import GIVER_KEYS, KEYS
from controller.forms.standing import Question, is_asked, stands_of
from controller.forms.versions import Content, find_version, read_version, rules_in_force
from controller.forms.wording import FormWords
from controller.roster.drafts import today
from controller.roster.models import ClassRole, SchoolClass
from controller.roster.repo import Member, members_on
from controller.services import Services

EVERYBODY, MISSING = "everybody", "missing"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One person's form."""

    member: Member
    code: str
    picture: Picture
    is_pupil: bool


class PrintPages:
    """What a consent keeper prints."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/forms/notice", view_func=self.notice)
        room.add_url_rule("/forms/versions/<int:version>", view_func=self.version)
        room.add_url_rule("/forms/classes/<class_id>/sheets", view_func=self.sheets)
        room.add_url_rule("/forms/classes/<class_id>/sheets", view_func=self.issue, methods=["POST"])

    @for_roles(*ANSWER_KEEPERS)
    def notice(self) -> str:
        """Show the notice as the settings are now."""
        with self._services.database.reading() as session:
            content = compose_now(session, self._services)
            language, words = _chosen_words(content)
            return render_template(
                "forms/notice.html",
                said=words,
                language=language,
                version=find_version(session, content),
                keepers=_keepers(session),
            )

    @for_roles(*ANSWER_KEEPERS)
    def version(self, version: int) -> str:
        """Show what stands on the forms of a version, word for word, and in the notice that went with them."""
        with self._services.database.reading() as session:
            content = read_version(session, version) or abort(404)
            is_current = find_version(session, compose_now(session, self._services)) == version
        language, words = _chosen_words(content)
        return render_template(
            "forms/version.html",
            said=words,
            language=language,
            version=version,
            is_current=is_current,
            keys=KEYS,
            giver_keys=list(GIVER_KEYS.values()),
        )

    @for_roles(*ANSWER_KEEPERS)
    def sheets(self, class_id: str) -> str:
        """Show the forms of a class that have a code, one on a page."""
        with self._services.database.reading() as session:
            row = _find(session, class_id)
            content = compose_now(session, self._services)
            version = find_version(session, content)
            members = self._members(session, row)
            codes = codes_of(session, [each.person for each in members], version) if version else {}
            language, words = _chosen_words(content)
            return render_template(
                "forms/sheets.html",
                row=row,
                said=words,
                language=language,
                version=version,
                sheets=[_sheet(each, codes[each.person]) for each in members if each.person in codes],
                without=sum(each.person not in codes for each in members),
                spell=spell_code,
                keys=KEYS,
                giver_keys=list(GIVER_KEYS.values()),
                keepers=_keepers(session),
                whose=_whose(),
            )

    @for_roles(*ANSWER_KEEPERS)
    def issue(self, class_id: str) -> Response:
        """Give everybody of a class who has none a code, and show the forms."""
        with self._services.database.reading() as session:
            row = _find(session, class_id)
            people = [each.person for each in self._members(session, row)]
            content = compose_now(session, self._services)
        issue_codes(self._services, people, content)
        language = request.form.get("language", current_language())
        return redirect(url_for("forms.sheets", class_id=class_id, whose=_whose(), language=language))

    def _members(self, session: Session, row: SchoolClass) -> Sequence[Member]:
        """Give who of a class gets a form: everybody who is asked, or who of them has not answered."""
        day = max(today(self._services), row.begins_on)
        asked = Question(day=day, rules=rules_in_force(session), version=None)
        members = [each for each in members_on(session, row.id, day) if is_asked(each.role, asked.rules)]
        if _whose() == EVERYBODY:
            return members
        stands = stands_of(session, [each.person for each in members], asked)
        return [each for each in members if stands[each.person].is_missing]


def _whose() -> str:
    return EVERYBODY if request.values.get("whose") == EVERYBODY else MISSING


def _find(session: Session, class_id: str) -> SchoolClass:
    row = session.get(SchoolClass, class_id)
    if row is None:
        abort(404)
    return row


def _sheet(member: Member, code: str) -> Sheet:
    return Sheet(member=member, code=code, picture=draw_code(code), is_pupil=member.role is ClassRole.PUPIL)


def _chosen_words(content: Content) -> tuple[str, FormWords]:
    """Give the words in the language that is asked for, else in that of the page."""
    asked = request.args.get("language", "")
    language = next(each for each in (asked, current_language(), *content.words) if each in content.words)
    return language, content.words[language]


def _keepers(session: Session) -> list[str]:
    """Give the names of those whom families can ask; they are printed, and part of no version."""
    return sorted(account_names(session, set(accounts_with(session, (Role.KEEPER,)))).values())

"""Entering a pile of forms: a code, then one key. Works as an ordinary form where no script runs.

A code says nothing of anybody, so that it may stand in an address; names stand on the page alone.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.consent.answers import Giver
from controller.forms import words
from controller.forms.codes import CODE_CHARS, spell_code
from controller.forms.composing import compose_now
from controller.forms.entering import (
    Entry,
    FoundForm,
    Line,
    enter,
    find_form,
    last_lines,
    newest_lines,
    undo_entry,
)
from controller.forms.keepers import ANSWER_KEEPERS
from controller.forms.policy import GIVER_KEYS, KEYS, Choice, default_days
from controller.forms.refusals import Fault, FormRefusedError
from controller.forms.versions import find_version, rules_in_force
from controller.people.policy import Name
from controller.people.repo import names_of
from controller.roster.drafts import today
from controller.roster.repo import classes_of_person
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
Chosen = TypeVar("Chosen", bound=StrEnum)
NOBODY = Name("", "")


def word_fault(refusal: FormRefusedError) -> str:
    """Say in the reader's language which field is wrong, why, and what to do."""
    told = refusal.wrong.words(gettext)
    field = refusal.wrong.name(gettext)
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())


class EntryPages:
    """What a consent keeper does with a pile of paper."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/forms/entry", view_func=self.entry)
        room.add_url_rule("/forms/entry", view_func=self.take, methods=["POST"])
        room.add_url_rule("/forms/entry/<int:number>/undo", view_func=self.undo, methods=["POST"])

    @for_roles(*ANSWER_KEEPERS)
    def entry(self) -> Page:
        """Ask for a code; with one, show whose form it is and what can stand on it."""
        typed = request.args.get("code")
        if typed is None:
            return self._ask()
        try:
            with self._services.database.reading() as session:
                return self._show(session, find_form(session, typed, self._today()))
        except FormRefusedError as refusal:
            return self._ask(typed, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY

    @for_roles(*ANSWER_KEEPERS)
    def take(self) -> Page:
        """Write down what was pressed, and ask for the next code."""
        typed, day = request.form.get("code", ""), self._today()
        try:
            with self._services.database.reading() as session:
                form = find_form(session, typed, day)
                name = names_of(session, [form.person]).get(form.person, NOBODY)
                usual = default_days(rules_in_force(session), day)
        except FormRefusedError as refusal:
            return self._ask(typed, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            said = _read_entry(form, usual)
            enter(self._services, form, said, by=signed_in().id, today=day)
        except FormRefusedError as refusal:
            with self._services.database.reading() as session:
                return self._show(session, form, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        told = gettext(words.CHOICES[said.choice])
        flash(gettext("%(name)s: %(answer)s", name=name.listed, answer=told))
        return redirect(url_for("forms.entry"))

    @for_roles(*ANSWER_KEEPERS)
    def undo(self, number: int) -> Page:
        """Take a slip back."""
        try:
            undo_entry(self._services, number, by=signed_in().id)
        except FormRefusedError as refusal:
            return self._ask(fault=word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Taken back: what held before holds again."))
        return redirect(url_for("forms.entry"))

    def _ask(self, typed: str = "", fault: str = "") -> str:
        with self._services.database.reading() as session:
            lines = last_lines(session, self._services, signed_in().id)
            return render_template(
                "forms/entry.html",
                words=words,
                typed=typed[: 4 * CODE_CHARS],
                fault=fault,
                lines=lines,
                names=self._names(session, lines),
            )

    def _names(self, session: Session, lines: list[Line]) -> dict[str, Name]:
        return names_of(session, {line.row.person for line in lines})

    def _show(self, session: Session, form: FoundForm, fault: str = "") -> str:
        first, last = default_days(rules_in_force(session), self._today())
        return render_template(
            "forms/entry_form.html",
            words=words,
            form=form,
            spelt=spell_code(form.code),
            current=find_version(session, compose_now(session, self._services)),
            name=names_of(session, [form.person]).get(form.person, NOBODY),
            classes=classes_of_person(session, form.person, self._today()),
            lines=newest_lines(session, self._services, form.person),
            keys=KEYS,
            giver_keys=GIVER_KEYS,
            first=request.form.get("holds_from") or first.isoformat(),
            last=request.form.get("holds_until", last.isoformat()),
            giver=request.form.get("giver") or form.givers[0],
            fault=fault,
        )

    def _today(self) -> date:
        return today(self._services)


def _read_entry(form: FoundForm, usual: tuple[date, date]) -> Entry:
    """Read what was chosen; days that are left out are the usual ones, a last one that was emptied is none."""
    first, last = request.form.get("holds_from", ""), request.form.get("holds_until")
    try:
        begins = date.fromisoformat(first) if first.strip() else usual[0]
        ends = usual[1] if last is None else date.fromisoformat(last) if last.strip() else None
    except ValueError:
        raise FormRefusedError(Fault.DAYS_WRONG, "days", first=first[:40], last=(last or "")[:40]) from None
    return Entry(
        choice=_read_choice(Choice, "said", Fault.CHOICE_UNKNOWN),
        giver=_read_choice(Giver, "giver", Fault.GIVER_WRONG) if "giver" in request.form else form.givers[0],
        holds_from=begins,
        holds_until=ends,
    )


def _read_choice(kind: type[Chosen], field: str, fault: Fault) -> Chosen:
    try:
        return kind(request.form.get(field, ""))
    except ValueError:
        raise FormRefusedError(fault, field) from None

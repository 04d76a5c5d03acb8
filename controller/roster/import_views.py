"""Reading a roster on the pages: a file or pasted names, what is wrong with it, the difference, and then the change."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from http import HTTPStatus
from typing import IO

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.repo import list_accounts
from controller.auth.access import for_roles, signed_in, takes_files
from controller.auth.languages import gettext
from controller.calendar.repo import sites_in_use
from controller.devices.life import deed_of
from controller.people.keepers import KEEPERS
from controller.people.policy import Name, listing_key
from controller.people.repo import names_of
from controller.roster import words
from controller.roster.drafts import (
    Preview,
    Vanishing,
    apply_draft,
    discard_draft,
    make_draft,
    preview,
    require_applicable,
    today,
)
from controller.roster.found import Reading
from controller.roster.importing import MOST_BYTES, read_file, read_pasted
from controller.roster.lists import MOST_PASTED_BYTES
from controller.roster.models import Scope
from controller.roster.plan import Plan
from controller.roster.refusals import Fault, RosterRefusedError, read_day
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
AS_NAMED = "as-named"
MOST_NAMES = 100
_MARGIN_BYTES = 64 * 1024


class ImportPages:
    """What a keeper of rosters sends, sees and decides."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/classes/import", view_func=self.ask)
        room.add_url_rule("/classes/import/file", view_func=self.take_file, methods=["POST"])
        room.add_url_rule("/classes/import/list", view_func=self.take_list, methods=["POST"])
        room.add_url_rule("/classes/drafts/<draft>", view_func=self.difference)
        room.add_url_rule("/classes/drafts/<draft>/apply", view_func=self.apply, methods=["POST"])
        room.add_url_rule("/classes/drafts/<draft>/discard", view_func=self.discard, methods=["POST"])

    @for_roles(*KEEPERS)
    def ask(self) -> str:
        """Ask for a file or for pasted names."""
        return self._form()

    @for_roles(*KEEPERS)
    @takes_files(MOST_BYTES + _MARGIN_BYTES)
    def take_file(self) -> Page:
        """Read a file; what is wrong is said, else its draft is shown."""
        sent = request.files.get("file")
        stream: IO[bytes] = sent.stream if sent else io.BytesIO()
        site = request.form.get("site", AS_NAMED)
        scope = Scope.SITES if request.form.get("scope") == Scope.SITES else Scope.CLASSES
        with stream:
            name = (sent.filename or "")[:80] if sent else ""
            reading = read_file(stream, name or "file", site=None if site == AS_NAMED else site, scope=scope)
        return self._draft(reading, "file")

    @for_roles(*KEEPERS)
    @takes_files(MOST_PASTED_BYTES + _MARGIN_BYTES)
    def take_list(self) -> Page:
        """Read pasted names; what is wrong is said, else their draft is shown."""
        form = request.form
        with self._services.database.reading() as session:
            reading = read_pasted(
                session,
                form.get("names", ""),
                title=form.get("title", "").strip(),
                site=form.get("site", ""),
                teachers=form.getlist("teacher"),
            )
        return self._draft(reading, "list")

    def _draft(self, reading: Reading, form: str) -> Page:
        try:
            starts_on = read_day(request.form.get("starts_on", ""), self._today())
            if reading.roster is None:
                return self._form(reading=reading, form=form), HTTPStatus.UNPROCESSABLE_ENTITY
            draft = make_draft(self._services, reading, starts_on, deed_of(self._services, signed_in().id))
        except RosterRefusedError as refusal:
            return self._form(fault=word_fault(refusal), form=form), HTTPStatus.UNPROCESSABLE_ENTITY
        return redirect(url_for("roster.difference", draft=draft))

    def _form(self, *, reading: Reading | None = None, fault: str = "", form: str = "") -> str:
        with self._services.database.reading() as session:
            sites = sorted(sites_in_use(session) - {""})
            accounts = list_accounts(session)
        flaws = reading.flaws if reading else ()
        return render_template(
            "roster/import.html",
            sites=sites,
            accounts=accounts,
            today=self._today(),
            flaws=[(flaw, flaw.words(gettext)) for flaw in flaws],
            more=(reading.flaws_in_all - len(flaws)) if reading else 0,
            fault=fault,
            wrong_form=form,
            typed=request.form,
            as_named=AS_NAMED,
            most_mib=MOST_BYTES // (1024 * 1024),
        )

    @for_roles(*KEEPERS)
    def difference(self, draft: str) -> Page:
        """Show what applying a draft would change."""
        return self._show(draft)

    @for_roles(*KEEPERS)
    def apply(self, draft: str) -> Page:
        """Apply what was shown."""
        vanishing = Vanishing.MEANT if request.form.get("vanishing") == Vanishing.MEANT else Vanishing.USUAL
        basis = request.form.get("basis", "")
        deed = deed_of(self._services, signed_in().id)
        try:
            seen = int(basis) if basis.isdecimal() and len(basis) < 16 else -1
            apply_draft(self._services, draft, basis=seen, vanishing=vanishing, deed=deed)
        except RosterRefusedError as refusal:
            if refusal.wrong.fault is Fault.DRAFT_UNKNOWN:
                return self._gone(refusal)
            return self._show(draft, word_fault(refusal), HTTPStatus.UNPROCESSABLE_ENTITY)
        flash(gettext("Done. The roster holds from its first day on."))
        return redirect(url_for("roster.classes"))

    @for_roles(*KEEPERS)
    def discard(self, draft: str) -> Page:
        """Throw a draft away."""
        try:
            discard_draft(self._services, draft, deed_of(self._services, signed_in().id))
        except RosterRefusedError as refusal:
            return self._gone(refusal)
        flash(gettext("Discarded: nothing was changed."))
        return redirect(url_for("roster.classes"))

    def _gone(self, refusal: RosterRefusedError) -> Page:
        return self._form(fault=word_fault(refusal)), HTTPStatus.GONE

    def _show(self, draft: str, fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Page:
        try:
            found = preview(self._services, draft)
        except RosterRefusedError as refusal:
            return self._gone(refusal)
        with self._services.database.reading() as session:
            named = _named(session, found.plan)
        return render_template(
            "roster/draft.html",
            words=words,
            shown=found,
            plan=found.plan,
            sums={name: number for name, number in found.plan.sums().items() if number},
            named=named,
            most=MOST_NAMES,
            stopped=_why_not(found),
            fault=fault,
        ), status

    def _today(self) -> date:
        return today(self._services)


def word_fault(refusal: RosterRefusedError) -> str:
    """Say in the reader's language which field is wrong, why, and what to do."""
    told = refusal.wrong.words(gettext)
    field = refusal.wrong.name(gettext)
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())


def _why_not(found: Preview) -> str:
    """Say why a draft cannot be applied at all, or nothing."""
    try:
        require_applicable(found.plan, Vanishing.MEANT)
    except RosterRefusedError as refusal:
        return word_fault(refusal)
    return ""


def _named(session: Session, plan: Plan) -> dict[str, tuple[list[Name], int]]:
    """Give the names of whom a plan speaks, the first of each kind, and how many there are."""
    new = [person.name for person, _ in plan.new_people]
    found = {"new": (_first(new), len(new))}
    for what, people in (("moved", plan.moved_people), ("gone", plan.gone_people), ("by_name", plan.by_name)):
        known = names_of(session, people[: 4 * MOST_NAMES])
        found[what] = (_first(known.values()), len(people))
    return found


def _first(names: Iterable[Name]) -> list[Name]:
    return sorted(names, key=listing_key)[:MOST_NAMES]

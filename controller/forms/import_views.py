"""Tables of answers on the pages: a class to fill in, the registry to keep, a table to read, its difference."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import IO

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as Answer

from controller.auth.access import for_roles, signed_in, takes_files
from controller.auth.languages import gettext, ngettext
from controller.consent.answers import Giver
from controller.consent.models import AnswerRow
from controller.consent.repo import Known, known_people
from controller.forms import words
from controller.forms.difference import Held
from controller.forms.drafts import apply_draft, discard_draft, make_draft, preview, waiting_drafts
from controller.forms.entering import lines_of
from controller.forms.entry_views import word_fault
from controller.forms.exports import encode_answers_of, encode_registry
from controller.forms.importing import Basis, find_answers, held_answers
from controller.forms.keepers import ANSWER_KEEPERS
from controller.forms.lists import Table, read_answers
from controller.forms.policy import givers_of
from controller.forms.refusals import Fault, FormRefusedError
from controller.forms.standing import is_asked
from controller.forms.versions import rules_in_force
from controller.people.repo import names_of
from controller.roster.drafts import today
from controller.roster.models import SchoolClass
from controller.roster.repo import Member, members_on
from controller.services import Services

Page = str | Answer | tuple[str, HTTPStatus]
MOST_BYTES = 4 * 1024 * 1024
MOST_NAMES = 100
_MARGIN_BYTES = 64 * 1024


class TablePages:
    """What a consent keeper sends and takes away as tables."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/forms/table", view_func=self.ask)
        room.add_url_rule("/forms/table", view_func=self.read, methods=["POST"])
        room.add_url_rule("/forms/drafts/<draft>", view_func=self.difference)
        room.add_url_rule("/forms/drafts/<draft>/apply", view_func=self.apply, methods=["POST"])
        room.add_url_rule("/forms/drafts/<draft>/discard", view_func=self.discard, methods=["POST"])
        room.add_url_rule("/forms/classes/<class_id>/table", view_func=self.class_table)
        room.add_url_rule("/forms/registry", view_func=self.registry)

    @for_roles(*ANSWER_KEEPERS)
    def ask(self) -> str:
        """Ask for a table."""
        return self._form()

    @for_roles(*ANSWER_KEEPERS)
    @takes_files(MOST_BYTES + _MARGIN_BYTES)
    def read(self) -> Page:
        """Read a table; what is wrong is said, else its draft is shown."""
        sent = request.files.get("file")
        stream: IO[bytes] = sent.stream if sent else io.BytesIO()
        with stream:
            table = read_answers(stream, ((sent.filename or "") if sent else "")[:80] or "file")
        with self._services.database.reading() as session:
            basis = Basis(day=today(self._services), rules=rules_in_force(session))
            answers = find_answers(session, table, basis)
        if table.flaws.count:
            return self._form(table), HTTPStatus.UNPROCESSABLE_ENTITY
        draft = make_draft(self._services, answers, by=signed_in().id)
        return redirect(url_for("forms.difference", draft=draft))

    def _form(self, table: Table | None = None, fault: str = "") -> str:
        flaws = table.told() if table else ()
        with self._services.database.reading() as session:
            return render_template(
                "forms/table.html",
                flaws=[(flaw, flaw.words(gettext)) for flaw in flaws],
                more=table.flaws.count - len(flaws) if table else 0,
                fault=fault,
                drafts=waiting_drafts(session, self._services),
                most_mib=MOST_BYTES // (1024 * 1024),
            )

    @for_roles(*ANSWER_KEEPERS)
    def difference(self, draft: str) -> Page:
        """Show what applying a draft would change."""
        return self._show(draft)

    @for_roles(*ANSWER_KEEPERS)
    def apply(self, draft: str) -> Page:
        """Write down what was shown."""
        basis = request.form.get("basis", "")
        seen = int(basis) if basis.isdecimal() and len(basis) < 16 else -1
        try:
            number = apply_draft(self._services, draft, basis=seen, by=signed_in().id)
        except FormRefusedError as refusal:
            if refusal.wrong.fault is Fault.DRAFT_UNKNOWN:
                return self._form(fault=word_fault(refusal)), HTTPStatus.GONE
            return self._show(draft, word_fault(refusal), HTTPStatus.UNPROCESSABLE_ENTITY)
        flash(ngettext("%(num)d answer was written down.", "%(num)d answers were written down.", number))
        return redirect(url_for("forms.overview"))

    @for_roles(*ANSWER_KEEPERS)
    def discard(self, draft: str) -> Page:
        """Throw a draft away."""
        discard_draft(self._services, draft)
        flash(gettext("Discarded: nothing was changed."))
        return redirect(url_for("forms.overview"))

    def _show(self, draft: str, fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Page:
        with self._services.database.reading() as session:
            try:
                shown = preview(session, self._services, draft)
            except FormRefusedError as refusal:
                return self._form(fault=word_fault(refusal)), HTTPStatus.GONE
            changes = shown.difference.changes
            names = names_of(session, {each.answer.person for each in changes[:MOST_NAMES]})
        return render_template(
            "forms/difference.html",
            words=words,
            shown=shown,
            changes=changes[:MOST_NAMES],
            more=max(0, len(changes) - MOST_NAMES),
            names=names,
            fault=fault,
        ), status

    @for_roles(*ANSWER_KEEPERS)
    def class_table(self, class_id: str) -> Response:
        """Give the answers of a class as a table that can be filled in and sent back."""
        with self._services.database.reading() as session:
            row = session.get(SchoolClass, class_id)
            if row is None:
                abort(404)
            day = max(today(self._services), row.begins_on)
            rules = rules_in_force(session)
            members = [each for each in members_on(session, class_id, day) if is_asked(each.role, rules)]
            people = {each.person for each in members}
            held = {who: each for who, each in held_answers(session, people, rules).items() if each.holds_on(day)}
            rows = list(_rows_of(members, known_people(session, people), held, day))
        return _table(encode_answers_of(row.title, rows), "answers.csv")

    @for_roles(*ANSWER_KEEPERS)
    def registry(self) -> Response:
        """Give every line of the registry as a table."""
        with self._services.database.reading() as session:
            rows = session.scalars(select(AnswerRow).order_by(AnswerRow.number)).all()
            lines = lines_of(session, self._services, rows)
            names = names_of(session, {row.person for row in rows})
        return _table(encode_registry(lines, names), "registry.csv")


def _rows_of(
    members: Sequence[Member], known: Mapping[str, Known], held: Mapping[tuple[str, Giver], Held], day: date
) -> Iterator[tuple[Member, Giver, Held | None]]:
    """Give a row for each who can answer for somebody; what has ended is blank, as it is to be answered anew."""
    for member in members:
        who = known[member.person]
        for giver in givers_of(is_adult=who.is_adult, of_age_on=who.of_age_on, today=day):
            yield member, giver, held.get((member.person, giver))


def _table(data: bytes, name: str) -> Response:
    answer = Response(data, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer

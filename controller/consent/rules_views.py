"""The page of the school's rules: what holds, presets, what other rules would change, and every version with its why.

Nothing is set before whoever sets it has seen the difference. It counts lessons of the timetable and tells of no
recording (promise P7). What rules can be is rules.py's, what they need to be set ruling.py's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from controller.accounts.repo import names_of
from controller.auth.access import for_roles, signed_in
from controller.auth.languages import gettext
from controller.consent import repo
from controller.consent.foresight import DAYS, foresee
from controller.consent.keepers import RULERS, reach
from controller.consent.models import REASON_CHARS
from controller.consent.reading import SETTINGS, read_form, write_form
from controller.consent.refusals import ConsentRefusedError
from controller.consent.rules import PRESETS, RANGES, STRICT, Rules, loosenings
from controller.consent.ruling import UNSET, set_rules
from controller.consent.telling import word_fault
from controller.consent.words import BEGINNING
from controller.consent.words import PRESETS as PRESET_WORDS
from controller.consent.words import SETTINGS as WORDS
from controller.services import Services
from controller.timetable.repo import has_entries

Page = str | Response | tuple[str, HTTPStatus]


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("rules", __name__)
    RulesPages(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One setting in which two versions differ, or of which something was said; `reason`: why, where that was said."""

    name: str
    before: bool | int
    after: bool | int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of the rules, held against the one before it."""

    number: int
    by: str
    at: datetime
    beginning: str
    changes: Sequence[Change]


class RulesPages:
    """What those who set the rules see and do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/consent/rules", view_func=self.show)
        room.add_url_rule("/consent/rules/preview", view_func=self.preview, methods=["POST"])
        room.add_url_rule("/consent/rules", view_func=self.save, methods=["POST"])

    @for_roles(*RULERS)
    def show(self) -> Page:
        """Show the rules that hold, a form for others, and the history."""
        chosen = PRESETS.get(request.args.get("preset", ""))
        return self._show(write_form(chosen) if chosen else None)

    @for_roles(*RULERS)
    def preview(self) -> Page:
        """Show what other rules would change, and ask for the reasons that they need."""
        _require_whole_school()
        try:
            return self._preview(read_form(request.form))
        except ConsentRefusedError as refusal:
            return self._show(request.form, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY

    @for_roles(*RULERS)
    def save(self) -> Page:
        """Let them hold."""
        _require_whole_school()
        reasons = {name: request.form.get(f"reason-{name}", "") for name in (*BEGINNING, *SETTINGS)}
        seen = request.form.get("seen", "")
        try:
            rules = read_form(request.form)
        except ConsentRefusedError as refusal:
            return self._show(request.form, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        try:
            version = int(seen) if seen.isdecimal() and len(seen) < 16 else -1
            set_rules(self._services, rules, seen=version, reasons=reasons, by=signed_in().id)
        except ConsentRefusedError as refusal:
            return self._preview(rules, word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY
        flash(gettext("Done. The rules hold, and every unit is told."))
        return redirect(url_for("rules.show"), HTTPStatus.SEE_OTHER)

    def _show(self, typed: Mapping[str, str] | None, fault: str = "") -> str:
        with self._services.database.reading() as session:
            versions = _versions(session)
            held = repo.newest_rules(session)
            waits = held is None and has_entries(session)
        rules = held[1] if held else STRICT
        return render_template(
            "consent/rules.html",
            held=held,
            timetable_waits=waits,
            values=asdict(rules),
            defaults=asdict(STRICT),
            typed=write_form(rules) if typed is None else typed,
            is_open=typed is not None or held is None,
            presets=[name for name in PRESET_WORDS if PRESETS[name] != (held[1] if held else None)],
            preset_words=PRESET_WORDS,
            words=WORDS,
            beginning=BEGINNING,
            ranges=RANGES,
            may_set=reach(signed_in().held, RULERS) is None,
            versions=versions,
            fault=fault,
        )

    def _preview(self, rules: Rules, fault: str = "") -> str:
        now = self._services.clock()
        with self._services.database.reading() as session:
            held = repo.newest_rules(session)
            foreseen = foresee(session, self._services.config, rules, now)
        before = held[1] if held else None
        return render_template(
            "consent/rules_preview.html",
            seen=held[0] if held else UNSET,
            fields=write_form(rules),
            changes=_changes(before or STRICT, rules, {}),
            looser=loosenings(before, rules),
            is_first=before is None,
            is_same=before == rules,
            words=WORDS,
            beginning=BEGINNING,
            foreseen=foreseen,
            days=DAYS,
            typed=request.form,
            longest=REASON_CHARS,
            fault=fault,
        )


def _require_whole_school() -> None:
    """Who is principal of a site alone sets no rules, which are the whole school's."""
    if reach(signed_in().held, RULERS) is not None:
        abort(404)


def _versions(session: Session) -> list[Version]:
    rows = repo.rules_versions(session)
    names = names_of(session, {row.set_by for row in rows})
    read = [*(repo.read_rules(row.settings) for row in rows), STRICT]
    found = []
    for row, rules, older in zip(rows, read[:-1], read[1:], strict=True):
        reasons = repo.read_reasons(row.reasons)
        begins = next((reasons[name] for name in BEGINNING if name in reasons), "")
        by = names.get(row.set_by, "")
        changes = _changes(older, rules, reasons)
        found.append(Version(number=row.version, by=by, at=row.set_at, beginning=begins, changes=changes))
    return found


def _changes(old: Rules, new: Rules, reasons: Mapping[str, str]) -> list[Change]:
    before, after = asdict(old), asdict(new)
    return [
        Change(name=name, before=before[name], after=after[name], reason=reasons.get(name, ""))
        for name in SETTINGS
        if before[name] != after[name] or name in reasons
    ]

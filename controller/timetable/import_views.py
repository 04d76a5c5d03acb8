"""Reading a timetable on the pages: a file, what is wrong with it, the difference, the change; and bells and terms."""

from __future__ import annotations

import io
from collections.abc import Callable
from http import HTTPStatus
from typing import IO

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from controller.auth.access import for_roles, signed_in, takes_files
from controller.auth.languages import gettext
from controller.calendar.repo import sites_in_use
from controller.devices.history import Deed
from controller.devices.life import deed_of
from controller.people.keepers import KEEPERS
from controller.people.repo import names_of
from controller.roster.drafts import Vanishing, today
from controller.services import Services
from controller.timetable import words
from controller.timetable.asked import read_day, read_day_or_none, read_time
from controller.timetable.bells import (
    NewPeriod,
    NewTerm,
    list_periods,
    list_terms,
    remove_period,
    remove_term,
    set_period,
    set_term,
)
from controller.timetable.drafts import (
    Preview,
    apply_draft,
    discard_draft,
    make_draft,
    preview,
    require_applicable,
    require_start,
    set_meaning,
    waiting_drafts,
)
from controller.timetable.faults import place_of, word_fault
from controller.timetable.finding import read_directory
from controller.timetable.forms import read_meanings, read_weekdays
from controller.timetable.found import Reading
from controller.timetable.importing import MOST_BYTES, Sent, read_file
from controller.timetable.models import Room
from controller.timetable.refusals import Fault, TimetableRefusedError

Page = str | Response | tuple[str, HTTPStatus]
MOST_SHOWN = 200
_MARGIN_BYTES = 64 * 1024
_MIB = 1024 * 1024


class ImportPages:
    """What a keeper of rosters sends, sees and decides."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/timetable/import", view_func=self.ask)
        room.add_url_rule("/timetable/import", view_func=self.take_file, methods=["POST"])
        room.add_url_rule("/timetable/bells", view_func=self.bells)
        room.add_url_rule("/timetable/bells", view_func=self.set_bell, methods=["POST"])
        room.add_url_rule("/timetable/terms", view_func=self.set_term, methods=["POST"])
        room.add_url_rule("/timetable/bells/remove", view_func=self.remove_bell, methods=["POST"])
        room.add_url_rule("/timetable/terms/remove", view_func=self.remove_term, methods=["POST"])
        room.add_url_rule("/timetable/drafts/<plan>", view_func=self.difference)
        room.add_url_rule("/timetable/drafts/<plan>/meaning", view_func=self.say_meaning, methods=["POST"])
        room.add_url_rule("/timetable/drafts/<plan>/apply", view_func=self.apply, methods=["POST"])
        room.add_url_rule("/timetable/drafts/<plan>/discard", view_func=self.discard, methods=["POST"])

    @for_roles(*KEEPERS)
    def ask(self) -> Page:
        """Ask for a file."""
        return self._form()

    @for_roles(*KEEPERS)
    @takes_files(MOST_BYTES + _MARGIN_BYTES)
    def take_file(self) -> Page:
        """Read a file; what is wrong is said, else its draft is shown."""
        try:
            first = read_day_or_none(request.form.get("starts_on", ""), "starts_on") or today(self._services)
            require_start(self._services, first)
            sent = request.files.get("file")
            stream: IO[bytes] = sent.stream if sent else io.BytesIO()
            with stream:
                name = ((sent.filename or "")[:80] if sent else "") or "file"
                site, room = request.form.get("site", ""), request.form.get("room", "")
                sent_file = Sent(name=name, starts_on=first, site=site, room=room)
                reading = read_file(self._services, stream, sent_file)
            if reading.found is None:
                return self._form(reading=reading)
            draft = make_draft(self._services, reading, first, self._deed())
        except TimetableRefusedError as refusal:
            return self._form(fault=word_fault(refusal))
        return redirect(url_for("timetable.difference", plan=draft))

    def _form(self, *, reading: Reading | None = None, fault: str = "", status: HTTPStatus | None = None) -> Page:
        with self._services.database.reading() as session:
            sites = sorted(sites_in_use(session) - {""})
            drafts = waiting_drafts(session, self._services)
            rooms = [(row.id, place_of(row)) for row in session.scalars(select(Room).order_by(Room.site, Room.name))]
        flaws = reading.flaws if reading else ()
        page = render_template(
            "timetable/import.html",
            sites=sites,
            rooms=rooms,
            drafts=drafts,
            today=today(self._services),
            flaws=[(flaw, flaw.words(gettext)) for flaw in flaws],
            more=(reading.flaws_in_all - len(flaws)) if reading else 0,
            fault=fault,
            typed=request.form,
            most_mib=MOST_BYTES // _MIB,
        )
        return page, status or (HTTPStatus.UNPROCESSABLE_ENTITY if flaws or fault else HTTPStatus.OK)

    @for_roles(*KEEPERS)
    def difference(self, plan: str) -> Page:
        """Show what applying a draft would change."""
        return self._show(plan)

    def _show(self, draft: str, fault: str = "", status: HTTPStatus = HTTPStatus.OK) -> Page:
        try:
            shown = preview(self._services, draft)
        except TimetableRefusedError as refusal:
            return self._form(fault=word_fault(refusal), status=HTTPStatus.GONE)
        with self._services.database.reading() as session:
            known = read_directory(session, today(self._services))
            people = {name for each in shown.plan.ended for name in each.teachers}
            names = names_of(session, people) | {each.id: each.name for each in known.teachers}
        page = render_template(
            "timetable/draft.html",
            words=words,
            shown=shown,
            number_of={summary: number for number, summary in enumerate(shown.summaries)},
            plan=shown.plan,
            sums={name: number for name, number in shown.plan.sums().items() if number},
            titles={each.id: each.title for each in known.classes},
            names=names,
            known=known,
            most=MOST_SHOWN,
            stopped=_why_not(shown),
            fault=fault,
        )
        return page, status

    @for_roles(*KEEPERS)
    def say_meaning(self, plan: str) -> Page:
        """Say what a calendar's summaries stand for."""
        try:
            set_meaning(self._services, plan, read_meanings(request.form))
        except TimetableRefusedError as refusal:
            return self._form(fault=word_fault(refusal), status=HTTPStatus.GONE)
        return redirect(url_for("timetable.difference", plan=plan))

    @for_roles(*KEEPERS)
    def apply(self, plan: str) -> Page:
        """Apply what was shown."""
        vanishing = Vanishing.MEANT if request.form.get("vanishing") == Vanishing.MEANT else Vanishing.USUAL
        basis = request.form.get("basis", "")
        try:
            seen = int(basis) if basis.isdecimal() and len(basis) < 16 else -1
            apply_draft(self._services, plan, basis=seen, vanishing=vanishing, deed=self._deed())
        except TimetableRefusedError as refusal:
            if refusal.wrong.fault is Fault.DRAFT_UNKNOWN:
                return self._form(fault=word_fault(refusal), status=HTTPStatus.GONE)
            return self._show(plan, word_fault(refusal), HTTPStatus.UNPROCESSABLE_ENTITY)
        flash(gettext("Done. The timetable holds from its first day on; the units of the rooms hear it at once."))
        return redirect(url_for("timetable.rooms"))

    @for_roles(*KEEPERS)
    def discard(self, plan: str) -> Page:
        """Throw a draft away."""
        try:
            discard_draft(self._services, plan, self._deed())
        except TimetableRefusedError as refusal:
            return self._form(fault=word_fault(refusal), status=HTTPStatus.GONE)
        flash(gettext("Discarded: nothing was changed."))
        return redirect(url_for("timetable.rooms"))

    @for_roles(*KEEPERS)
    def bells(self) -> Page:
        """Show bells and terms."""
        return self._bells()

    @for_roles(*KEEPERS)
    def set_bell(self) -> Page:
        """Say when a bell is."""
        return self._set("bell", self._read_bell)

    def _read_bell(self) -> None:
        form = request.form
        new = NewPeriod(
            name=form.get("name", "").strip(),
            site=form.get("site", ""),
            begins=read_time(form.get("begins", ""), "begins"),
            ends=read_time(form.get("ends", ""), "ends"),
            weekdays=read_weekdays(form.getlist("weekday")),
        )
        set_period(self._services, new, self._deed())

    @for_roles(*KEEPERS)
    def set_term(self) -> Page:
        """Say when a term is."""
        return self._set("term", self._read_term)

    def _read_term(self) -> None:
        form = request.form
        first, last = (read_day(form.get(name, ""), name) for name in ("begins_on", "ends_on"))
        new = NewTerm(name=form.get("name", "").strip(), site=form.get("site", ""), begins_on=first, ends_on=last)
        set_term(self._services, new, self._deed())

    @for_roles(*KEEPERS)
    def remove_bell(self) -> Page:
        """Forget a bell."""
        return self._set("bells", lambda: remove_period(self._services, request.form.get("entry", ""), self._deed()))

    @for_roles(*KEEPERS)
    def remove_term(self) -> Page:
        """Forget a term."""
        return self._set("bells", lambda: remove_term(self._services, request.form.get("entry", ""), self._deed()))

    def _set(self, form: str, step: Callable[[], None]) -> Page:
        try:
            step()
        except TimetableRefusedError as refusal:
            return self._bells(form, word_fault(refusal))
        flash(gettext("Saved."))
        return redirect(url_for("timetable.bells"))

    def _bells(self, form: str = "", fault: str = "") -> Page:
        with self._services.database.reading() as session:
            shown = {"periods": list_periods(session), "terms": list_terms(session)}
            sites = sorted(sites_in_use(session) - {""})
        asked = {"form": form, "fault": fault, "typed": request.form}
        page = render_template("timetable/bells.html", words=words, sites=sites, **shown, **asked)
        return page, HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK

    def _deed(self) -> Deed:
        return deed_of(self._services, signed_in().id)


def _why_not(shown: Preview) -> str:
    """Say why a draft cannot be applied at all, or nothing."""
    try:
        require_applicable(shown.plan, Vanishing.MEANT)
    except TimetableRefusedError as refusal:
        return word_fault(refusal)
    return ""

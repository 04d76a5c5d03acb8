"""Free days out of a file, for admins: what the file says, what would change, and only then the change.

What was shown is carried in the form as a table and read anew, so that nobody has to trust the browser.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from http import HTTPStatus

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from controller.accounts.models import Role
from controller.auth.access import for_roles, signed_in, takes_files
from controller.auth.languages import gettext
from controller.calendar import importing
from controller.calendar.entries import SKIPS, Found
from controller.calendar.importing import COLUMNS, MOST_BYTES, Missing
from controller.calendar.refusals import CalendarRefusedError
from controller.calendar.repo import SCHOOL, read_calendar
from controller.devices.life import deed_of
from controller.services import Services

Page = str | Response | tuple[str, HTTPStatus]
LONGEST_FORM_BYTES = MOST_BYTES + 64 * 1024


class ImportPages:
    """What an admin sees of a file, and takes."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/night-hours/import", view_func=self.ask)
        room.add_url_rule("/night-hours/import", view_func=self.preview, methods=["POST"])
        room.add_url_rule("/night-hours/import/take", view_func=self.take, methods=["POST"])

    @for_roles(Role.ADMIN)
    def ask(self) -> str:
        """Ask for a file."""
        return self._show(request.args.get("site", SCHOOL), None)

    @for_roles(Role.ADMIN)
    @takes_files(LONGEST_FORM_BYTES)
    def preview(self) -> Page:
        """Show what a file says and what taking it would change; nothing is changed."""
        site = request.form.get("site", SCHOOL)
        try:
            found = self._read(_sent())
            if not found.wrong:
                importing.require_right(found)
        except CalendarRefusedError as refusal:
            return self._refuse(site, refusal)
        status = HTTPStatus.UNPROCESSABLE_ENTITY if found.wrong else HTTPStatus.OK
        return self._show(site, found), status

    @for_roles(Role.ADMIN)
    @takes_files(LONGEST_FORM_BYTES)
    def take(self) -> Page:
        """Take what was shown."""
        site, deed = request.form.get("site", SCHOOL), deed_of(self._services, signed_in().id)
        missing = Missing.REMOVE if request.form.get("missing") == Missing.REMOVE else Missing.KEEP
        try:
            found = self._read(request.form.get("table", "").encode())
            importing.take(self._services, site, found, missing=missing, deed=deed)
        except CalendarRefusedError as refusal:
            return self._refuse(site, refusal)
        flash(gettext("Done. It holds within a minute; units whose hours change are sent a new schedule."))
        return redirect(url_for("calendar.hours", site=site or None, _anchor="free-days"))

    def _read(self, data: bytes) -> Found:
        zone = self._services.config.controller.time_zone
        return importing.read_file(data, today=self._today(), zone=zone)

    def _today(self) -> date:
        return self._services.clock().astimezone(self._services.config.controller.time_zone).date()

    def _refuse(self, site: str, refusal: CalendarRefusedError) -> Page:
        return self._show(site, None, fault=word_fault(refusal)), HTTPStatus.UNPROCESSABLE_ENTITY

    def _show(self, site: str, found: Found | None, *, fault: str = "") -> str:
        now = self._services.clock()
        with self._services.database.reading() as session:
            if site not in read_calendar(session, self._services.config, now).sites:
                abort(404)
            difference = importing.preview(session, site, found, self._today()) if found else None
        return render_template(
            "calendar/import.html",
            site=site,
            found=found,
            difference=difference,
            table=_spell(found) if found else "",
            wrong=[(each.number, each.label, each.wrong.words(gettext)) for each in found.wrong] if found else [],
            skips=SKIPS,
            fault=fault,
        )


def _sent() -> bytes:
    """Give what was sent, one byte more than is allowed at the most, and let go of the file that held it."""
    file = request.files.get("file")
    if file is None:
        return b""
    with file.stream:
        return bytes(file.stream.read(MOST_BYTES + 1))


def word_fault(refusal: CalendarRefusedError) -> str:
    """Say in the reader's language which field is wrong, why, and what to do."""
    told = refusal.wrong.words(gettext)
    field = refusal.wrong.name(gettext)
    return gettext("%(field)s: %(detail)s. What to do: %(remedy)s.", field=field, **told._asdict())


def _spell(found: Found) -> str:
    """Write days as the table that an import reads."""
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *((day.first_day, day.last_day, day.label) for day in found.days)])
    return out.getvalue()

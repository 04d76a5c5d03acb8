"""Free days out of a file: a calendar (.ics) or a table (.csv), read whole or refused with every wrong entry named.

What a file says is compared with what is entered, shown, and only then taken. Files come from strangers: size, entries
and repetitions are bounded (the repetitions in ics.py).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, tzinfo
from enum import StrEnum

from sqlalchemy import delete
from sqlalchemy.orm import Session

from controller.calendar import ics
from controller.calendar.changes import Changed, changing, note_change, put_free_days, tell_days
from controller.calendar.entries import Difference, Found, Skip, Skipped, WrongEntry, compare
from controller.calendar.models import FreeDays
from controller.calendar.policy import FreeDay
from controller.calendar.reading import read_free_day
from controller.calendar.refusals import CalendarRefusedError, Fault, Wrong
from controller.calendar.repo import free_days_of
from controller.devices.history import Deed
from controller.services import Services

MOST_BYTES = 1024 * 1024
MOST_ENTRIES = 2_000
COLUMNS = ("first_day", "last_day", "label")


class Missing(StrEnum):
    """What becomes of days that are entered and not in the file."""

    KEEP = "keep"
    REMOVE = "remove"


def read_file(data: bytes, *, today: date, zone: tzinfo) -> Found:
    """Read a calendar or a table; raise `CalendarRefusedError` when the file as a whole cannot be read."""
    if len(data) > MOST_BYTES:
        raise CalendarRefusedError(Fault.FILE_TOO_LARGE, "file", most=MOST_BYTES // 1024)
    bare = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare[:15].upper() == b"BEGIN:VCALENDAR":
        if bare.upper().count(b"BEGIN:VEVENT") > MOST_ENTRIES:
            raise CalendarRefusedError(Fault.TOO_MANY_ROWS, "file", most=MOST_ENTRIES)
        return Found.of(ics.read_events(bare, today=today, zone=zone))
    return Found.of(_read_table(bare, today))


def _read_table(data: bytes, today: date) -> Iterator[FreeDay | Skipped | WrongEntry]:
    rows = [row for row in _cells(data) if any(cell.strip() for cell in row)]
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != COLUMNS:
        raise CalendarRefusedError(Fault.HEADER_MISSING, "file", got=",".join(rows[0])[:60] if rows else "")
    if len(rows) > MOST_ENTRIES:
        raise CalendarRefusedError(Fault.TOO_MANY_ROWS, "file", most=MOST_ENTRIES)
    for number, row in enumerate(rows[1:], start=2):
        yield _read_row(number, row, today)


def _cells(data: bytes) -> Iterator[list[str]]:
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise CalendarRefusedError(Fault.FILE_NOT_UTF8, "file") from None
    reader = csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ",", strict=True)
    try:
        yield from reader
    except csv.Error:
        raise CalendarRefusedError(Fault.QUOTES_BROKEN, "file", line=reader.line_num) from None


def _read_row(number: int, row: list[str], today: date) -> FreeDay | Skipped | WrongEntry:
    label = row[-1].strip()[:60]
    if len(row) != len(COLUMNS):
        facts = (("expected", len(COLUMNS)), ("got", len(row)))
        return WrongEntry(number, label, Wrong(Fault.COLUMNS, "file", facts))
    try:
        return read_free_day(*row, today=today)
    except CalendarRefusedError as error:
        if error.wrong.fault is Fault.OVER:
            return Skipped(label or row[0], Skip.OVER)
        return WrongEntry(number, label, error.wrong)


def require_right(found: Found) -> None:
    """Refuse a file with wrong entries, or with nothing that is still to come."""
    if found.wrong:
        raise CalendarRefusedError(Fault.ROWS_WRONG, "file", number=len(found.wrong))
    if not found.days:
        raise CalendarRefusedError(Fault.FILE_EMPTY, "file")


def preview(session: Session, site: str, found: Found, today: date) -> Difference:
    """Say what taking the days would change, of what is still to come."""
    return compare(found.days, (_value(row) for row in free_days_of(session, site, today)))


def _value(row: FreeDays) -> FreeDay:
    return FreeDay(row.first_day, row.last_day, row.label)


def take(services: Services, site: str, found: Found, *, missing: Missing, deed: Deed) -> Difference:
    """Enter what is new, and with `Missing.REMOVE` take away what is not in the file; tell what was changed."""
    require_right(found)
    today = deed.at.astimezone(services.config.controller.time_zone).date()
    with changing(services, site) as session:
        difference = preview(session, site, found, today)
        gone = difference.missing if missing is Missing.REMOVE else ()
        if not difference.new and not gone:
            raise CalendarRefusedError(Fault.NOTHING_CHANGES, "file")
        ids = [row.id for row in free_days_of(session, site, today) if _value(row) in gone]
        session.execute(delete(FreeDays).where(FreeDays.id.in_(ids)))
        put_free_days(services, session, site, difference.new)  # last: it tells the units of both
        for what, days in ((Changed.FREE_DAYS_ADDED, difference.new), (Changed.FREE_DAYS_REMOVED, gone)):
            if days:
                note_change(session, site, what, deed, tell_days(days))
    return Difference(difference.new, difference.same, gone)

"""Reads a timetable as a plain table: a row a lesson, with a room, a weekday or a date, times or a bell, who is there.

Everything that is wrong is told with its row and column. docs/runbooks/timetable.md shows the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import IO, NamedTuple

from controller.people.policy import tidy
from controller.roster.cells import Cells
from controller.roster.exports import unescape
from controller.roster.flaws import Flawed, Flaws, UnreadableError, flaw
from controller.roster.tables import Form, Row, read_rows
from controller.timetable.asked import read_time
from controller.timetable.checking import FARTHEST
from controller.timetable.finding import Directory, KnownClass, KnownTeacher
from controller.timetable.found import FoundLesson, FoundTimetable, Passed, Place, Reading
from controller.timetable.models import ROOM_CHARS, SITE_CHARS, RuleSource
from controller.timetable.refusals import TimetableRefusedError

MOST_ROWS = 50_000
FORM = Form(
    needed=("room",),
    others=(
        *("site", "weekday", "date", "period", "begins", "ends"),
        *("classes", "teachers", "term", "from", "until"),
    ),
    alike={
        **dict.fromkeys(("aula", "sala"), "room"),
        **dict.fromkeys(("sede", "school"), "site"),
        **dict.fromkeys(("day", "día", "dia"), "weekday"),
        "fecha": "date",
        **dict.fromkeys(("periodo", "período", "bell", "hora"), "period"),
        **dict.fromkeys(("start", "starts", "empieza", "inicio"), "begins"),
        **dict.fromkeys(("end", "termina", "fin"), "ends"),
        **dict.fromkeys(("class", "clase", "clases", "grupo", "grupos"), "classes"),
        **dict.fromkeys(("teacher", "docente", "docentes", "profesor", "profesores"), "teachers"),
        "trimestre": "term",
        "desde": "from",
        "hasta": "until",
    },
    delimiters=",;\t",
    most_rows=MOST_ROWS,
)
_NAMES = (
    ("1", "monday", "mon", "lunes", "lun", "l"),
    ("2", "tuesday", "tue", "martes", "mar", "m"),
    ("3", "wednesday", "wed", "miércoles", "miercoles", "mié", "mie", "x"),
    ("4", "thursday", "thu", "jueves", "jue", "j"),
    ("5", "friday", "fri", "viernes", "vie", "v"),
    ("6", "saturday", "sat", "sábado", "sabado", "sáb", "sab", "s"),
    ("7", "sunday", "sun", "domingo", "dom", "d"),
)
WEEKDAYS = {name: number for number, names in enumerate(_NAMES) for name in names}
_APART = re.compile(r"[;|\n]")


class Period(NamedTuple):
    """A bell's times on one weekday."""

    begins: time
    ends: time


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a table is read by: who is known, bells by site, weekday and name, terms by site and name, the first day."""

    directory: Directory
    periods: Mapping[tuple[str, int, str], Period]
    terms: Mapping[tuple[str, str], tuple[date, date]]
    starts_on: date
    site: str = ""


@dataclass
class _Table:
    cells: Cells
    frame: Frame
    lessons: dict[FoundLesson, int] = field(default_factory=dict)
    places: dict[Place, None] = field(default_factory=dict)
    over: int = 0


def read_table(data: IO[bytes], name: str, frame: Frame) -> Reading:
    """Read a table with the columns of `FORM`. Never raises for what is in it: all that is wrong is in the reading."""
    flaws = Flaws()
    table = _Table(Cells(name, flaws), frame)
    try:
        for row in read_rows(data, name, FORM, flaws):
            _read_row(table, Row(row.number, tuple(map(unescape, row.cells))))
    except UnreadableError as error:
        flaws.add(error.flaw)
    if not flaws.count and not table.places:
        flaws.add(flaw(Flawed.FILE_EMPTY, name))
    if flaws.count:
        return Reading(found=None, flaws=tuple(flaws.told), flaws_in_all=flaws.count)
    found = FoundTimetable(
        source=RuleSource.TABLE,
        places=tuple(table.places),
        lessons=tuple(table.lessons),
        passed_over={Passed.OVER.value: table.over} if table.over else {},
    )
    return Reading(found=found)


def _read_row(table: _Table, row: Row) -> None:
    room, site, weekday, day, period, begins, ends, classes, teachers, term, first, last = row.cells
    place = _place(table, tidy(room), tidy(site) or table.frame.site, row.number)
    days = _days(table, row.number, (weekday, day), (term, first, last), place)
    hours = _hours(table, row.number, (period, begins, ends), place, _weekday_of(weekday, day))
    known = table.frame.directory
    there = place.site if place else ""
    who = _meant(table, row.number, "classes", classes, lambda text: known.find_classes(text, there))
    lead = _meant(table, row.number, "teachers", teachers, known.find_teachers)
    if place is None or days is None or hours is None or who is None or lead is None:
        return
    table.places.setdefault(place)
    if days.ends_on is not None and days.ends_on < table.frame.starts_on:
        table.over += 1
        return
    begins_on = max(days.begins_on, table.frame.starts_on)
    if begins_on > table.frame.starts_on + FARTHEST:
        facts = {"first": begins_on.isoformat(), "last": days.ends_on.isoformat() if days.ends_on else "–"}
        table.cells.wrong(Flawed.DAYS_FAR, row.number, "date" if day else "from", **facts)
        return
    lesson = FoundLesson(place, days.weekday, *hours, begins_on, days.ends_on, who, lead)
    before = table.lessons.setdefault(lesson, row.number)
    if before != row.number:
        table.cells.wrong(Flawed.DUPLICATE, row.number, "room", got=place.name, first=before)


class _Days(NamedTuple):
    weekday: int
    begins_on: date
    ends_on: date | None


def _place(table: _Table, room: str, site: str, row: int) -> Place | None:
    for text, column, most in ((room, "room", ROOM_CHARS), (site, "site", SITE_CHARS)):
        if len(text) > most:
            table.cells.wrong(Flawed.TOO_LONG, row, column, most=most, got=len(text))
            return None
        if not text.isprintable():
            table.cells.wrong(Flawed.NOT_PRINTABLE, row, column, got=text)
            return None
    if not room:
        table.cells.wrong(Flawed.BLANK, row, "room")
        return None
    return Place(site, room)


def _days(
    table: _Table, row: int, on: tuple[str, str], lasts: tuple[str, str, str], place: Place | None
) -> _Days | None:
    """Read a weekday with a term or a first and last day, or a date."""
    weekday, day = on
    if bool(weekday) == bool(day):
        table.cells.wrong(Flawed.ONE_OF_TWO, row, "weekday", expected="weekday, date")
        return None
    if day:
        single = table.cells.day(day, row, "date")
        return _Days(single.weekday(), single, single) if single else None
    number = table.cells.choice(weekday, WEEKDAYS, row, "weekday")
    before = table.cells.flaws.count
    first, last = _lasting(table, row, lasts, place)
    if number is None or table.cells.flaws.count > before:
        return None
    return _Days(number, first or table.frame.starts_on, last)


def _weekday_of(weekday: str, day: str) -> int | None:
    """Give the weekday of a row as far as it can be told; `_days` says what is wrong with it."""
    if weekday:
        return WEEKDAYS.get(weekday.casefold())
    try:
        return date.fromisoformat(day).weekday()
    except ValueError:
        return None


def _lasting(
    table: _Table, row: int, lasts: tuple[str, str, str], place: Place | None
) -> tuple[date | None, date | None]:
    term, first_text, last_text = lasts
    first, last = table.cells.days((first_text, last_text), row, ("from", "until"))
    if term and place:
        found = _of_site(table.frame.terms, place.site, tidy(term).casefold())
        if found is None:
            table.cells.wrong(Flawed.TERM_NOT_KNOWN, row, "term", got=term)
            return None, None
        first, last = max(first or found[0], found[0]), min(last or found[1], found[1])
        if last < first:
            table.cells.wrong(Flawed.DATES_REVERSED, row, "until", first=first.isoformat(), last=last.isoformat())
    return first, last


def _of_site(terms: Mapping[tuple[str, str], tuple[date, date]], site: str, name: str) -> tuple[date, date] | None:
    return terms.get((site, name)) or terms.get(("", name))


def _hours(
    table: _Table, row: int, said: tuple[str, str, str], place: Place | None, weekday: int | None
) -> Period | None:
    """Read a bell's name or two times."""
    period, *times = said
    if bool(period) == any(times):
        table.cells.wrong(Flawed.ONE_OF_TWO, row, "begins", expected="period, begins + ends")
        return None
    if not period:
        return _times(table, row, (said[1], said[2]))
    if place is None or weekday is None:
        return None
    name = tidy(period).casefold()
    known = table.frame.periods
    found = known.get((place.site, weekday, name)) or known.get(("", weekday, name))
    if found is None:
        table.cells.wrong(Flawed.PERIOD_NOT_KNOWN, row, "period", got=period)
    return found


def _times(table: _Table, row: int, times: tuple[str, str]) -> Period | None:
    begins, ends = (_time(table, row, text, column) for text, column in zip(times, ("begins", "ends"), strict=True))
    if begins is None or ends is None:
        return None
    if ends <= begins:
        table.cells.wrong(Flawed.TIMES_REVERSED, row, "ends", begins=f"{begins:%H:%M}", got=f"{ends:%H:%M}")
        return None
    return Period(begins, ends)


def _time(table: _Table, row: int, text: str, column: str) -> time | None:
    try:
        return read_time(text, column)
    except TimetableRefusedError:
        table.cells.wrong(Flawed.TIME_MALFORMED, row, column, got=text)
        return None


def _meant(
    table: _Table, row: int, column: str, cell: str, find: Callable[[str], Sequence[KnownClass | KnownTeacher]]
) -> tuple[str, ...] | None:
    """Read a cell that names some; the whole of it first, since a title can have any sign in it."""
    texts = [cell] if not cell or find(cell) else [text.strip() for text in _APART.split(cell) if text.strip()]
    unknown = Flawed.CLASS_NOT_KNOWN if column == "classes" else Flawed.TEACHER_NOT_KNOWN
    ids, before = [], table.cells.flaws.count
    for text in filter(None, texts):
        found = find(text)
        if not found:
            table.cells.wrong(unknown, row, column, got=text)
        elif len(found) > 1:
            table.cells.wrong(Flawed.MEANT_BY_MORE, row, column, number=len(found), got=text)
        else:
            ids.append(found[0].id)
    if table.cells.flaws.count > before:
        return None
    return tuple(dict.fromkeys(ids))

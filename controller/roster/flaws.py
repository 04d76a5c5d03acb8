"""What can be wrong inside a file: a code, file, row and column, and facts; the words stand in one table. Pure.

Rows count as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from controller.devices.refusals import Say, Words, in_english
from controller.recordings.titles import mark

MOST_TOLD = 200
LONGEST_TOLD = 60
Fact = str | int


class Flawed(StrEnum):
    """What is wrong."""

    ZIP_UNREADABLE = "zip_unreadable"
    ZIP_PATH = "zip_path"
    ZIP_TOO_MANY = "zip_too_many"
    ZIP_TOO_LARGE = "zip_too_large"
    ZIP_LOCKED = "zip_locked"
    ZIP_TWICE = "zip_twice"
    FILE_TOO_LARGE = "file_too_large"
    FILE_MISSING = "file_missing"
    FILE_EMPTY = "file_empty"
    VERSION = "version"
    DELTA = "delta"
    ENCODING = "encoding"
    NOT_TEXT = "not_text"
    LINE_TOO_LONG = "line_too_long"
    TABLE_MALFORMED = "table_malformed"
    TOO_MANY_ROWS = "too_many_rows"
    COLUMN_MISSING = "column_missing"
    COLUMN_TWICE = "column_twice"
    CELLS = "cells"
    BLANK = "blank"
    TOO_LONG = "too_long"
    NOT_PRINTABLE = "not_printable"
    NAME_MALFORMED = "name_malformed"
    DATE_MALFORMED = "date_malformed"
    DATES_REVERSED = "dates_reversed"
    CHOICE = "choice"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"
    SAME_NAME = "same_name"
    CONTRADICTION = "contradiction"
    TIME_MALFORMED = "time_malformed"
    TIMES_REVERSED = "times_reversed"
    CLASS_NOT_KNOWN = "class_not_known"
    TEACHER_NOT_KNOWN = "teacher_not_known"
    PERIOD_NOT_KNOWN = "period_not_known"
    TERM_NOT_KNOWN = "term_not_known"
    MEANT_BY_MORE = "meant_by_more"
    ONE_OF_TWO = "one_of_two"
    CODE = "code"
    TWO_PEOPLE = "two_people"
    NOBODY = "nobody"
    DAYS_FAR = "days_far"
    CALENDAR_UNREADABLE = "calendar_unreadable"
    TOO_MANY_EVENTS = "too_many_events"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_DAYS = "too_many_days"
    REPEATS_TOO_OFTEN = "repeats_too_often"
    REPEAT_MALFORMED = "repeat_malformed"
    MOMENT_MALFORMED = "moment_malformed"
    ZONE_UNKNOWN = "zone_unknown"


_EXPORT = mark("export the roster anew")
WORDS: dict[Flawed, Words] = {
    Flawed.ZIP_UNREADABLE: Words(mark("it is damaged, or no zip: %(why)s"), _EXPORT),
    Flawed.ZIP_PATH: Words(
        mark("the zip names a file outside itself: “%(got)s”"), mark("do not use it; ask where it comes from")
    ),
    Flawed.ZIP_TOO_MANY: Words(
        mark("expected at most %(most)d files in the zip, got %(got)d"), mark("put nothing else into it")
    ),
    Flawed.ZIP_TOO_LARGE: Words(
        mark("unpacked it would be %(got)d MiB, %(times)d times its packed size; expected at most %(most)d MiB"),
        mark("do not use it; ask where it comes from"),
    ),
    Flawed.ZIP_LOCKED: Words(
        mark("it is locked with a password, or packed in a way that OneRoster does not allow"),
        mark("export it without a password"),
    ),
    Flawed.ZIP_TWICE: Words(mark("the zip has this file twice"), _EXPORT),
    Flawed.FILE_TOO_LARGE: Words(mark("expected a file of at most %(most)d MiB, got more"), _EXPORT),
    Flawed.FILE_MISSING: Words(
        mark("expected this file in the zip"), mark("export manifest, orgs, users, classes and enrollments")
    ),
    Flawed.FILE_EMPTY: Words(mark("expected a header and at least one row, got none"), _EXPORT),
    Flawed.VERSION: Words(mark("expected OneRoster 1.1 or 1.2, got “%(got)s”"), mark("export one of these")),
    Flawed.DELTA: Words(
        mark("expected the whole (bulk), got “%(got)s”: what is not in it could not be told from what is gone"),
        mark("export in bulk mode"),
    ),
    Flawed.ENCODING: Words(
        mark("expected text in UTF-8 or UTF-16, got the byte %(got)s"),
        mark("save it as “CSV UTF-8”; Excel lists that beside plain CSV"),
    ),
    Flawed.NOT_TEXT: Words(mark("expected text, got a zero byte"), mark("save it as “CSV UTF-8”")),
    Flawed.LINE_TOO_LONG: Words(mark("expected at most %(most)d characters in one line, got more"), _EXPORT),
    Flawed.TABLE_MALFORMED: Words(mark("this row cannot be taken apart: %(why)s"), mark("look at its quotes")),
    Flawed.TOO_MANY_ROWS: Words(mark("expected at most %(most)d rows, got more"), mark("import the sites one by one")),
    Flawed.COLUMN_MISSING: Words(mark("this column is missing"), mark("look whether the first row has the header")),
    Flawed.COLUMN_TWICE: Words(mark("this column is there twice"), mark("keep one of them")),
    Flawed.CELLS: Words(mark("expected %(expected)d cells, got %(got)d"), mark("put what has a comma in it in quotes")),
    Flawed.BLANK: Words(mark("expected something, got nothing"), mark("fill it in")),
    Flawed.TOO_LONG: Words(mark("expected at most %(most)d characters, got %(got)d"), mark("shorten it")),
    Flawed.NOT_PRINTABLE: Words(
        mark("expected one line of text that can be shown, got “%(got)s”"), mark("type it anew")
    ),
    Flawed.NAME_MALFORMED: Words(
        mark("expected a name of at most %(most)d characters that is no formula, got “%(got)s”"),
        mark("type it anew"),
    ),
    Flawed.DATE_MALFORMED: Words(
        mark("expected a day like 2026-12-24, got “%(got)s”"), mark("write year, month and day")
    ),
    Flawed.DATES_REVERSED: Words(
        mark("the last day %(last)s is before the first, %(first)s"), mark("look at both days")
    ),
    Flawed.CHOICE: Words(mark("expected one of %(expected)s, got “%(got)s”"), mark("write one of them")),
    Flawed.DUPLICATE: Words(mark("“%(got)s” stands in row %(first)d already"), mark("keep one of the two rows")),
    Flawed.UNKNOWN: Words(
        mark("expected what stands in %(where)s, got “%(got)s”"), mark("export both files at the same time")
    ),
    Flawed.SAME_NAME: Words(
        mark("“%(got)s” stands in row %(first)d, too, and nothing says whether it is the same person"),
        mark("add a column “id”: the same for one person, different for two"),
    ),
    Flawed.CODE: Words(
        mark("“%(got)s” is no code of a form"), mark("compare it with the form, character by character")
    ),
    Flawed.TWO_PEOPLE: Words(
        mark("“%(got)s” is the form of somebody else than this row's id"),
        mark("take the form in hand, and leave one out"),
    ),
    Flawed.NOBODY: Words(
        mark("nobody is known by “%(got)s”"),
        mark("take the column “id” from a class that you exported, or the code from a form of this server"),
    ),
    Flawed.DAYS_FAR: Words(
        mark("these days cannot be meant: %(first)s to %(last)s"), mark("look at the year, and which is first")
    ),
    Flawed.CONTRADICTION: Words(
        mark("row %(first)d says “%(expected)s” of the same person, this one “%(got)s”"), mark("make them agree")
    ),
    Flawed.TIME_MALFORMED: Words(mark("expected a time like 09:45, got “%(got)s”"), mark("write hours and minutes")),
    Flawed.TIMES_REVERSED: Words(mark("expected a time after %(begins)s, got %(got)s"), mark("look at both times")),
    Flawed.CLASS_NOT_KNOWN: Words(mark("no class is known by “%(got)s”"), mark("import its class list first")),
    Flawed.TEACHER_NOT_KNOWN: Words(
        mark("nobody is known by “%(got)s”"), mark("give them an account, or import their class list first")
    ),
    Flawed.PERIOD_NOT_KNOWN: Words(
        mark("no bell of this site and weekday is called “%(got)s”"), mark("enter the bells first, or write times")
    ),
    Flawed.TERM_NOT_KNOWN: Words(
        mark("no term of this site is called “%(got)s”"), mark("enter the terms first, or write both days")
    ),
    Flawed.MEANT_BY_MORE: Words(
        mark("%(number)d could be meant by “%(got)s”"), mark("write the id or the address instead of the name")
    ),
    Flawed.ONE_OF_TWO: Words(mark("expected one of %(expected)s, got both or neither"), mark("fill in one of them")),
    Flawed.CALENDAR_UNREADABLE: Words(
        mark("it is no calendar (ICS): %(why)s"), mark("export the room’s calendar anew")
    ),
    Flawed.TOO_MANY_EVENTS: Words(
        mark("expected at most %(most)d events and repetitions, got more"), mark("export one room and one school year")
    ),
    Flawed.TOO_MANY_LINES: Words(
        mark("expected at most %(most)d lines, got more"), mark("export one room and one school year")
    ),
    Flawed.TOO_MANY_DAYS: Words(
        mark("expected at most %(most)d days named by EXDATE and RDATE, got more"),
        mark("export one room and one school year"),
    ),
    Flawed.REPEATS_TOO_OFTEN: Words(
        mark("expected an event that repeats by days, weeks or months, got “%(got)s”"),
        mark("do not use it; ask where it comes from"),
    ),
    Flawed.REPEAT_MALFORMED: Words(
        mark("how this event repeats cannot be followed: “%(got)s”"), mark("enter it anew in the calendar")
    ),
    Flawed.MOMENT_MALFORMED: Words(
        mark("expected a day and a time, got “%(got)s”"), mark("enter the event anew in the calendar")
    ),
    Flawed.ZONE_UNKNOWN: Words(
        mark("no time zone is called “%(got)s”"), mark("use one of the tz database, like Europe/Madrid")
    ),
}


@dataclass(frozen=True)
class Flaw:
    """One thing that is wrong: where (row 0: the file as a whole; no column: the row as a whole), and facts."""

    flawed: Flawed
    file: str
    row: int = 0
    column: str = ""
    facts: tuple[tuple[str, Fact], ...] = ()

    def words(self, say: Say = in_english) -> Words:
        """Tell what is wrong and what to do, as `say` speaks."""
        detail, remedy = WORDS[self.flawed]
        return Words(say(detail, **dict(self.facts)), say(remedy))

    @property
    def place(self) -> str:
        """Name file, row and column, as far as they are known."""
        row = f":{self.row}" if self.row else ""
        return f"{self.file}{row}" + (f" {self.column}" if self.column else "")

    def __str__(self) -> str:
        """Tell it in English, for the command line."""
        told = self.words()
        return f"{self.place}: {told.detail}; {told.remedy}"


class UnreadableError(Exception):
    """A file, or what is left of it, cannot be read any further; carries the flaw."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(str(flaw))
        self.flaw = flaw


@dataclass
class Flaws:
    """Collects what is wrong: all of it is counted, the first `MOST_TOLD` are kept."""

    told: list[Flaw] = field(default_factory=list)
    count: int = 0

    def add(self, flaw: Flaw) -> None:
        """Take one more."""
        self.count += 1
        if len(self.told) < MOST_TOLD:
            self.told.append(flaw)


def flaw(flawed: Flawed, file: str, row: int = 0, column: str = "", **facts: Fact) -> Flaw:
    """Make a flaw; what was found in the file is cut to what can be shown."""
    return Flaw(flawed, file, row, column, tuple((name, _cut(fact)) for name, fact in facts.items()))


def _cut(fact: Fact) -> Fact:
    if isinstance(fact, int):
        return fact
    shown = "".join(char if char.isprintable() else "�" for char in fact[: LONGEST_TOLD + 1])
    return shown if len(fact) <= LONGEST_TOLD else f"{shown[:LONGEST_TOLD]}…"

"""Why a change of the calendar is refused: a code, the field that is wrong, and facts; the words stand in one table.

Pure: gives texts to be translated. Pages word a refusal in the reader's language, the command line in English.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.devices.refusals import Say, Words, in_english
from controller.errors import OperatorError
from controller.recordings.titles import mark

Fact = str | int


class Fault(StrEnum):
    """What is wrong with what was asked for."""

    SITE_UNKNOWN = "site_unknown"
    HOURS_MALFORMED = "hours_malformed"
    RATE_MALFORMED = "rate_malformed"
    CAP_MALFORMED = "cap_malformed"
    TOO_MANY_CAPS = "too_many_caps"
    DAY_MALFORMED = "day_malformed"
    INSTANT_MALFORMED = "instant_malformed"
    DAYS_REVERSED = "days_reversed"
    TOO_LONG = "too_long"
    TOO_FAR = "too_far"
    OVER = "over"
    LABEL_MALFORMED = "label_malformed"
    HELD_ALREADY = "held_already"
    NOT_HELD = "not_held"
    NOTHING_CHANGES = "nothing_changes"
    TRICKLE_CLOSED = "trickle_closed"
    FILE_TOO_LARGE = "file_too_large"
    FILE_UNREADABLE = "file_unreadable"
    FILE_NOT_UTF8 = "file_not_utf8"
    QUOTES_BROKEN = "quotes_broken"
    FILE_EMPTY = "file_empty"
    TOO_MANY_ROWS = "too_many_rows"
    HEADER_MISSING = "header_missing"
    ROWS_WRONG = "rows_wrong"
    COLUMNS = "columns"
    RULE_TOO_FINE = "rule_too_fine"
    RULE_MALFORMED = "rule_malformed"
    RULES_TOO_MANY = "rules_too_many"
    EXTRA_DATES = "extra_dates"
    DAY_MISSING = "day_missing"


WORDS: dict[Fault, Words] = {
    Fault.SITE_UNKNOWN: Words(
        mark("no unit is of the site “%(got)s”; there are: %(known)s"),
        mark("choose one of them, or give a unit this site first"),
    ),
    Fault.HOURS_MALFORMED: Words(
        mark("expected hours like 22:00-06:00, several with commas between, “always” or “closed”, got “%(got)s”"),
        mark("write hours and minutes with two digits each"),
    ),
    Fault.RATE_MALFORMED: Words(
        mark("expected a rate from 1k to 100G like 20M or 20 Mbit/s, got “%(got)s”"), mark("write the unit, too")
    ),
    Fault.CAP_MALFORMED: Words(
        mark("expected hours and a rate like 22:00-00:00=20M, got “%(got)s”"),
        mark("write hours with two digits each, and the rate with its unit"),
    ),
    Fault.TOO_MANY_CAPS: Words(mark("expected at most %(most)d, got %(got)d"), mark("join some of them")),
    Fault.DAY_MALFORMED: Words(
        mark("expected a day like 2026-12-24, got “%(got)s”"), mark("write year, month and day")
    ),
    Fault.INSTANT_MALFORMED: Words(
        mark("expected a time like 2026-12-24T06:00, by the school’s clock, got “%(got)s”"), mark("write it so")
    ),
    Fault.DAYS_REVERSED: Words(mark("the last day %(last)s is before the first, %(first)s"), mark("exchange them")),
    Fault.TOO_LONG: Words(mark("expected at most %(most)d days together, got %(got)d"), mark("look at the years")),
    Fault.TOO_FAR: Words(mark("expected a time until %(most)s, got %(got)s"), mark("look at the year")),
    Fault.OVER: Words(mark("%(got)s is over"), mark("choose a later one")),
    Fault.LABEL_MALFORMED: Words(
        mark("expected one line of at most %(most)d characters that can be shown"), mark("shorten it or type it anew")
    ),
    Fault.HELD_ALREADY: Words(mark("these very days are entered already"), mark("nothing is to be done")),
    Fault.NOT_HELD: Words(mark("there is nothing entered for %(got)s"), mark("look at the list")),
    Fault.NOTHING_CHANGES: Words(mark("nothing would change"), mark("nothing is to be done")),
    Fault.TRICKLE_CLOSED: Words(mark("expected hours in which something is allowed"), mark("switch it off instead")),
    Fault.FILE_TOO_LARGE: Words(
        mark("expected a file of at most %(most)d KiB, got more"), mark("export the school’s free days alone")
    ),
    Fault.FILE_UNREADABLE: Words(mark("it is no calendar (.ics) that can be read: %(why)s"), mark("export it anew")),
    Fault.FILE_NOT_UTF8: Words(
        mark("it is neither a calendar (.ics) nor a table (.csv) in UTF-8"),
        mark("save the table as “CSV UTF-8”, which spreadsheets offer beside “CSV”"),
    ),
    Fault.QUOTES_BROKEN: Words(
        mark("the quotes of line %(line)d do not fit together"),
        mark("put a whole cell in quotes, and write a quote inside of it twice"),
    ),
    Fault.FILE_EMPTY: Words(
        mark("it has no whole day that is still to come"), mark("look whether it is the right file")
    ),
    Fault.TOO_MANY_ROWS: Words(mark("expected at most %(most)d, got more"), mark("export fewer years")),
    Fault.HEADER_MISSING: Words(
        mark("expected the columns first_day,last_day,label in the first row, got “%(got)s”"),
        mark("write that row above the others"),
    ),
    Fault.ROWS_WRONG: Words(mark("nothing was changed: %(number)d entries are wrong"), mark("mend them and try again")),
    Fault.COLUMNS: Words(mark("expected %(expected)d columns, got %(got)d"), mark("put a label with commas in quotes")),
    Fault.RULE_TOO_FINE: Words(
        mark("it repeats more often than once a day (%(got)s)"), mark("enter the days one by one")
    ),
    Fault.RULE_MALFORMED: Words(
        mark("its rule of repetition cannot be followed: %(got)s"), mark("enter the days one by one")
    ),
    Fault.RULES_TOO_MANY: Words(mark("expected at most %(most)d that repeat"), mark("export them without repetition")),
    Fault.EXTRA_DATES: Words(mark("it names further dates (RDATE)"), mark("enter them as events of their own")),
    Fault.DAY_MISSING: Words(mark("it has no day on which it begins"), mark("give it one")),
}
FIELDS = {
    "site": mark("Site"),
    "monday": mark("Monday"),
    "tuesday": mark("Tuesday"),
    "wednesday": mark("Wednesday"),
    "thursday": mark("Thursday"),
    "friday": mark("Friday"),
    "saturday": mark("Saturday"),
    "sunday": mark("Sunday"),
    "free_day": mark("Free days"),
    "caps": mark("Most at certain hours"),
    "hours": mark("Hours"),
    "rate": mark("Rate"),
    "first_day": mark("First day"),
    "last_day": mark("Last day"),
    "day": mark("Day"),
    "label": mark("Label"),
    "until": mark("Until"),
    "file": mark("File"),
    "unit": mark("Unit"),
    "pause": mark("Pause"),
}


@dataclass(frozen=True)
class Wrong:
    """What is wrong: a code, the field, and the facts that its words tell."""

    fault: Fault
    field: str
    facts: tuple[tuple[str, Fact], ...] = ()

    def words(self, say: Say = in_english) -> Words:
        """Tell what is wrong and what to do, as `say` speaks."""
        detail, remedy = WORDS[self.fault]
        return Words(say(detail, **dict(self.facts)), say(remedy))

    def name(self, say: Say) -> str:
        """Name the field, as `say` speaks."""
        return say(FIELDS[self.field])


class CalendarRefusedError(OperatorError):
    """A change of the calendar that cannot be made."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.wrong = Wrong(fault, field, tuple(facts.items()))
        told = self.wrong.words()
        super().__init__(f"{field}: {told.detail}; {told.remedy}")

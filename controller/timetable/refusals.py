"""Why a change of the timetable is refused: a code, the field that is wrong, and facts; the words stand in one table.

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

    ROOM_UNKNOWN = "room_unknown"
    ROOM_MALFORMED = "room_malformed"
    SITE_UNKNOWN = "site_unknown"
    PERSON_UNKNOWN = "person_unknown"
    NO_TEACHER = "no_teacher"
    CLASS_UNKNOWN = "class_unknown"
    AMBIGUOUS = "ambiguous"
    CLASS_OVER = "class_over"
    BLANK = "blank"
    TWICE = "twice"
    TIME_MALFORMED = "time_malformed"
    TIMES_REVERSED = "times_reversed"
    DAY_MALFORMED = "day_malformed"
    DAYS_REVERSED = "days_reversed"
    DAY_PAST = "day_past"
    DAY_FAR = "day_far"
    DAY_OTHER = "day_other"
    WEEKDAY_MALFORMED = "weekday_malformed"
    ROW_UNKNOWN = "row_unknown"
    OVER_ALREADY = "over_already"
    NOTHING_CHANGES = "nothing_changes"
    GUEST_NOWHERE = "guest_nowhere"
    DRAFT_UNKNOWN = "draft_unknown"
    CHANGED_MEANWHILE = "changed_meanwhile"
    TOO_MUCH_VANISHES = "too_much_vanishes"
    FLAWED = "flawed"
    NAME_MALFORMED = "name_malformed"


_AGAIN = mark("look at the difference again")
_YEAR = mark("look at the year")
WORDS: dict[Fault, Words] = {
    Fault.ROOM_UNKNOWN: Words(
        mark("no room is known by “%(got)s”"), mark("look at the list of rooms, or add it there")
    ),
    Fault.ROOM_MALFORMED: Words(
        mark("expected one line of 1 to %(most)d characters, got “%(got)s”"), mark("give the room a shorter name")
    ),
    Fault.SITE_UNKNOWN: Words(
        mark("no unit and no class is at “%(got)s”"), mark("write the site as the list of units has it")
    ),
    Fault.PERSON_UNKNOWN: Words(
        mark("nobody is known by “%(got)s”"), mark("import the class lists with teachers first")
    ),
    Fault.NO_TEACHER: Words(
        mark("expected an adult, got somebody whom the class lists know as a pupil"), mark("choose a teacher")
    ),
    Fault.CLASS_UNKNOWN: Words(mark("no class is known by “%(got)s”"), mark("import its class list first")),
    Fault.AMBIGUOUS: Words(
        mark("%(number)d could be meant by “%(got)s”"), mark("write the id or the address instead of the name")
    ),
    Fault.CLASS_OVER: Words(
        mark("this class ends on %(until)s, before the first day %(first)s"), mark("choose this year’s class")
    ),
    Fault.BLANK: Words(mark("expected at least one, got none"), mark("choose one")),
    Fault.TWICE: Words(mark("expected each one once, got one twice"), mark("take one of them out")),
    Fault.TIME_MALFORMED: Words(mark("expected a time like 09:45, got “%(got)s”"), mark("write hours and minutes")),
    Fault.TIMES_REVERSED: Words(mark("expected a time after %(begins)s, got %(got)s"), mark("look at both times")),
    Fault.DAY_MALFORMED: Words(
        mark("expected a day like 2026-12-24, got “%(got)s”"), mark("write year, month and day")
    ),
    Fault.DAYS_REVERSED: Words(mark("expected %(first)s or later, got %(got)s"), mark("look at both days")),
    Fault.DAY_PAST: Words(
        mark("expected today (%(today)s) or later, got %(got)s"), mark("what was taught stays as it was; begin today")
    ),
    Fault.DAY_FAR: Words(mark("expected one of the next %(most)d days, got %(got)s"), _YEAR),
    Fault.DAY_OTHER: Words(mark("this lesson is not held on %(got)s"), mark("choose a day on which it is")),
    Fault.WEEKDAY_MALFORMED: Words(
        mark("expected weekdays from 0 (Monday) to 6, got “%(got)s”"), mark("choose at least one weekday")
    ),
    Fault.ROW_UNKNOWN: Words(
        mark("there is no such entry in the timetable: “%(got)s”"), mark("look at the room again")
    ),
    Fault.OVER_ALREADY: Words(mark("this ended on %(until)s already"), mark("nothing is to be done")),
    Fault.NOTHING_CHANGES: Words(mark("this is what stands already"), mark("say what is different")),
    Fault.GUEST_NOWHERE: Words(mark("expected a class or a room, got both or neither"), mark("choose one of the two")),
    Fault.DRAFT_UNKNOWN: Words(mark("there is no such draft, or its time is over"), mark("send the file once more")),
    Fault.CHANGED_MEANWHILE: Words(mark("the timetable was changed since you looked"), _AGAIN),
    Fault.TOO_MUCH_VANISHES: Words(
        mark("%(gone)d of %(before)d lessons would vanish, and nothing takes their place"),
        mark("look whether the file is whole; if it is meant, say so"),
    ),
    Fault.FLAWED: Words(
        mark("nothing was changed: %(number)d things are wrong in it"), mark("mend them, send it anew")
    ),
    Fault.NAME_MALFORMED: Words(
        mark("expected one line of 1 to %(most)d characters, got “%(got)s”"), mark("write a shorter name")
    ),
}
FIELDS = {
    "room": mark("Room"),
    "site": mark("Site"),
    "teacher": mark("Teacher"),
    "teachers": mark("Teachers"),
    "person": mark("Person"),
    "class": mark("Class"),
    "classes": mark("Classes"),
    "begins": mark("Begins"),
    "ends": mark("Ends"),
    "begins_on": mark("First day"),
    "ends_on": mark("Last day"),
    "day": mark("Day"),
    "weekdays": mark("Weekdays"),
    "entry": mark("Entry"),
    "change": mark("Change"),
    "draft": mark("Draft"),
    "file": mark("File"),
    "vanishing": mark("What vanishes"),
    "starts_on": mark("First day"),
    "name": mark("Name"),
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


class TimetableRefusedError(OperatorError):
    """A change of the timetable that cannot be made; nothing of it was."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.wrong = Wrong(fault, field, tuple(facts.items()))
        told = self.wrong.words()
        super().__init__(f"{field}: {told.detail}; {told.remedy}")

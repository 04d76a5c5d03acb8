"""Why a change of the roster is refused: a code, the field that is wrong, and facts; the words stand in one table.

Pure: gives texts to be translated. Pages word a refusal in the reader's language, the command line in English.
What is wrong inside a file is said by flaws.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from controller.devices.refusals import Say, Words, in_english
from controller.errors import OperatorError
from controller.recordings.titles import mark

Fact = str | int


class Fault(StrEnum):
    """What is wrong with what was asked for."""

    PERSON_UNKNOWN = "person_unknown"
    STILL_IN_CLASS = "still_in_class"
    DRAFT_UNKNOWN = "draft_unknown"
    START_OUT_OF_RANGE = "start_out_of_range"
    DAY_MALFORMED = "day_malformed"
    CHANGED_MEANWHILE = "changed_meanwhile"
    CLASS_OF_THE_SYSTEM = "class_of_the_system"
    NAME_AMBIGUOUS = "name_ambiguous"
    NOTHING_CHANGES = "nothing_changes"
    TOO_MUCH_VANISHES = "too_much_vanishes"
    FLAWED = "flawed"
    CLASS_UNKNOWN = "class_unknown"


WORDS: dict[Fault, Words] = {
    Fault.PERSON_UNKNOWN: Words(mark("nobody is known by “%(got)s”"), mark("look at the list of a class")),
    Fault.STILL_IN_CLASS: Words(
        mark("this person is still in a class (until %(until)s)"),
        mark("take them out of it first, and come back the day after"),
    ),
    Fault.DRAFT_UNKNOWN: Words(mark("there is no such draft, or its time is over"), mark("send the file once more")),
    Fault.START_OUT_OF_RANGE: Words(
        mark("expected today or one of the next %(most)d days, got %(got)s"), mark("look at the year")
    ),
    Fault.DAY_MALFORMED: Words(
        mark("expected a day like 2026-12-24, got “%(got)s”"), mark("write year, month and day")
    ),
    Fault.CHANGED_MEANWHILE: Words(
        mark("the roster was changed since you looked"), mark("look at the difference again")
    ),
    Fault.CLASS_OF_THE_SYSTEM: Words(
        mark("these classes come from the school’s own system: %(got)s"),
        mark("change them there, or give the class of the list another name"),
    ),
    Fault.NAME_AMBIGUOUS: Words(
        mark("two people have the same name, and nothing says who is meant: %(got)s"),
        mark("export the class, and send it back with the numbers of its column “id”"),
    ),
    Fault.NOTHING_CHANGES: Words(mark("it says what stands already"), mark("nothing is to be done")),
    Fault.TOO_MUCH_VANISHES: Words(
        mark(
            "%(people)d of %(people_before)d people and %(memberships)d of %(memberships_before)d memberships "
            "would vanish"
        ),
        mark("look whether the file is whole; if it is meant, say so"),
    ),
    Fault.FLAWED: Words(
        mark("nothing was changed: %(number)d things are wrong in it"), mark("mend them, send it anew")
    ),
    Fault.CLASS_UNKNOWN: Words(mark("no class is called “%(got)s”"), mark("look at the list of classes")),
}
FIELDS = {
    "person": mark("Person"),
    "draft": mark("Draft"),
    "starts_on": mark("First day"),
    "file": mark("File"),
    "vanishing": mark("What vanishes"),
    "class": mark("Class"),
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


class RosterRefusedError(OperatorError):
    """A change of the roster that cannot be made."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.wrong = Wrong(fault, field, tuple(facts.items()))
        told = self.wrong.words()
        super().__init__(f"{field}: {told.detail}; {told.remedy}")


def read_day(text: str, otherwise: date) -> date:
    """Read a day like 2026-12-24; nothing gives `otherwise`."""
    if not text.strip():
        return otherwise
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise RosterRefusedError(Fault.DAY_MALFORMED, "starts_on", got=text[:40]) from None

"""Why a change of the roster is refused: a code, the field that is wrong, and facts; the words stand in one table.

Pure: gives texts to be translated. Pages word a refusal in the reader's language, the command line in English.
What is wrong inside a file is said by flaws.py.
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

    PERSON_UNKNOWN = "person_unknown"
    STILL_IN_CLASS = "still_in_class"


WORDS: dict[Fault, Words] = {
    Fault.PERSON_UNKNOWN: Words(mark("nobody is known by “%(got)s”"), mark("look at the list of a class")),
    Fault.STILL_IN_CLASS: Words(
        mark("this person is still in a class (until %(until)s)"),
        mark("take them out of it first, and come back the day after"),
    ),
}
FIELDS = {
    "person": mark("Person"),
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

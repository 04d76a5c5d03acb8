"""Why a code or an answer is not taken: the fault, the field, and facts; the words stand in one table. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.devices.refusals import Say, Words, in_english
from controller.errors import OperatorError
from controller.forms.codes import CODE_CHARS, Slip, Slipped
from controller.recordings.titles import mark

Fact = str | int


class Fault(StrEnum):
    """What is wrong with what was asked for."""

    CODE_EMPTY = "code_empty"
    CODE_CHARACTER = "code_character"
    CODE_LENGTH = "code_length"
    CODE_CHECK = "code_check"
    CODE_NEAR = "code_near"
    CODE_SWAPPED = "code_swapped"
    CODE_UNKNOWN = "code_unknown"
    FORGOTTEN = "forgotten"
    CHOICE_UNKNOWN = "choice_unknown"
    GIVER_WRONG = "giver_wrong"
    DAYS_WRONG = "days_wrong"
    TOO_LATE = "too_late"
    DRAFT_UNKNOWN = "draft_unknown"
    CHANGED_MEANWHILE = "changed_meanwhile"
    PEOPLE_CHANGED = "people_changed"
    NOTHING_CHANGES = "nothing_changes"


WORDS: dict[Fault, Words] = {
    Fault.CODE_EMPTY: Words(mark("nothing was typed"), mark("type or scan the code of a form")),
    Fault.CODE_CHARACTER: Words(
        mark("character %(place)d is “%(got)s”, which no code has"),
        mark("look at it on the form: there is no 0, 1, A, I, L, O or U in a code"),
    ),
    Fault.CODE_LENGTH: Words(
        mark("expected %(expected)d characters, got %(got)s"), mark("type the whole code, and nothing but the code")
    ),
    Fault.CODE_CHECK: Words(
        mark("a character is wrong or two are swapped"), mark("compare it with the form, character by character")
    ),
    Fault.CODE_NEAR: Words(
        mark("character %(place)d is probably wrong: there is a form “%(code)s”"),
        mark("look whether that stands on the paper, and type it"),
    ),
    Fault.CODE_SWAPPED: Words(
        mark("characters %(place)d and %(next)d are probably swapped: there is a form “%(code)s”"),
        mark("look whether that stands on the paper, and type it"),
    ),
    Fault.CODE_UNKNOWN: Words(
        mark("it is typed rightly, but was not printed by this server"),
        mark("look whether the form is of another school; else print a new one for this person"),
    ),
    Fault.FORGOTTEN: Words(
        mark("whose form this was has been forgotten"), mark("destroy the paper; nothing is to be entered")
    ),
    Fault.CHOICE_UNKNOWN: Words(mark("the form has no such box"), mark("choose one of those that are shown")),
    Fault.GIVER_WRONG: Words(mark("this person cannot answer here"), mark("choose one of those who are shown")),
    Fault.DAYS_WRONG: Words(
        mark("these days cannot be meant: %(first)s to %(last)s"),
        mark("look at the year, and which is first"),
    ),
    Fault.TOO_LATE: Words(
        mark("this line cannot be taken back: that was done already, or it is older than a day"),
        mark("enter what holds now"),
    ),
    Fault.DRAFT_UNKNOWN: Words(mark("there is no such draft, or its time is over"), mark("send the table once more")),
    Fault.CHANGED_MEANWHILE: Words(mark("answers were entered since you looked"), mark("look at the difference again")),
    Fault.PEOPLE_CHANGED: Words(
        mark("somebody in it has been forgotten or is an adult now"), mark("send the table once more")
    ),
    Fault.NOTHING_CHANGES: Words(mark("it says what stands already"), mark("nothing is to be done")),
}
FIELDS = {
    "code": mark("Code"),
    "said": mark("Answer"),
    "giver": mark("Who answers"),
    "days": mark("Days"),
    "number": mark("Line"),
    "draft": mark("Draft"),
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


class FormRefusedError(OperatorError):
    """A code or an answer that is not taken; nothing was written down."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.wrong = Wrong(fault, field, tuple(facts.items()))
        told = self.wrong.words()
        super().__init__(f"{field}: {told.detail}; {told.remedy}")


def refuse_slip(slipped: Slipped) -> FormRefusedError:
    """Give the refusal of a code that cannot be one."""
    if slipped.slip is Slip.EMPTY:
        return FormRefusedError(Fault.CODE_EMPTY, "code")
    if slipped.slip is Slip.CHARACTER:
        return FormRefusedError(Fault.CODE_CHARACTER, "code", place=slipped.place, got=slipped.got)
    if slipped.slip is Slip.LENGTH:
        return FormRefusedError(Fault.CODE_LENGTH, "code", expected=CODE_CHARS, got=slipped.got)
    return FormRefusedError(Fault.CODE_CHECK, "code")

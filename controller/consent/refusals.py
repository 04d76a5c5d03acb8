"""Why a setting of consent is refused: a code, the field that is wrong, and facts; the words stand in one table.

Pure: gives texts to be translated. Pages word a refusal in the reader's language, the command line in English.
What is wrong with a family's answer is answering.py's.
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

    CHANGED_MEANWHILE = "changed_meanwhile"
    NOTHING_CHANGES = "nothing_changes"
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"
    SETTING_UNKNOWN = "setting_unknown"
    SETTING_MALFORMED = "setting_malformed"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    SETTINGS_CONTRADICT = "settings_contradict"
    ACCOUNT_UNKNOWN = "account_unknown"
    NOT_A_TEACHER = "not_a_teacher"
    NOT_YOURS = "not_yours"
    SITE_UNKNOWN = "site_unknown"
    ROOM_UNKNOWN = "room_unknown"
    TWO_PLACES = "two_places"
    NOWHERE = "nowhere"
    DAY_MALFORMED = "day_malformed"
    DAY_OVER = "day_over"
    DAY_TOO_FAR = "day_too_far"
    DAYS_REVERSED = "days_reversed"
    INSTANT_MALFORMED = "instant_malformed"
    INSTANTS_REVERSED = "instants_reversed"
    INSTANT_OVER = "instant_over"
    BLACKOUT_UNKNOWN = "blackout_unknown"
    NO_PILOT = "no_pilot"


WORDS: dict[Fault, Words] = {
    Fault.CHANGED_MEANWHILE: Words(
        mark("somebody changed the rules since you looked: version %(held)d holds, you saw %(seen)d"),
        mark("look at them again"),
    ),
    Fault.NOTHING_CHANGES: Words(mark("nothing would change"), mark("nothing is to be done")),
    Fault.REASON_MISSING: Words(mark("it asks for less than before: %(settings)s"), mark("give a reason for each")),
    Fault.REASON_TOO_LONG: Words(mark("expected at most %(most)d characters, got %(got)d"), mark("shorten it")),
    Fault.SETTING_UNKNOWN: Words(mark("expected one of %(known)s, got “%(got)s”"), mark("look at the list")),
    Fault.SETTING_MALFORMED: Words(mark("expected %(expected)s, got “%(got)s”"), mark("write it so")),
    Fault.NUMBER_OUT_OF_RANGE: Words(
        mark("expected %(least)d to %(most)d, got %(got)d"), mark("choose a number between them")
    ),
    Fault.SETTINGS_CONTRADICT: Words(
        mark("silence cannot be a yes where each lesson needs an answer"), mark("choose one of the two")
    ),
    Fault.ACCOUNT_UNKNOWN: Words(mark("nobody has the account “%(got)s”"), mark("look at the list of accounts")),
    Fault.NOT_A_TEACHER: Words(mark("this person is no teacher"), mark("an admin gives that role first")),
    Fault.NOT_YOURS: Words(
        mark("this is somebody else’s to say"),
        mark("a teacher speaks for their own lessons, a principal for their own sites"),
    ),
    Fault.SITE_UNKNOWN: Words(
        mark("no unit, room or class is of the site “%(got)s”; there are: %(known)s"), mark("choose one of them")
    ),
    Fault.ROOM_UNKNOWN: Words(mark("no room is known by “%(got)s”"), mark("look at the list of rooms")),
    Fault.TWO_PLACES: Words(mark("expected a room or a site, got both"), mark("leave one out")),
    Fault.NOWHERE: Words(mark("no place was chosen"), mark("choose at least one")),
    Fault.DAY_MALFORMED: Words(
        mark("expected a day like 2026-12-24, got “%(got)s”"), mark("write year, month and day")
    ),
    Fault.DAY_OVER: Words(mark("expected %(today)s or later, got %(got)s"), mark("choose a later one")),
    Fault.DAY_TOO_FAR: Words(mark("expected a day until %(most)s, got %(got)s"), mark("look at the year")),
    Fault.DAYS_REVERSED: Words(mark("the last day %(last)s is before the first, %(first)s"), mark("exchange them")),
    Fault.INSTANT_MALFORMED: Words(
        mark("expected a time like 2026-12-24T06:00, by the school’s clock, got “%(got)s”"), mark("write it so")
    ),
    Fault.INSTANTS_REVERSED: Words(mark("expected a time after %(first)s, got %(got)s"), mark("exchange them")),
    Fault.INSTANT_OVER: Words(mark("%(got)s is over"), mark("choose a later one")),
    Fault.BLACKOUT_UNKNOWN: Words(mark("no blackout is known by “%(got)s”"), mark("look at the list")),
    Fault.NO_PILOT: Words(mark("there is no pilot in this room"), mark("nothing is to be done")),
}
FIELDS = {
    "rules": mark("Rules"),
    "setting": mark("Setting"),
    "reason": mark("Reason"),
    "about": mark("Who agrees"),
    "site": mark("Site"),
    "room": mark("Room"),
    "holds_from": mark("First day"),
    "holds_until": mark("Last day"),
    "begins_at": mark("Begins"),
    "ends_at": mark("Ends"),
    "blackout": mark("Blackout"),
    "pilot": mark("Pilot"),
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
        """Name the field, as `say` speaks; a setting of the rules is called as the command line calls it."""
        return say(FIELDS[self.field]) if self.field in FIELDS else self.field


class ConsentRefusedError(OperatorError):
    """A setting of consent that cannot be written down."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.wrong = Wrong(fault, field, tuple(facts.items()))
        told = self.wrong.words()
        super().__init__(f"{field}: {told.detail}; {told.remedy}")

"""Why a change to a unit is refused: a code, the field that is wrong, and facts; the words for it stand in one table.

Pure: gives texts to be translated. Whoever shows a refusal words it at the door: a page in the reader's language,
command line and REST in English, which is also what the error says of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from controller.devices.models import DeviceState
from controller.errors import OperatorError
from controller.recordings.titles import mark

Fact = str | int | tuple[DeviceState, ...]
Say = Callable[..., str]
"""Gives a text with its values put in, in some language: `controller.auth.languages.gettext`, or `in_english`."""


class Fault(StrEnum):
    """What is wrong with a change that was asked for; programs read these codes."""

    UNIT_UNKNOWN = "unit_unknown"
    UNIT_AMBIGUOUS = "unit_ambiguous"
    STATE_FORBIDS = "state_forbids"
    NEVER_JOINED = "never_joined"
    HAS_JOINED = "has_joined"
    NOTHING_CHANGES = "nothing_changes"
    LABEL_MALFORMED = "label_malformed"
    TEXT_TOO_LONG = "text_too_long"
    TEXT_NOT_PRINTABLE = "text_not_printable"
    TOO_MANY_TAGS = "too_many_tags"
    OWNER_UNKNOWN = "owner_unknown"
    SAME_UNIT = "same_unit"
    SWAPPED_ALREADY = "swapped_already"
    FINDING_MISSING = "finding_missing"
    FIELD_UNKNOWN = "field_unknown"
    FIELDS_UNWANTED = "fields_unwanted"
    FIELD_MISSING = "field_missing"
    ACTION_UNKNOWN = "action_unknown"
    NOT_A_TEXT = "not_a_text"
    NOT_UNICODE = "not_unicode"
    NOT_A_LIST_OF_TEXTS = "not_a_list_of_texts"
    STATE_UNKNOWN = "state_unknown"
    SITE_FOREIGN = "site_foreign"
    BODY_MALFORMED = "body_malformed"
    CHOICE_UNKNOWN = "choice_unknown"
    KEY_MALFORMED = "key_malformed"
    KEY_REUSED = "key_reused"
    OUTCOME_UNKNOWN = "outcome_unknown"


class Words(NamedTuple):
    """What is told of a fault: why it is refused, and what to do."""

    detail: str
    remedy: str


WORDS: dict[Fault, Words] = {
    Fault.UNIT_UNKNOWN: Words(
        mark("there is no unit “%(unit)s”"),
        mark("name one by its id, as `backrow controller device list --all` shows it"),
    ),
    Fault.UNIT_AMBIGUOUS: Words(
        mark("%(number)d units are called “%(unit)s”"),
        mark("name one by its id, as `backrow controller device list --all` shows it"),
    ),
    Fault.STATE_FORBIDS: Words(
        mark("expected a unit that is %(expected)s, got %(label)s, which is %(state)s"), mark("choose another unit")
    ),
    Fault.NEVER_JOINED: Words(
        mark("expected a unit that is %(expected)s, got %(label)s, which is %(state)s"), mark("remove it instead")
    ),
    Fault.HAS_JOINED: Words(
        mark("expected a unit that is %(expected)s, got %(label)s, which is %(state)s"), mark("retire it instead")
    ),
    Fault.NOTHING_CHANGES: Words(mark("nothing would change"), mark("name a label, room, site, owner or tags")),
    Fault.LABEL_MALFORMED: Words(
        mark("expected 1 to %(most)d characters in one line, got “%(got)s”"), mark("choose another one")
    ),
    Fault.TEXT_TOO_LONG: Words(
        mark("expected one line of at most %(most)d characters, got %(got)d"), mark("shorten it")
    ),
    Fault.TEXT_NOT_PRINTABLE: Words(
        mark("expected one line of letters, figures and signs, got one with a character that cannot be shown"),
        mark("type it anew"),
    ),
    Fault.TOO_MANY_TAGS: Words(mark("expected at most %(most)d, got %(got)d"), mark("name fewer")),
    Fault.OWNER_UNKNOWN: Words(
        mark("“%(owner)s” is no teacher’s account or address"), mark("make the teacher’s account first")
    ),
    Fault.SITE_FOREIGN: Words(
        mark("expected one of your sites (%(expected)s), got “%(got)s”"), mark("ask an administrator to move it there")
    ),
    Fault.SAME_UNIT: Words(mark("expected another unit, got the same one"), mark("name the spare")),
    Fault.SWAPPED_ALREADY: Words(
        mark("%(label)s has taken over from this unit already, and neither was moved since"),
        mark("to swap back, let the other unit take over from this one"),
    ),
    Fault.FINDING_MISSING: Words(mark("expected what was found when somebody looked, got nothing"), mark("say it")),
    Fault.FIELD_UNKNOWN: Words(mark("%(action)s has no such field; expected %(expected)s"), mark("leave it out")),
    Fault.FIELDS_UNWANTED: Words(mark("%(action)s has no fields"), mark("leave it out")),
    Fault.FIELD_MISSING: Words(mark("it is missing"), mark("name it")),
    Fault.ACTION_UNKNOWN: Words(mark("expected one of %(expected)s, got “%(got)s”"), mark("name one of them")),
    Fault.NOT_A_TEXT: Words(mark("expected a text, got %(got)s"), mark("write it as a text")),
    Fault.NOT_UNICODE: Words(mark("expected Unicode, got half of a surrogate pair"), mark("write whole characters")),
    Fault.NOT_A_LIST_OF_TEXTS: Words(mark("expected a list of texts"), mark('write them like ["spare"]')),
    Fault.STATE_UNKNOWN: Words(mark("expected one of %(expected)s, got “%(got)s”"), mark("name one of them")),
    Fault.BODY_MALFORMED: Words(mark("expected a JSON object of fields"), mark("send application/json, like {}")),
    Fault.CHOICE_UNKNOWN: Words(mark("expected one of %(expected)s, got “%(got)s”"), mark("name one of them")),
    Fault.KEY_MALFORMED: Words(mark("expected 1 to %(most)d printable ASCII characters"), mark("make a random key")),
    Fault.KEY_REUSED: Words(mark("another request was sent under this key"), mark("make a new key for each request")),
    Fault.OUTCOME_UNKNOWN: Words(
        mark("this request is being done, or the server was stopped in the midst of it"),
        mark("wait a minute, look at the unit, and ask under a new key if it was not done"),
    ),
}
STATE_NAMES = {
    DeviceState.PENDING: mark("pending"),
    DeviceState.ACTIVE: mark("active"),
    DeviceState.QUARANTINED: mark("quarantined"),
    DeviceState.RETIRED: mark("retired"),
    DeviceState.LOST: mark("lost"),
    DeviceState.REMOVED: mark("removed"),
}
FIELDS = {
    "label": mark("Label"),
    "room": mark("Room"),
    "site": mark("Site"),
    "tags": mark("Tags"),
    "owner": mark("Owner"),
    "state": mark("State"),
    "unit": mark("Unit"),
    "place": mark("Place"),
    "spare": mark("The unit that takes over"),
    "replaces": mark("The unit that it replaces"),
    "why": mark("What was found"),
}
"""How a page calls a field; one that no form of ours has is called as it was sent."""


class ChangeRefusedError(OperatorError):
    """A change that cannot be made: what is wrong, in which field, and the facts that its words tell."""

    def __init__(self, fault: Fault, field: str, **facts: Fact) -> None:
        self.fault = fault
        self.field = field
        self.facts = facts
        told = word_refusal(self, in_english)
        super().__init__(f"{field}: {told.detail}; {told.remedy}")


def in_english(text: str, **values: object) -> str:
    """Put values into a text of ours as it is written in the sources, which is English."""
    return text % values if values else text


def word_refusal(refusal: ChangeRefusedError, say: Say) -> Words:
    """Tell why a change is refused and what to do, as `say` speaks."""
    detail, remedy = WORDS[refusal.fault]
    facts = {name: _word_fact(fact, say) for name, fact in refusal.facts.items()}
    return Words(say(detail, **facts), say(remedy))


def name_field(refusal: ChangeRefusedError, say: Say) -> str:
    """Name the field that is wrong, as `say` speaks."""
    return say(FIELDS[refusal.field]) if refusal.field in FIELDS else refusal.field


def _word_fact(fact: Fact, say: Say) -> str | int:
    if isinstance(fact, DeviceState):
        return say(STATE_NAMES[fact])
    return ", ".join(say(STATE_NAMES[state]) for state in fact) if isinstance(fact, tuple) else fact

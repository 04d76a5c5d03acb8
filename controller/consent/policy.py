"""Decides whether a lesson may be recorded: allowed, allowed if so many seats are checked, or refused with a reason.

Pure: everything that counts comes in as values. The strictest answer counts over all classes, guests and adults in the
room, and what is not known refuses. The reasons name nobody. Defined in docs/protocol/consent.md ("The decision").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from controller.consent.answers import Scope, Stand, Standing, Subject
from controller.consent.rules import Rules

NEEDED = (Scope.SELF,)
"""What every recording is for at the least: its teacher watches it."""


class Reason(StrEnum):
    """Why a lesson is not recorded, or what it takes; one code for unit, pages and print."""

    BLACKOUT = "blackout"
    ROOM_WRONG = "room_wrong"
    NO_OWNER = "no_owner"
    CLASS_UNKNOWN = "class_unknown"
    CLASS_EMPTY = "class_empty"
    PERSON_UNKNOWN = "person_unknown"
    TEACHER_NOT_IN = "teacher_has_not_opted_in"
    PRINCIPAL_NOT_IN = "principal_has_not_agreed"
    ADULT_REFUSES = "adult_has_not_agreed"
    VOICE_REFUSED = "voice_not_granted"
    PICTURE_REFUSED = "picture_not_granted"
    TOO_MANY_SEATS = "too_many_seats"
    SEATS = "seats_must_be_checked"
    EVERYBODY = "everybody_agreed"


class Outcome(StrEnum):
    """What the decision says of a press."""

    ALLOWED = "allowed"
    IF_SEATS_ARE_CHECKED = "allowed_if_seats_are_checked"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Someone:
    """One person who will be in the room; `stand` is None for somebody of whom nothing is known."""

    stand: Stand | None
    is_adult: bool = False

    @cached_property
    def shows(self) -> bool:
        """Tell whether their picture is granted."""
        return self.stand is not None and self.stand.allows(Subject.PICTURE, NEEDED)

    @cached_property
    def speaks(self) -> bool:
        """Tell whether their voice is granted."""
        return self.stand is not None and self.stand.allows(Subject.VOICE, NEEDED)

    @property
    def has_spoken(self) -> bool:
        """Tell whether an answer of theirs holds, or their last one was a no: that counts also where nobody asked.

        A no does not become silence when its days end, nor one of the guardians' with the years.
        """
        if self.stand is None:
            return False
        return self.stand.took_back or self.stand.why not in (Standing.NOT_RETURNED, Standing.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is known of a lesson and of who will be there.

    `owner`: whose recording it would be. `classes_known`: every class of it is one of the roster's that holds on that
    day. `room_matches`: it is taken for the room in which the unit stands.
    """

    owner: str | None
    classes_known: bool
    people: Sequence[Someone]
    teacher_opted_in: bool
    principal_agreed: bool
    is_blacked_out: bool = False
    room_matches: bool = True


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The decision: what it says, why, how many seats must be out of the picture, and whether sound may be recorded."""

    outcome: Outcome
    reason: Reason
    seats: int = 0
    sound: bool = False


def decide(rules: Rules, lesson: Lesson) -> Decided:
    """Decide on a lesson; the first line of the table that applies refuses it."""
    for reason, applies in REFUSALS:
        if applies(rules, lesson):
            return Decided(outcome=Outcome.REFUSED, reason=reason)
    seats = count_seats(_pupils(lesson))
    if seats:
        return Decided(outcome=Outcome.IF_SEATS_ARE_CHECKED, reason=Reason.SEATS, seats=seats, sound=rules.sound)
    return Decided(outcome=Outcome.ALLOWED, reason=Reason.EVERYBODY, sound=rules.sound)


def count_seats(people: Iterable[Someone]) -> int:
    """Tell how many of the people must sit where the camera does not see: pupils whose picture is not granted."""
    return sum(needs_seat(person) for person in people)


def needs_seat(person: Someone) -> bool:
    """Tell whether somebody must sit where the camera does not see; an adult's seat is wherever they stand."""
    return not person.is_adult and not person.shows


def _asked(rules: Rules, lesson: Lesson) -> list[Someone]:
    """Give those whose answer counts: adults where the rules ask them, and everybody who has said something."""
    return [person for person in lesson.people if rules.adults or not person.is_adult or person.has_spoken]


def _an_adult_refuses(rules: Rules, lesson: Lesson) -> bool:
    """Tell whether an adult who is asked grants neither: unlike a pupil's seat, theirs is wherever they stand."""
    adults = [person for person in _asked(rules, lesson) if person.is_adult]
    return any(not adult.shows or _voice_refused(rules, adult) for adult in adults)


def _voice_refused(rules: Rules, person: Someone) -> bool:
    return rules.sound and not person.speaks


def _pupils(lesson: Lesson) -> list[Someone]:
    return [person for person in lesson.people if not person.is_adult]


Applies = Callable[[Rules, Lesson], bool]
REFUSALS: tuple[tuple[Reason, Applies], ...] = (
    (Reason.BLACKOUT, lambda _, lesson: lesson.is_blacked_out),
    (Reason.ROOM_WRONG, lambda _, lesson: not lesson.room_matches),
    (Reason.NO_OWNER, lambda _, lesson: not lesson.owner),
    (Reason.CLASS_UNKNOWN, lambda _, lesson: not lesson.classes_known),
    (Reason.CLASS_EMPTY, lambda _, lesson: not _pupils(lesson)),
    (Reason.PERSON_UNKNOWN, lambda rules, lesson: any(person.stand is None for person in lesson.people)),
    (Reason.PRINCIPAL_NOT_IN, lambda rules, lesson: rules.principal_opts_in and not lesson.principal_agreed),
    (Reason.TEACHER_NOT_IN, lambda rules, lesson: rules.teacher_opts_in and not lesson.teacher_opted_in),
    (Reason.ADULT_REFUSES, _an_adult_refuses),
    (Reason.VOICE_REFUSED, lambda rules, lesson: any(_voice_refused(rules, pupil) for pupil in _pupils(lesson))),
    (Reason.PICTURE_REFUSED, lambda rules, lesson: not rules.seats and count_seats(_pupils(lesson)) > 0),
    (Reason.TOO_MANY_SEATS, lambda rules, lesson: count_seats(_pupils(lesson)) > rules.most_seats),
)
"""What refuses a lesson, in the order in which it is told: first what concerns nobody in the room."""

"""The decision on a lesson: what is not known or not granted never comes to allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.consent.answers import Answer, Giver, Scope, Stand, Standing, stand_on
from controller.consent.policy import REFUSALS, Decided, Lesson, Outcome, Reason, Someone, decide
from controller.consent.rules import PRESETS, Rules, loosenings
from tests.school import new_id

MONDAY = date(2026, 9, 7)
SEEN = frozenset({Scope.RECORD, Scope.SELF})
NONE: frozenset[Scope] = frozenset()
scopes = st.sampled_from([SEEN, NONE, frozenset({Scope.RECORD}), frozenset({Scope.SELF}), frozenset(Scope)])
stands = st.builds(Stand, picture=scopes, voice=scopes, why=st.sampled_from(Standing), took_back=st.booleans())
people = st.lists(st.builds(Someone, stand=st.none() | stands, is_adult=st.booleans()), max_size=8)
lessons = st.builds(
    Lesson,
    owner=st.none() | st.just(new_id()),
    classes_known=st.booleans(),
    people=people,
    teacher_opted_in=st.booleans(),
    principal_agreed=st.booleans(),
    is_blacked_out=st.booleans(),
    room_matches=st.booleans(),
)
rules = st.builds(
    Rules,
    sound=st.booleans(),
    seats=st.booleans(),
    most_seats=st.integers(0, 5),
    adults=st.booleans(),
    teacher_opts_in=st.booleans(),
    principal_opts_in=st.booleans(),
)


def who(*, picture: bool = True, voice: bool = True, is_adult: bool = False) -> Someone:
    """Make somebody who grants one, both or neither for the teacher's own eyes."""
    stand = Stand(picture=SEEN if picture else NONE, voice=SEEN if voice else NONE, why=Standing.GRANTED)
    return Someone(stand=stand, is_adult=is_adult)


GOOD = Lesson(
    owner=new_id(),
    classes_known=True,
    people=(who(), who(), who(is_adult=True)),
    teacher_opted_in=True,
    principal_agreed=True,
)


def in_room(*more: Someone) -> Lesson:
    """Put people beside those who agreed."""
    return replace(GOOD, people=(*GOOD.people, *more))


def test_lesson_in_which_everybody_agreed_is_allowed() -> None:
    """With sound, and without a seat to check."""
    assert decide(Rules(), GOOD) == Decided(outcome=Outcome.ALLOWED, reason=Reason.EVERYBODY, sound=True)


@pytest.mark.parametrize(
    ("lesson", "reason"),
    [
        (replace(GOOD, is_blacked_out=True), Reason.BLACKOUT),
        (replace(GOOD, room_matches=False), Reason.ROOM_WRONG),
        (replace(GOOD, owner=None), Reason.NO_OWNER),
        (replace(GOOD, classes_known=False), Reason.CLASS_UNKNOWN),
        (replace(GOOD, people=(who(is_adult=True),)), Reason.CLASS_EMPTY),
        (in_room(Someone(stand=None)), Reason.PERSON_UNKNOWN),
        (replace(GOOD, teacher_opted_in=False), Reason.TEACHER_NOT_IN),
        (replace(GOOD, principal_agreed=False), Reason.PRINCIPAL_NOT_IN),
        (in_room(who(is_adult=True, picture=False)), Reason.ADULT_REFUSES),
        (in_room(who(is_adult=True, voice=False)), Reason.ADULT_REFUSES),
        (in_room(who(voice=False)), Reason.VOICE_REFUSED),
        (in_room(*(who(picture=False) for _ in range(7))), Reason.TOO_MANY_SEATS),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_each_reason_refuses_alone(lesson: Lesson, reason: Reason) -> None:
    """Whatever else is in order, one thing that is not refuses, and says which."""
    assert decide(Rules(), lesson) == Decided(outcome=Outcome.REFUSED, reason=reason)


def test_refused_picture_is_a_seat_where_the_voice_is_granted_or_nothing_is_heard() -> None:
    """So many seats as pupils; without sound a refused voice does not matter."""
    two = in_room(who(picture=False), who(picture=False))
    assert decide(Rules(), two) == Decided(
        outcome=Outcome.IF_SEATS_ARE_CHECKED, reason=Reason.SEATS, seats=2, sound=True
    )
    silent = decide(PRESETS["no_sound"], in_room(who(picture=False, voice=False)))
    assert (silent.outcome, silent.seats, silent.sound) == (Outcome.IF_SEATS_ARE_CHECKED, 1, False)


def test_school_without_seats_refuses_for_one_picture() -> None:
    """Nobody is asked to look where somebody sits."""
    decided = decide(PRESETS["everybody_in_the_picture"], in_room(who(picture=False)))
    assert (decided.outcome, decided.reason) == (Outcome.REFUSED, Reason.PICTURE_REFUSED)


def test_school_that_does_not_ask_adults_is_not_held_up_by_ones_silence() -> None:
    """Their silence does not count; a person of whom nothing at all is known does."""
    lax = Rules(adults=False)
    silent = Someone(stand=Stand(picture=NONE, voice=NONE, why=Standing.NOT_RETURNED), is_adult=True)
    assert decide(lax, in_room(silent)).outcome is Outcome.ALLOWED
    assert decide(lax, in_room(Someone(stand=None, is_adult=True))).reason is Reason.PERSON_UNKNOWN


@given(rules, lessons)
def test_nobody_is_recorded_who_did_not_grant_it(school: Rules, lesson: Lesson) -> None:
    """Whenever a press can record, each voice is granted or not heard, and who refused the picture has a seat."""
    decided = decide(school, lesson)
    if decided.outcome is Outcome.REFUSED:
        assert (decided.seats, decided.sound) == (0, False)
        return
    pupils = [person for person in lesson.people if not person.is_adult]
    assert pupils
    assert lesson.owner
    assert lesson.classes_known
    assert not lesson.is_blacked_out
    assert lesson.room_matches
    heard = [person for person in lesson.people if school.adults or not person.is_adult]
    for person in heard:
        assert person.stand is not None
        assert not decided.sound or person.stand.voice >= SEEN
    hidden = [person for person in pupils if person.stand is None or not person.stand.picture >= SEEN]
    assert len(hidden) == decided.seats <= school.most_seats
    assert (decided.outcome is Outcome.IF_SEATS_ARE_CHECKED) == bool(hidden)
    assert decided.sound == school.sound


@given(rules, lessons, st.builds(Someone, stand=st.none() | stands, is_adult=st.booleans()))
def test_somebody_more_in_the_room_never_makes_it_easier(school: Rules, lesson: Lesson, more: Someone) -> None:
    """A guest can turn allowed into seats or a refusal, never the other way round, once there is a pupil at all."""
    order = [Outcome.ALLOWED, Outcome.IF_SEATS_ARE_CHECKED, Outcome.REFUSED]
    before, after = decide(school, lesson), decide(school, replace(lesson, people=(*lesson.people, more)))
    if before.reason is Reason.CLASS_EMPTY:
        return
    assert order.index(after.outcome) >= order.index(before.outcome)


def test_every_refusal_has_its_line() -> None:
    """The table names each reason that refuses, once."""
    told = [reason for reason, _ in REFUSALS]
    assert sorted(told) == sorted(set(Reason) - {Reason.SEATS, Reason.EVERYBODY})


def test_loosening_is_named_and_tightening_is_not() -> None:
    """A reason is asked for what asks for less, and only for that."""
    strict = Rules()
    looser = Rules(objection=True, most_seats=9, adults=False)
    assert loosenings(strict, looser) == (
        "most_seats",
        "objection",
        "adults",
    )
    assert loosenings(Rules(objection=True), strict) == ()
    assert loosenings(strict, Rules(sound=False)) == ("sound",)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"most_seats": 61}, "most_seats: expected 0 to 60"), ({"objection": True, "each_time": True}, "objection:")],
)
def test_rules_that_cannot_be_are_refused(values: dict[str, int], words: str) -> None:
    """The field is named, and what it may be."""
    with pytest.raises(ValueError, match=words):
        Rules(**values)  # type: ignore[arg-type]


def test_adult_who_refused_is_heard_where_adults_are_not_asked() -> None:
    """Nobody needs their yes; their no counts all the same."""
    for why in (Standing.REFUSED, Standing.WITHDRAWN):
        refusing = Someone(stand=Stand(picture=NONE, voice=NONE, why=why), is_adult=True)
        assert decide(Rules(adults=False), in_room(refusing)).reason is Reason.ADULT_REFUSES


def test_adults_no_does_not_become_silence_with_its_days_or_years() -> None:
    """Where adults are not asked: neither a no whose days have ended, nor the guardians' of somebody grown up."""
    ended = _said(Giver.SELF, holds_until=MONDAY + timedelta(days=1))
    guardians = _said(Giver.GUARDIAN_1)
    for answer in (ended, guardians):
        stand = stand_on(MONDAY + timedelta(days=9), [answer], of_age_on=None, is_adult=True, rules=Rules())
        grown = Someone(stand=stand, is_adult=True)
        assert decide(Rules(adults=False), in_room(grown)).reason is Reason.ADULT_REFUSES
    yes = replace(_said(Giver.SELF), number=2, picture=SEEN, voice=SEEN)
    stand = stand_on(MONDAY, [guardians, yes], of_age_on=None, is_adult=True, rules=Rules())
    assert decide(Rules(adults=False), in_room(Someone(stand=stand, is_adult=True))).outcome is Outcome.ALLOWED


def _said(giver: Giver, *, holds_until: date | None = None) -> Answer:
    """Make a no from Monday on."""
    return Answer(number=1, giver=giver, picture=NONE, voice=NONE, holds_from=MONDAY, holds_until=holds_until)

"""What a page says of a press is what the unit's own code decides by the same snapshot, and less of it to everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.consent import snapshots
from controller.consent.policy import Reason
from controller.today.policy import (
    Answer,
    Button,
    Coarse,
    Heard,
    Phase,
    answer_at,
    answer_through,
    coarsen,
    heard_of,
    phase_of,
)
from controller.today.words import OPENLY, WHYS, why
from device.consent import decide
from device.consent.decide import decide_press
from protocol.documents import Decision, LessonDecision, Permission, Policy
from protocol.press import entries_at
from tests.school import new_id

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
OWNERS = (new_id(), new_id())
UNITS_OWN = (
    decide.NO_POLICY,
    decide.POLICY_EXPIRED,
    decide.NO_OWNER,
    decide.SEATS_UNCHECKED,
    decide.CLOCK_UNSURE,
    decide.LESSONS_OVERLAP,
)
SNAPSHOTS_OWN = (snapshots.ADULTS_ONLY, snapshots.NO_LESSON, snapshots.ROOM_UNKNOWN, snapshots.HEARS_ALWAYS)
minutes = st.integers(0, 180).map(lambda number: EIGHT + timedelta(minutes=number))
decisions = st.builds(
    Decision,
    permission=st.sampled_from(Permission),
    reason=st.sampled_from([each.value for each in Reason]),
    owner=st.sampled_from([None, *OWNERS]),
    seats=st.integers(0, 4),
    must_omit_sound=st.sampled_from([None, True]),
)


@st.composite
def entries(draw: st.DrawFn) -> LessonDecision:
    """Give one entry of a timetable; those of one snapshot may overlap, as a blackout and a lesson do."""
    begins_at = draw(minutes)
    ends_at = begins_at + timedelta(minutes=draw(st.integers(1, 90)))
    return LessonDecision(lesson=new_id(), begins_at=begins_at, ends_at=ends_at, decision=draw(decisions))


policies = st.builds(
    Policy,
    generation=st.just(1),
    version=st.just(1),
    issued_at=st.just(EIGHT - timedelta(days=1)),
    expires_at=minutes,
    device=st.just(new_id()),
    policy_version=st.just(1),
    lessons=st.lists(entries(), max_size=5).map(tuple),
    otherwise=decisions,
    margin_s=st.sampled_from([0, 300, 1800]),
)


@given(policy=st.none() | policies, now=minutes)
def test_answer_is_the_units_own(policy: Policy | None, now: datetime) -> None:
    """At any instant: refused for the same reason, or allowed for the same owner, as many seats, as much sound."""
    answer, pressed = answer_at(policy, now), decide_press(policy, now, clock_trusted=True)
    if answer.button is Button.REFUSES:
        assert (pressed.allowed, pressed.reason, pressed.seats) == (False, answer.reason, None)
        return
    checked = decide_press(policy, now, clock_trusted=True, checked=answer.seats)
    assert (checked.allowed, checked.owner, checked.sound) == (True, answer.owner, answer.sound)
    assert pressed.allowed == (answer.button is Button.WORKS)
    if answer.button is Button.IF_SEATS_ARE_CHECKED:
        assert (pressed.reason, pressed.seats) == (decide.SEATS_UNCHECKED, answer.seats)


@given(policy=policies, begins_at=minutes, within=st.integers(0, 89))
def test_answer_for_a_lesson_promises_nothing_that_the_unit_refuses(
    policy: Policy, begins_at: datetime, within: int
) -> None:
    """Where the page says that the button works, no minute of the lesson refuses, and none needs more seats."""
    ends_at = begins_at + timedelta(minutes=90)
    answer = answer_through(policy, begins_at, ends_at, known_until=ends_at)
    press = decide_press(policy, begins_at + timedelta(minutes=within), clock_trusted=True, checked=answer.seats)
    in_an_entry = entries_at(policy, begins_at + timedelta(minutes=within))
    if answer.button is not Button.REFUSES and in_an_entry:
        assert press.allowed


def test_snapshot_that_a_reachable_unit_gets_anew_does_not_end_tomorrow() -> None:
    """It is renewed in time; a unit that is away goes by what it has, and that ends."""
    said = Decision(permission=Permission.ALLOWED, reason="everybody_agreed", owner=OWNERS[0])
    times = {"issued_at": EIGHT, "expires_at": EIGHT + timedelta(hours=1)}
    policy = Policy(generation=1, version=1, device=new_id(), policy_version=1, otherwise=said, **times)
    later = EIGHT + timedelta(hours=2)
    assert answer_at(policy, later, known_until=EIGHT).button is Button.WORKS
    assert answer_at(policy, later).reason == "policy_expired"
    assert answer_at(policy, later, known_until=later).reason == "policy_expired"


@pytest.mark.parametrize("reason", [*Reason, *SNAPSHOTS_OWN, *UNITS_OWN])
def test_every_reason_has_words(reason: str) -> None:
    """A sentence and a remedy, each of one or two sentences, for each code of decision, snapshot and unit."""
    sentence, remedy = WHYS[str(reason)]
    assert sentence.endswith(".")
    assert remedy.endswith(".")
    assert sentence.count(". ") == 0


def test_reason_of_another_release_has_words() -> None:
    """An older snapshot can say what this page never heard of."""
    assert "does not know yet" in why(Answer(button=Button.REFUSES, reason="made_up")).sentence


@given(reason=st.sampled_from([*Reason]), seats=st.integers(0, 9), owner=st.sampled_from(OWNERS))
def test_open_words_tell_nobodys_answer(reason: Reason, seats: int, owner: str) -> None:
    """Whoever refused what, and whether a seat is needed, comes to the same word as any other refusal or permission."""
    refused = coarsen(Answer(button=Button.REFUSES, reason=reason.value))
    about_people = {
        Reason.TEACHER_NOT_IN,
        Reason.PRINCIPAL_NOT_IN,
        Reason.ADULT_REFUSES,
        Reason.VOICE_REFUSED,
        Reason.PICTURE_REFUSED,
        Reason.TOO_MANY_SEATS,
        Reason.PERSON_UNKNOWN,
        Reason.CLASS_EMPTY,
        Reason.CLASS_UNKNOWN,
        Reason.NO_OWNER,
    }
    assert (refused is Coarse.NOT_PERMITTED) or reason not in about_people
    allowed = {
        coarsen(Answer(button=button, reason=reason.value, seats=seats, owner=owner))
        for button in (Button.WORKS, Button.IF_SEATS_ARE_CHECKED)
    }
    assert allowed == {Coarse.MAY}
    assert set(OPENLY) == set(Coarse)


@pytest.mark.parametrize(
    ("minute", "phase"), [(-1, Phase.LATER), (0, Phase.NOW), (44, Phase.NOW), (45, Phase.OVER), (300, Phase.OVER)]
)
def test_lesson_is_later_then_now_then_over(minute: int, phase: Phase) -> None:
    """Its end is the first instant outside."""
    now = EIGHT + timedelta(minutes=minute)
    assert phase_of(EIGHT, EIGHT + timedelta(minutes=45), now) is phase


BEFORE, AFTER = EIGHT - timedelta(minutes=5), EIGHT + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("told", "heard"),
    [
        ({"online": None, "since": None, "issued_at": BEFORE, "waits": False}, Heard.NEVER),
        ({"online": True, "since": EIGHT, "issued_at": BEFORE, "waits": False}, Heard.CURRENT),
        ({"online": True, "since": EIGHT, "issued_at": AFTER, "waits": False}, Heard.CURRENT),
        ({"online": True, "since": EIGHT, "issued_at": AFTER, "waits": True}, Heard.ON_ITS_WAY),
        ({"online": False, "since": EIGHT, "issued_at": BEFORE, "waits": False}, Heard.AWAY),
        ({"online": False, "since": EIGHT, "issued_at": AFTER, "waits": False}, Heard.BEHIND),
        ({"online": False, "since": EIGHT, "issued_at": BEFORE, "waits": True}, Heard.BEHIND),
    ],
)
def test_unit_knows_what_it_was_told_while_it_was_there(told: dict[str, Any], heard: Heard) -> None:
    """What was issued while a unit was away, or has not gone out, it does not know."""
    assert heard_of(**told) is heard

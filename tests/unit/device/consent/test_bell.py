"""The bell: which entries of the timetable are one lesson, and when a recording of it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from device.consent import PressDecision, decide_bell, decide_press, decide_running
from protocol.documents import Decision, LessonDecision, Permission, Policy
from tests.fakes.clock import BEGAN_AT
from tests.school import new_id

NOW = BEGAN_AT
MINUTE = timedelta(minutes=1)
DEVICE, TEACHER, COLLEAGUE, CLASS, OTHER_CLASS, ROOM = (new_id() for _ in range(6))
YES = Decision(permission=Permission.ALLOWED, reason="adults_accepted", owner=TEACHER)
NO = Decision(permission=Permission.REFUSED, reason="a_family_said_no")


def _seats(count: int) -> Decision:
    permission = Permission.ALLOWED_IF_SEATS_ARE_CHECKED
    return Decision(permission=permission, reason="one_family", owner=TEACHER, seats=count)


def _lesson(begins: int, ends: int, decision: Decision = YES, *, of: str = CLASS, by: str = TEACHER) -> LessonDecision:
    """Give an entry from `begins` to `ends` minutes after NOW."""
    return LessonDecision(
        lesson=f"{begins}",
        begins_at=NOW + begins * MINUTE,
        ends_at=NOW + ends * MINUTE,
        decision=decision,
        class_id=of,
        teacher=by,
        room=ROOM,
    )


def _policy(*lessons: LessonDecision, margin: int = 5, otherwise: Decision = NO, version: int = 1) -> Policy:
    return Policy(
        generation=1,
        version=version,
        issued_at=NOW - 60 * MINUTE,
        expires_at=NOW + 1000 * MINUTE,
        device=DEVICE,
        policy_version=7,
        lessons=lessons,
        otherwise=otherwise,
        margin_s=60 * margin,
    )


def _bell(policy: Policy, *, at: datetime = NOW, checked: int | None = None) -> float | None:
    """Give the bell in minutes after NOW."""
    bell = decide_bell(policy, began_at=at, checked=checked)
    return None if bell is None else (bell - NOW) / MINUTE


def test_lesson_before_a_free_hour_ends_with_the_whole_margin() -> None:
    """Nobody waits for the room: the recording may go on for the margin."""
    assert _bell(_policy(_lesson(-10, 35))) == 40


@pytest.mark.parametrize(("next_begins", "bell"), [(35, 35), (37, 37), (40, 40), (90, 40)])
def test_margin_ends_where_the_next_entry_begins(next_begins: int, bell: int) -> None:
    """The margin never reaches into another class's lesson."""
    assert _bell(_policy(_lesson(-10, 35), _lesson(next_begins, next_begins + 45, of=OTHER_CLASS))) == bell


@pytest.mark.parametrize("gap", [0, 5])
def test_double_lesson_is_one(gap: int) -> None:
    """Two entries of one class and teacher that follow each other, a short break between, ring one bell."""
    assert _bell(_policy(_lesson(-10, 35), _lesson(35 + gap, 80 + gap))) == 85 + gap


def test_order_of_the_entries_does_not_matter() -> None:
    """A snapshot may name its lessons in any order."""
    assert _bell(_policy(_lesson(35, 80), _lesson(-10, 35))) == 85


def test_entry_after_a_long_break_is_another_lesson() -> None:
    """The same class after recess is a new lesson, with a new press."""
    assert _bell(_policy(_lesson(-10, 35), _lesson(55, 100))) == 40


@pytest.mark.parametrize(
    "after",
    [
        _lesson(35, 80, of=OTHER_CLASS),
        _lesson(35, 80, by=COLLEAGUE),
        _lesson(35, 80, NO),
        _lesson(35, 80, _seats(1)),
        _lesson(35, 80, replace(YES, owner=COLLEAGUE)),
        replace(_lesson(35, 80), room=new_id()),
    ],
    ids=["class", "teacher", "refused", "seats", "owner", "room"],
)
def test_entry_that_differs_or_forbids_rings_the_bell_at_its_beginning(after: LessonDecision) -> None:
    """P3: a recording never goes on into an entry that its press could not have been for."""
    assert _bell(_policy(_lesson(-10, 35), after)) == 35


def test_seats_that_were_checked_go_on_into_the_second_entry() -> None:
    """As many or fewer seats than were checked need no second check."""
    policy = _policy(_lesson(-10, 35, _seats(2)), _lesson(35, 80, _seats(1)))
    assert _bell(policy, checked=2) == 85


def test_entries_without_a_class_are_never_joined() -> None:
    """What the snapshot does not say is not guessed."""
    bare = [replace(each, class_id=None) for each in (_lesson(-10, 35), _lesson(35, 80))]
    assert _bell(_policy(*bare)) == 35


def test_recording_outside_of_lessons_ends_at_the_next_one() -> None:
    """What holds outside of lessons does not hold in one."""
    assert _bell(_policy(_lesson(60, 100), otherwise=YES)) == 60
    assert _bell(_policy(otherwise=YES)) is None


def test_press_shortly_before_a_lesson_counts_for_it() -> None:
    """A teacher who presses while the class comes in records the lesson, under its decision and to its bell."""
    policy = _policy(_lesson(4, 49, YES), otherwise=NO)
    answer = decide_press(policy, NOW, clock_trusted=True)
    assert (answer.allowed, answer.lesson) == (True, "4")
    assert answer.ends_at == NOW + 54 * MINUTE
    assert not decide_press(_policy(_lesson(6, 49, YES)), NOW, clock_trusted=True).allowed


def test_press_shortly_before_a_lesson_that_refuses_is_refused() -> None:
    """The margin cuts both ways: who comes in now has not consented."""
    assert not decide_press(_policy(_lesson(4, 49, NO), otherwise=YES), NOW, clock_trusted=True).allowed


def test_overlapping_entries_must_all_allow() -> None:
    """P3: consent is needed of everyone in the room, also when the timetable puts two classes there."""
    assert not decide_press(_policy(_lesson(-10, 35), _lesson(-5, 40, NO)), NOW, clock_trusted=True).allowed
    both = _policy(_lesson(-10, 35), _lesson(-5, 40, of=OTHER_CLASS))
    assert decide_press(both, NOW, clock_trusted=True).allowed
    strangers = _policy(_lesson(-10, 35), _lesson(-5, 40, replace(YES, owner=COLLEAGUE)))
    assert decide_press(strangers, NOW, clock_trusted=True).reason == "lessons_overlap"


def test_entry_that_overlaps_later_rings_the_bell() -> None:
    """A class that comes into a running lesson ends its recording unless it is the same class."""
    assert _bell(_policy(_lesson(-10, 35), _lesson(20, 50, of=OTHER_CLASS))) == 20


def test_clock_that_is_not_trusted_knows_no_bell() -> None:
    """Without the hour only the limit ends a recording; the bell is asked again when the clock is set."""
    assert decide_press(_policy(_lesson(-10, 35)), NOW, clock_trusted=False).ends_at is None


def test_seats_are_needed_as_often_as_the_worst_lesson_left_says() -> None:
    """With an unknown hour the most seats of any lesson that is left must be checked."""
    policy = _policy(_lesson(10, 35, _seats(1)), _lesson(60, 90, _seats(3)), _lesson(100, 110))
    asked = decide_press(policy, NOW, clock_trusted=False)
    assert (asked.allowed, asked.reason, asked.seats) == (False, "seats_must_be_checked", 3)
    assert not decide_press(policy, NOW, clock_trusted=False, checked=2).allowed
    assert decide_press(policy, NOW, clock_trusted=False, checked=3).seats == 3


PERMIT = PressDecision(allowed=True, reason="r", owner=TEACHER, seats=1, policy_generation=1, policy_version=1)


@pytest.mark.parametrize(("seats", "goes_on"), [(0, True), (1, True), (2, False)])
def test_more_seats_than_were_checked_stop_a_running_recording(seats: int, goes_on: bool) -> None:  # noqa: FBT001
    """P3: another family's no is a change that forbids, until somebody has looked at the seats again."""
    policy = _policy(_lesson(-10, 35, _seats(seats)), version=2)
    assert decide_running(policy, PERMIT, began_at=NOW, clock_trusted=True) is goes_on


def test_seats_that_nobody_checked_stop_a_recording_that_needed_none() -> None:
    """P3: a recording begun without a check does not go on under a snapshot that wants one."""
    unchecked = replace(PERMIT, seats=None)
    policy = _policy(_lesson(-10, 35, _seats(0)), version=2)
    assert not decide_running(policy, unchecked, began_at=NOW, clock_trusted=True)

"""Consent: what a press may do, by the snapshot and the clock alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from device.consent import PressDecision, decide_bell, decide_press, decide_running
from protocol.documents import Decision, LessonDecision, Permission, Policy
from tests.fakes.clock import BEGAN_AT
from tests.school import new_id

NOW = BEGAN_AT
HOUR = timedelta(hours=1)
DEVICE, TEACHER, COLLEAGUE = new_id(), new_id(), new_id()
YES = Decision(permission=Permission.ALLOWED, reason="adults_accepted", owner=TEACHER)
COLLEAGUES = Decision(permission=Permission.ALLOWED, reason="adults_accepted", owner=COLLEAGUE)
NO = Decision(permission=Permission.REFUSED, reason="a_family_said_no")


def _lesson(name: str, after: timedelta, decision: Decision) -> LessonDecision:
    return LessonDecision(lesson=name, begins_at=NOW + after, ends_at=NOW + after + HOUR, decision=decision)


def _policy(
    *lessons: LessonDecision, otherwise: Decision = NO, version: int = 1, issued_at: datetime = NOW - HOUR
) -> Policy:
    return Policy(
        generation=1,
        version=version,
        issued_at=issued_at,
        expires_at=issued_at + 24 * HOUR,
        device=DEVICE,
        policy_version=7,
        lessons=lessons,
        otherwise=otherwise,
    )


def test_no_snapshot_refuses() -> None:
    """Fails closed: nothing known is a no."""
    answer = decide_press(None, NOW, clock_trusted=True)
    assert (answer.allowed, answer.reason) == (False, "no_policy")


def test_lesson_of_the_moment_decides() -> None:
    """Inside a lesson its own decision holds, and its owner and name go into the recording."""
    answer = decide_press(_policy(_lesson("7b", -HOUR / 2, YES)), NOW, clock_trusted=True)
    assert (answer.allowed, answer.owner, answer.lesson) == (True, TEACHER, "7b")
    assert (answer.policy_generation, answer.policy_version) == (1, 1)


@pytest.mark.parametrize("after", [HOUR, -2 * HOUR])
def test_outside_every_lesson_otherwise_decides(after: timedelta) -> None:
    """Before and after the lessons what holds otherwise holds."""
    answer = decide_press(_policy(_lesson("7b", after, YES)), NOW, clock_trusted=True)
    assert (answer.allowed, answer.reason) == (False, "a_family_said_no")


def test_lesson_ends_at_its_end() -> None:
    """The end is the first instant outside."""
    policy = _policy(_lesson("7b", -HOUR, YES))
    assert decide_press(policy, NOW - timedelta(milliseconds=1), clock_trusted=True).allowed
    assert not decide_press(policy, NOW, clock_trusted=True).allowed


def test_expired_snapshot_refuses_even_where_it_allowed() -> None:
    """A yes that ran out is a no."""
    policy = _policy(otherwise=YES, issued_at=NOW - 24 * HOUR)
    assert decide_press(policy, NOW, clock_trusted=True).reason == "policy_expired"
    assert decide_press(policy, NOW - timedelta(seconds=1), clock_trusted=True).allowed


def test_seats_that_nobody_checked_are_a_refusal() -> None:
    """A permission that depends on a check is none until somebody says that it was made."""
    decision = Decision(permission=Permission.ALLOWED_IF_SEATS_ARE_CHECKED, reason="one_seat", owner=TEACHER, seats=1)
    answer = decide_press(_policy(otherwise=decision), NOW, clock_trusted=True)
    assert (answer.allowed, answer.reason, answer.seats) == (False, "seats_must_be_checked", 1)
    assert decide_press(_policy(otherwise=decision), NOW, clock_trusted=True, checked=1).seats == 1


def test_permission_without_an_owner_is_a_refusal() -> None:
    """Nobody's recording would be anybody's."""
    decision = Decision(permission=Permission.ALLOWED, reason="adults_accepted")
    assert decide_press(_policy(otherwise=decision), NOW, clock_trusted=True).reason == "no_owner"


def test_clock_that_is_not_trusted_needs_every_lesson_left() -> None:
    """When the hour is not known, one lesson that refuses refuses all; lessons that are over do not count."""
    yes, no = _lesson("7b", 2 * HOUR, YES), _lesson("8a", 4 * HOUR, NO)
    assert not decide_press(_policy(yes, no), NOW, clock_trusted=False).allowed
    assert decide_press(_policy(yes), NOW, clock_trusted=False).allowed
    assert decide_press(_policy(yes, _lesson("6c", -3 * HOUR, NO)), NOW, clock_trusted=False).allowed


def test_clock_that_is_not_trusted_needs_one_owner() -> None:
    """Two teachers' lessons are left: whose recording it would be cannot be known, so it is refused."""
    policy = _policy(_lesson("7b", HOUR, YES), _lesson("8a", 3 * HOUR, COLLEAGUES))
    assert decide_press(policy, NOW, clock_trusted=False).reason == "clock_not_trusted"


def test_clock_that_is_not_trusted_names_no_lesson() -> None:
    """The recording does not claim to be of a lesson that it may not be of."""
    assert decide_press(_policy(_lesson("7b", HOUR, YES)), NOW, clock_trusted=False).lesson is None


def test_clock_that_is_not_trusted_and_no_lesson_left_asks_what_holds_otherwise() -> None:
    """A school without a timetable works without a trusted clock."""
    assert decide_press(_policy(otherwise=YES), NOW, clock_trusted=False).allowed


PERMIT = PressDecision(
    allowed=True, reason="adults_accepted", owner=TEACHER, lesson="7b", policy_generation=1, policy_version=1
)


def _goes_on(policy: Policy | None) -> bool:
    return decide_running(policy, PERMIT, began_at=NOW, clock_trusted=True)


def test_recording_goes_on_under_the_snapshot_that_allowed_it() -> None:
    """The end of the lesson alone stops nothing."""
    assert _goes_on(_policy(_lesson("7b", -HOUR / 2, YES)))


def test_recording_goes_on_when_the_snapshot_is_gone() -> None:
    """Only a change that forbids stops a running recording, not a missing file."""
    assert _goes_on(None)


def test_newer_snapshot_that_forbids_stops_the_recording() -> None:
    """P3: consent that is withdrawn ends the recording that it allowed."""
    assert not _goes_on(_policy(_lesson("7b", -HOUR / 2, NO), version=2))


def test_newer_snapshot_that_still_allows_lets_it_go_on() -> None:
    """A new version for other reasons does not disturb the lesson."""
    assert _goes_on(_policy(_lesson("7b", -HOUR / 2, YES), version=2))


def test_newer_snapshot_for_another_owner_stops_the_recording() -> None:
    """A lesson that is somebody else's now is not what was allowed."""
    assert not _goes_on(_policy(_lesson("7b", -HOUR / 2, COLLEAGUES), version=2))


SILENT = replace(YES, must_omit_sound=True)


def test_one_decision_without_sound_leaves_it_out() -> None:
    """The strictest counts: among the entries that run, and among all that are left where the hour is not known."""
    both = _policy(_lesson("7b", -HOUR / 2, YES), _lesson("6c", -HOUR / 4, SILENT))
    assert [decide_press(both, NOW, clock_trusted=trusted).sound for trusted in (True, False)] == [False, False]
    later = _policy(_lesson("7b", -HOUR / 2, YES), _lesson("6c", 3 * HOUR, SILENT))
    assert [decide_press(later, NOW, clock_trusted=trusted).sound for trusted in (True, False)] == [True, False]


def test_recording_begun_without_sound_stays_so() -> None:
    """A snapshot that would let the room be heard changes nothing for it."""
    answer = decide_press(_policy(otherwise=YES), NOW, clock_trusted=True, sound=False)
    assert (answer.allowed, answer.sound) == (True, False)


@pytest.mark.parametrize(("begun", "newer", "goes_on"), [(YES, SILENT, False), (SILENT, YES, True)])
def test_change_to_less_sound_forbids(begun: Decision, newer: Decision, *, goes_on: bool) -> None:
    """A recording that is heard ends when it may not be; one without sound goes on, without."""
    permit = decide_press(_policy(otherwise=begun), NOW, clock_trusted=True)
    changed = replace(_policy(otherwise=newer), version=8)
    assert decide_running(changed, permit, began_at=NOW, clock_trusted=True) is goes_on


@pytest.mark.parametrize(("sound", "ends_after"), [(True, HOUR / 2), (False, 3 * HOUR / 2)])
def test_bell_rings_before_an_entry_without_sound(*, sound: bool, ends_after: timedelta) -> None:
    """Two entries of one class are one lesson only where the second may be recorded as the first is."""
    place = {"class_id": new_id(), "teacher": new_id()}
    first = replace(_lesson("7b", -HOUR / 2, YES), **place)
    second = replace(_lesson("7b", HOUR / 2, SILENT), **place)
    assert decide_bell(_policy(first, second), began_at=NOW, checked=None, sound=sound) == NOW + ends_after

"""Consent as a law, on random timetables: no press and no recording reaches into a lesson that does not allow it."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from device.consent import PressDecision, decide_bell, decide_press, decide_running
from protocol.documents import Decision, LessonDecision, Permission, Policy
from tests.fakes.clock import BEGAN_AT
from tests.school import new_id

NOW = BEGAN_AT
MINUTE = timedelta(minutes=1)
DEVICE = new_id()
OWNERS, CLASSES, TEACHERS = ((new_id(), new_id()) for _ in range(3))

decisions = st.builds(
    Decision,
    permission=st.sampled_from(Permission),
    reason=st.just("r"),
    owner=st.sampled_from((None, *OWNERS)),
    seats=st.integers(0, 2),
    must_omit_sound=st.sampled_from((None, True)),
)


@st.composite
def entries(draw: st.DrawFn) -> LessonDecision:
    """Draw an entry that begins and ends on multiples of five minutes, so that they touch and overlap often."""
    begins = draw(st.integers(-12, 24)) * 5
    return LessonDecision(
        lesson=str(draw(st.integers(0, 99))),
        begins_at=NOW + begins * MINUTE,
        ends_at=NOW + (begins + 5 * draw(st.integers(1, 9))) * MINUTE,
        decision=draw(decisions),
        class_id=draw(st.sampled_from((None, *CLASSES))),
        teacher=draw(st.sampled_from((None, *TEACHERS))),
    )


@st.composite
def policies(draw: st.DrawFn, version: int = 1) -> Policy:
    """Draw a snapshot of some entries."""
    return Policy(
        generation=1,
        version=version,
        issued_at=NOW - 1000 * MINUTE,
        expires_at=NOW + 1000 * MINUTE,
        device=DEVICE,
        policy_version=1,
        lessons=tuple(draw(st.lists(entries(), max_size=5))),
        otherwise=draw(decisions),
        margin_s=draw(st.sampled_from((0, 300, 900))),
    )


moments = st.integers(-30, 60).map(lambda minutes: NOW + minutes * MINUTE)
checks = st.sampled_from((None, 0, 1, 2))


def _allows(decision: Decision, answer: PressDecision, checked: int | None) -> bool:
    if decision.permission is Permission.REFUSED or decision.owner != answer.owner:
        return False
    if answer.sound and not decision.sound:
        return False
    return decision.permission is Permission.ALLOWED or (checked is not None and checked >= decision.seats)


@given(policies(), moments, checks)
def test_allowed_press_is_allowed_by_every_entry_that_runs(policy: Policy, now: datetime, checked: int | None) -> None:
    """P3: whoever sits in the room at the press has consented, under whatever entry they sit there."""
    answer = decide_press(policy, now, clock_trusted=True, checked=checked)
    running = [each for each in policy.lessons if each.begins_at <= now < each.ends_at]
    assert not answer.allowed or all(_allows(each.decision, answer, checked) for each in running)
    assert answer.allowed or not answer.owner


@given(policies(), moments, checks)
def test_press_without_the_hour_is_allowed_by_every_entry_left(
    policy: Policy, now: datetime, checked: int | None
) -> None:
    """P3: an unknown hour may be any of those that are left."""
    answer = decide_press(policy, now, clock_trusted=False, checked=checked)
    left = [each for each in policy.lessons if each.ends_at > now]
    assert not answer.allowed or all(_allows(each.decision, answer, checked) for each in left)


@given(policies(), moments, checks)
def test_recording_never_reaches_into_an_entry_that_does_not_allow_it(
    policy: Policy, began_at: datetime, checked: int | None
) -> None:
    """P3: between the press and the bell no entry begins that refuses, is another's, needs more seats or less sound."""
    answer = decide_press(policy, began_at, clock_trusted=True, checked=checked)
    if not answer.allowed:
        return
    bell = decide_bell(policy, began_at=began_at, checked=checked, sound=answer.sound)
    assert answer.ends_at == bell
    met = [each for each in policy.lessons if each.begins_at > began_at and (bell is None or each.begins_at < bell)]
    assert all(_allows(each.decision, answer, checked) for each in met)


@given(policies(), policies(version=2), moments, checks)
def test_what_goes_on_under_a_newer_snapshot_would_be_allowed_by_it(
    policy: Policy, newer: Policy, began_at: datetime, checked: int | None
) -> None:
    """P3: a running recording is never better off than a press would have been, with the seats that were checked."""
    permit = decide_press(policy, began_at, clock_trusted=True, checked=checked)
    if permit.allowed and decide_running(newer, permit, began_at=began_at, clock_trusted=True):
        again = decide_press(newer, began_at, clock_trusted=True, checked=permit.seats)
        assert again.allowed
        assert again.sound or not permit.sound
        assert again.owner == permit.owner

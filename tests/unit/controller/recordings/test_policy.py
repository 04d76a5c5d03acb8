"""What may be done with a recording, by state and time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from controller.recordings.models import Ownership, RecordingState
from controller.recordings.policy import is_short, is_whole, may_play, may_undo, plan_deletion

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ARRIVING, READY = RecordingState.ARRIVING, RecordingState.READY
LOCKED, DESTROYED = RecordingState.LOCKED, RecordingState.DESTROYED


def test_only_what_is_ready_is_played() -> None:
    """Arriving, locked and destroyed recordings are played for nobody."""
    assert [state for state in RecordingState if may_play(state, Ownership.CONFIRMED)] == [READY]


def test_deletion_locks_at_once_and_ends_after_its_days() -> None:
    """What is there can be deleted, once; the end comes so many days later."""
    for state in (ARRIVING, READY):
        plan = plan_deletion(state, now=NOW, undo_days=7)
        assert plan is not None
        assert (plan.locked_at, plan.destroy_after) == (NOW, NOW + timedelta(days=7))
    assert plan_deletion(LOCKED, now=NOW, undo_days=7) is None
    assert plan_deletion(DESTROYED, now=NOW, undo_days=7) is None


def test_deletion_is_undone_until_its_end_and_not_at_it() -> None:
    """Up to the last moment, not at the end; what is not locked cannot be unlocked."""
    end = NOW + timedelta(days=7)
    assert may_undo(LOCKED, destroy_after=end, now=end - timedelta(seconds=1))
    assert not may_undo(LOCKED, destroy_after=end, now=end)
    assert not any(may_undo(state, destroy_after=end, now=NOW) for state in (ARRIVING, READY, DESTROYED))


@pytest.mark.parametrize(
    ("closed", "held", "expected"),
    [(True, {0, 1, 2}, True), (False, {0, 1, 2}, False), (True, {1, 2}, False), (True, {0, 1}, False)],
)
def test_recording_is_whole_with_closed_manifest_key_and_all_objects(
    closed: bool,  # noqa: FBT001
    held: set[int],
    expected: bool,  # noqa: FBT001
) -> None:
    """Whole needs all three."""
    assert is_whole(closed=closed, objects=(0, 1, 2), held=frozenset(held)) is expected


@pytest.mark.parametrize(
    ("duration_ms", "closed", "state", "short"),
    [
        (119_999, True, READY, True),
        (120_000, True, READY, False),
        (5_000, True, ARRIVING, True),
        (5_000, False, ARRIVING, False),
        (5_000, True, LOCKED, False),
    ],
)
def test_short_recording_is_one_of_under_two_minutes(
    duration_ms: int, closed: object, state: RecordingState, short: object
) -> None:
    """One that still runs, whose end is not known, is none; nor is one that was deleted already."""
    assert is_short(state, duration_ms=duration_ms, closed=bool(closed)) is short


def test_nothing_is_played_before_somebody_said_that_it_is_theirs() -> None:
    """Of all states of ownership only a confirmed one opens."""
    assert [each for each in Ownership if may_play(READY, each)] == [Ownership.CONFIRMED]

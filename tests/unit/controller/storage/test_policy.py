"""Names and times of the storage identity, and the bound of promise P8: by when nothing anywhere opens a recording."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.storage.policy import (
    LATE,
    Rotation,
    find_bound,
    is_due,
    name_next,
    parse_made_at,
    rotated_by,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
MONTH = 30 * DAY


@given(st.lists(st.integers(-40, 400), min_size=1, max_size=60))
def test_next_name_comes_after_every_other(days: list[int]) -> None:
    """Whatever the clock does, and however often a day, a new identity is the one in force; a name is a file's name."""
    names: list[str] = []
    for day in days:
        new = name_next(names, NOW + day * DAY)
        assert all(new > name for name in names)
        assert parse_made_at(new) is not None
        names.append(new)


def test_identity_is_renewed_when_it_has_served_its_time() -> None:
    """Not a day before, not while a rotation goes on, and never by a name that does not say its day."""
    assert not is_due(["2026-10-25"], NOW, MONTH)
    assert is_due(["2026-10-24"], NOW, MONTH)
    assert not is_due(["2026-10-20", "2026-10-24"], NOW, MONTH)
    assert not is_due(["first"], NOW, MONTH)
    assert not is_due([], NOW, MONTH)


def rotation(*names: str, is_automatic: bool = True) -> Rotation:
    """Describe how it rotates."""
    return Rotation(names=names, every=MONTH, is_automatic=is_automatic)


@pytest.mark.parametrize(
    ("after", "rotations"),
    [(timedelta(), 1), (29 * DAY, 1), (30 * DAY, 1), (31 * DAY, 2), (60 * DAY, 2), (61 * DAY, 3)],
)
def test_rotation_after_the_file_counts(after: timedelta, rotations: int) -> None:
    """The identity in force when the entry goes is destroyed by the first rotation after that, with two days' grace."""
    made_at = datetime(2026, 11, 23, tzinfo=UTC)
    by = rotated_by(rotation("2026-11-23"), file_at=made_at + after, now=made_at)
    assert by == made_at + rotations * MONTH + LATE


def test_rotation_that_is_late_or_not_by_itself_promises_nothing() -> None:
    """No date is better than one that nobody keeps."""
    file_at = NOW + 7 * DAY
    assert rotated_by(rotation("2026-11-20", is_automatic=False), file_at=file_at, now=NOW) is None
    assert rotated_by(rotation("2026-10-01"), file_at=file_at, now=NOW) is None
    assert rotated_by(rotation("2026-10-21", "2026-11-20"), file_at=file_at, now=NOW) is None
    assert rotated_by(rotation("2026-10-23", "2026-11-22"), file_at=file_at, now=NOW) is not None
    assert rotated_by(rotation("first"), file_at=file_at, now=NOW) is None


@given(st.permutations([NOW + 7 * DAY, NOW + 40 * DAY, NOW + 21 * DAY]))
def test_bound_is_the_latest_of_file_rotation_and_epoch(times: list[datetime]) -> None:
    """Each of the three may be the one that is waited for."""
    file_at, rotation_at, epoch_at = times
    bound = find_bound(file_at=file_at, rotation_at=rotation_at, epoch_at=epoch_at)
    assert (bound.at, bound.waits_for_rotation, bound.waits_for_epoch) == (NOW + 40 * DAY, False, False)


def test_bound_without_a_date_says_what_it_waits_for() -> None:
    """If one of them has no date, the whole has none."""
    bound = find_bound(file_at=NOW, rotation_at=None, epoch_at=NOW)
    assert (bound.at, bound.waits_for_rotation, bound.waits_for_epoch) == (None, True, False)
    bound = find_bound(file_at=NOW, rotation_at=NOW, epoch_at=None)
    assert (bound.at, bound.waits_for_rotation, bound.waits_for_epoch) == (None, False, True)

"""What a schedule says of an instant, and when a lease is to be asked for anew."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from device.uploads.follow import Line, began_at, is_renewal_due, judge_line
from protocol.documents import Lease
from protocol.schedule import Opening, Schedule
from tests.school import new_id
from tests.unit.device.uploads.conftest import NOW

HOUR = timedelta(hours=1)


def scheduled(*hours: tuple[float, float]) -> Schedule:
    """Make a schedule with openings by hours from now."""
    openings = tuple(
        Opening(begins_at=NOW + begins * HOUR, ends_at=NOW + ends * HOUR, rate_bps=1) for begins, ends in hours
    )
    ends_at = NOW + timedelta(days=14)
    return Schedule(generation=1, version=1, issued_at=NOW, expires_at=ends_at, device=new_id(), openings=openings)


def leased(ends_at: datetime) -> Lease:
    """Make a lease from now on."""
    return Lease(
        generation=1,
        version=1,
        issued_at=NOW,
        expires_at=ends_at,
        device=new_id(),
        lease=new_id(),
        fence=1,
        rate_bps=1,
        not_before=NOW,
    )


@pytest.mark.parametrize(("at_h", "expected"), [(0, Line.CLOSED), (1, Line.OPEN), (2, Line.OPEN), (3, Line.CLOSED)])
def test_line_is_what_the_schedule_says(at_h: float, expected: Line) -> None:
    """Inside an opening it is open, its end and everything else is closed; nobody knows without a schedule."""
    assert judge_line(scheduled((1, 2), (2, 3)), NOW + at_h * HOUR) is expected
    assert judge_line(None, NOW + at_h * HOUR) is Line.UNKNOWN


def test_schedule_without_openings_is_closed_and_not_unknown() -> None:
    """A pause of all uploads is a schedule, too: the unit does not ask as if it had none."""
    assert judge_line(scheduled(), NOW) is Line.CLOSED


@pytest.mark.parametrize(("at_h", "expected_h"), [(0, None), (1, 1), (2.5, 1), (3, None), (4.5, 4), (5, None)])
def test_line_has_been_open_since_the_first_of_openings_that_meet(at_h: float, expected_h: float | None) -> None:
    """Where only the rate changes, nothing begins."""
    expected = None if expected_h is None else NOW + expected_h * HOUR
    assert began_at(scheduled((1, 2), (2, 3), (4, 5)), NOW + at_h * HOUR) == expected


def test_renewal_is_due_in_the_last_third_and_not_at_the_end_of_an_opening() -> None:
    """Little is left, and the line stays open: ask. A lease that ends with the line is not renewed by anybody."""
    lease, wide, narrow = leased(NOW + 3 * HOUR), scheduled((0, 8)), scheduled((0, 3))
    assert not is_renewal_due(lease, wide, NOW + 2 * HOUR)
    assert is_renewal_due(lease, wide, NOW + 2.1 * HOUR)
    assert is_renewal_due(lease, None, NOW + 2.1 * HOUR)
    assert not is_renewal_due(lease, narrow, NOW + 2.1 * HOUR)

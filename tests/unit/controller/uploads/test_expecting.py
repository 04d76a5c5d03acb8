"""By about when a recording is here: pure, at chosen instants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from controller.uploads.expecting import Prospect, expected_end

OPENS = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
GB = 10**9
TONIGHT = Prospect(
    ahead_bytes=GB,
    waiting_bytes=4 * GB,
    rate_bps=0,
    line_s=4 * 3600.0,
    opens_at=OPENS,
    closes_at=OPENS + timedelta(hours=8),
)


def test_recording_that_is_being_sent_ends_by_its_units_rate() -> None:
    """A gigabyte at 10 Mbit/s: 800 seconds from now."""
    now = OPENS + timedelta(hours=1)
    assert expected_end(replace(TONIGHT, rate_bps=10_000_000), now) == now + timedelta(seconds=800)


def test_before_the_night_the_oldest_quarter_takes_a_quarter_of_it() -> None:
    """Every unit is done at the end of what the line needs; what is oldest there leaves first."""
    assert expected_end(TONIGHT, OPENS - timedelta(hours=5)) == OPENS + timedelta(hours=1)


def test_unit_whose_turn_comes_is_done_with_the_line_at_the_latest() -> None:
    """Within the night nobody knows when its turn comes: all is through after the line's time."""
    now = OPENS + timedelta(hours=1)
    assert expected_end(TONIGHT, now) == now + timedelta(hours=4)


def test_nothing_is_said_of_what_does_not_fit() -> None:
    """The night is too short, or nothing is known to be ahead: no time is named."""
    assert expected_end(replace(TONIGHT, line_s=40 * 3600.0), OPENS - timedelta(hours=1)) is None
    assert expected_end(replace(TONIGHT, ahead_bytes=0), OPENS) is None

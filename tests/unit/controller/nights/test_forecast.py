"""How much a line carries until when, against sums done by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from controller.nights.forecast import BUSY_SLOTS, carries_bytes, end_of, join, measured_bps
from protocol.schedule import Opening, OpeningKind

T = datetime(2026, 11, 9, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _open(begins: float, ends: float, rate_bps: int) -> Opening:
    return Opening(begins_at=T + begins * HOUR, ends_at=T + ends * HOUR, rate_bps=rate_bps, kind=OpeningKind.NIGHT)


def test_two_sites_share_the_total() -> None:
    """Where both are open the total binds; where one is, its own rate."""
    joined = join([_open(0, 2, 60), _open(1, 3, 60)], total_bps=100, since=T)
    assert [each.rate_bps for each in joined] == [60, 100, 60]
    assert carries_bytes(joined) == (60 + 100 + 60) * 3600 // 8


def test_gap_carries_nothing() -> None:
    """Between two windows time passes and nothing comes."""
    joined = join([_open(0, 1, 80), _open(2, 3, 80)], total_bps=1000, since=T)
    assert [each.rate_bps for each in joined] == [80, 0, 80]
    assert end_of(joined, 1.5 * 80 * 3600 / 8) == T + 2.5 * HOUR


def test_end_is_where_the_sum_is_carried() -> None:
    """Half of what a stretch carries is there at half of it; more than everything never."""
    joined = join([_open(0, 8, 8_000_000)], total_bps=1e9, since=T + HOUR)
    assert end_of(joined, 3.5 * 3600 * 1e6) == T + 4.5 * HOUR
    assert end_of(joined, 7 * 3600 * 1e6) == T + 8 * HOUR
    assert end_of(joined, 7 * 3600 * 1e6 + 1) is None


def test_few_slots_are_no_measure() -> None:
    """Two hours of sending are; slots in which nothing came say nothing of the line."""
    assert measured_bps([5.0] * (BUSY_SLOTS - 1) + [0.0] * 100) is None
    assert measured_bps([5.0] * BUSY_SLOTS + [0.0] * 100) == 5.0

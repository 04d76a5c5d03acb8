"""The units' offsets: each its own, inside the window, spread so that few ask in one second."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.calendar.offsets import LONGEST, offset, stagger
from protocol.ids import make_id
from protocol.schedule import Opening, OpeningKind

BEGINS = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
devices = st.binary(min_size=16, max_size=16).map(make_id)


def opening(begins_h: float, ends_h: float, kind: OpeningKind = OpeningKind.NIGHT) -> Opening:
    """Make an opening by hours."""
    return Opening(begins_at=BEGINS + begins_h * HOUR, ends_at=BEGINS + ends_h * HOUR, rate_bps=1, kind=kind)


@given(devices, st.integers(60, 90_000))
def test_offset_lies_in_the_first_tenth_and_half_hour(device: str, length_s: int) -> None:
    """Never negative, in whole seconds, the same each time, and small beside the window."""
    ends_at = BEGINS + timedelta(seconds=length_s)
    put_off = offset(device, BEGINS, ends_at)
    assert timedelta(0) <= put_off <= min(LONGEST, (ends_at - BEGINS) / 10)
    assert put_off == offset(device, BEGINS, ends_at)
    assert put_off.microseconds == 0


def test_ten_thousand_units_do_not_ask_in_one_second() -> None:
    """In a night of eight hours hardly more than ten thousand in half an hour: some in each second, never a crowd."""
    seconds = Counter(offset(make_id(n.to_bytes(16)), BEGINS, BEGINS + 8 * HOUR) for n in range(10_000))
    assert max(seconds.values()) < 25
    assert len(seconds) > 1_700


@given(devices)
def test_window_begins_once_at_the_offset_and_keeps_its_end(device: str) -> None:
    """A change of the rate inside a night puts nothing off again; the day has an offset of its own."""
    night, day = [opening(0, 0.01), opening(0.01, 2), opening(2, 8)], opening(8, 18, OpeningKind.TRICKLE)
    late = stagger([*night, day], device)
    begins_at = BEGINS + offset(device, BEGINS, BEGINS + 8 * HOUR)
    assert late[0].begins_at == begins_at
    assert late[-2] == night[-1]
    assert late[-1].begins_at == day.begins_at + offset(device, day.begins_at, day.ends_at)
    assert [each.ends_at for each in late][-2:] == [night[-1].ends_at, day.ends_at]

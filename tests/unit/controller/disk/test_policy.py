"""How much may be promised: whatever is granted finds room above the low mark, and full stays full until the high."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.disk.policy import Ask, Disk, Marks, Room, admit, decide_room, nights_left, promise_of, time_for

NOW = datetime(2026, 11, 23, 22, tzinfo=UTC)
MARKS = Marks(reserve_bytes=100, low_bytes=200, high_bytes=400)


def room_of(free: int, promised: int = 0, *, was_full: bool = False) -> Room:
    """Decide at the marks of this file."""
    return decide_room(Disk(free_bytes=free, promised_bytes=promised, was_full=was_full), MARKS)


def test_room_counts_what_leases_may_still_bring() -> None:
    """1,000 free, 300 promised, 200 to be left: 500 may be granted."""
    assert room_of(1_000, 300) == Room(grantable_bytes=500, is_full=False, is_overdrawn=False)


def test_full_disk_stays_full_until_the_high_mark() -> None:
    """Between the marks the last decision counts; above the high one there is room, below the low one there is none."""
    assert [room_of(free).is_full for free in (199, 200, 399)] == [True, False, False]
    assert [room_of(free, was_full=True).is_full for free in (199, 200, 399, 400)] == [True, True, True, False]


def test_what_runs_is_taken_back_only_where_it_could_reach_the_reserve() -> None:
    """Below the low mark leases run out; where they could reach the reserve they are overdrawn."""
    assert [room_of(500, promised).is_overdrawn for promised in (300, 400, 401)] == [False, False, True]


ASKS = st.builds(
    Ask, promise_bytes=st.integers(0, 3_000), held_bytes=st.integers(0, 500), least_bytes=st.integers(0, 300)
)


@given(free=st.integers(0, 10_000), promised=st.integers(0, 5_000), asks=st.lists(ASKS, max_size=12))
def test_nothing_that_is_granted_reaches_below_the_low_mark(free: int, promised: int, asks: list[Ask]) -> None:
    """However many leases are asked for: what they may bring beside what they replace fits above the low mark."""
    room = room_of(free, promised)
    after, shares = admit(room, asks)
    growing = [(ask, share) for ask, share in zip(asks, shares, strict=True) if share > ask.held_bytes]
    given_back = sum(max(0, ask.held_bytes - ask.promise_bytes) for ask in asks)
    more = sum(share - ask.held_bytes for ask, share in growing)
    assert more <= (0 if room.is_full else free - promised - MARKS.low_bytes + given_back)
    assert all(share <= ask.promise_bytes for ask, share in zip(asks, shares, strict=True))
    assert after.is_full or all(share for ask, share in zip(asks, shares, strict=True) if ask.promise_bytes)


def test_lease_that_finds_too_little_room_makes_the_disk_full() -> None:
    """Whole, shortened to what is left, none: after this round none is granted before the high mark."""
    asks = [Ask(promise_bytes=500, least_bytes=50), Ask(promise_bytes=400, least_bytes=50)]
    after, shares = admit(room_of(1_000), asks)
    assert (shares, after.is_full, after.grantable_bytes) == ((500, 300), False, 0)
    after, shares = admit(after, asks[:1])
    assert (shares, after.is_full) == ((0,), True)


def test_time_for_a_promise_never_promises_more() -> None:
    """The time is cut to whole seconds."""
    assert time_for(1_999, 8_000) == timedelta(seconds=1)


def test_promise_is_rate_times_time() -> None:
    """8 Mbit/s for a quarter of an hour are 900 MB; a lease that is over promises nothing."""
    assert promise_of(8_000_000, ends_at=NOW + timedelta(minutes=15), now=NOW) == 900_000_000
    assert promise_of(8_000_000, ends_at=NOW - timedelta(minutes=15), now=NOW) == 0


def test_nights_are_told_of_five_rooms_or_more() -> None:
    """700 in a week, room for 1,000: ten nights, which four rooms are not told, nor anybody while nothing came."""
    assert nights_left(1_000, taken_bytes=700, nights=7, rooms=5) == 10
    assert nights_left(1_000, taken_bytes=700, nights=7, rooms=4) is None
    assert nights_left(1_000, taken_bytes=0, nights=7, rooms=40) is None

"""The allocation: caps that are never exceeded, nothing left over that could be used, and who comes first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.fleet import NOT_MEASURED, Allocation, Fleet, Line
from controller.uploads.scheduler.reasons import Reason

MBIT = 1_000_000
LESSON = 700_000_000


def make_fleet(
    waiting: list[int],
    *,
    site: list[int] | None = None,
    due: list[int] | None = None,
    link: list[int] | None = None,
    granted: list[int] | None = None,
) -> Fleet:
    """Make units by their bytes; whatever is not given is nothing, or not known."""
    zeros, lent = [0] * len(waiting), np.array(granted or [0] * len(waiting), np.int64)
    return Fleet(
        site=np.array(site or zeros, np.int64),
        waiting_bytes=np.array(waiting, np.int64),
        due_bytes=np.array(due or zeros, np.int64),
        link_bps=np.array(link or zeros, np.int64),
        measured_bps=np.full(len(waiting), NOT_MEASURED),
        granted_bps=lent,
        counted_bps=lent,
        leaves_s=np.full(len(waiting), np.inf),
        by_day=np.zeros(len(waiting), bool),
    )


def make_line(total_bps: int, site_bps: list[int], *, at_a_time: int = 1500, left_s: float = 8 * 3600.0) -> Line:
    """Make a line at night."""
    return Line(
        total_bps=total_bps,
        site_bps=np.array(site_bps, np.int64),
        left_s=np.full(len(site_bps), left_s),
        by_day=np.zeros(len(site_bps), bool),
        at_a_time=at_a_time,
        tick_s=30.0,
    )


SITES = 4
UNIT = st.tuples(
    st.integers(0, SITES - 1),
    st.one_of(st.just(0), st.integers(1, 10 * LESSON)),
    st.integers(0, 10 * LESSON),
    st.one_of(st.just(0), st.integers(100_000, 200 * MBIT)),
    st.one_of(st.just(0), st.integers(1, 30 * MBIT)),
)
UNITS = st.lists(UNIT, min_size=1, max_size=60)
RATE = st.integers(0, 300 * MBIT)
LINES = st.tuples(st.integers(1, 500 * MBIT), st.lists(RATE, min_size=SITES, max_size=SITES), st.integers(1, 70))


def decide(
    units: list[tuple[int, int, int, int, int]], line: tuple[int, list[int], int]
) -> tuple[Fleet, Line, Allocation]:
    """Decide for made-up units, of whose leases those stand that an earlier decision may have given."""
    site, waiting, due, link, lent = (list(column) for column in zip(*units, strict=True))
    total_bps, site_bps, at_a_time = line
    fleet, given_line = (
        make_fleet(waiting, site=site, due=due, link=link),
        make_line(total_bps, site_bps, at_a_time=at_a_time),
    )
    granted, room, total = [], list(site_bps), total_bps
    for where, rate in zip(site, lent, strict=True):
        granted.append(min(rate, room[where], total))
        room[where], total = room[where] - granted[-1], total - granted[-1]
    held = np.array(granted, np.int64)
    fleet = replace(fleet, granted_bps=held, counted_bps=held)
    return fleet, given_line, allocate(fleet, given_line)


@given(UNITS, LINES)
@settings(max_examples=300)
def test_rates_never_exceed_a_cap_while_nobody_has_heard(
    units: list[tuple[int, int, int, int, int]], line: tuple[int, list[int], int]
) -> None:
    """Each unit at the faster of its old and its new rate: no site and not the line is above its cap."""
    fleet, caps, decided = decide(units, line)
    worst = np.maximum(decided.rate_bps, fleet.counted_bps)
    assert worst.sum() <= caps.total_bps
    assert (np.bincount(fleet.site, worst, SITES) <= caps.site_bps).all()
    assert (decided.rate_bps >= 0).all()


@given(UNITS, LINES)
@settings(max_examples=300)
def test_nobody_sends_without_bytes_and_no_more_than_may_at_a_time(
    units: list[tuple[int, int, int, int, int]], line: tuple[int, list[int], int]
) -> None:
    """Who has nothing gets nothing, nor who is at a closed site; and no more have a lease than may."""
    fleet, caps, decided = decide(units, line)
    sends = decided.rate_bps > 0
    assert not (sends & (fleet.waiting_bytes == 0)).any()
    assert not (sends & (caps.site_bps[fleet.site] == 0)).any()
    assert np.count_nonzero(sends) <= caps.at_a_time


@given(UNITS, LINES)
@settings(max_examples=200)
def test_nothing_is_left_over_that_a_unit_could_use(
    units: list[tuple[int, int, int, int, int]], line: tuple[int, list[int], int]
) -> None:
    """From a free line, with a place for all: who has less than its link takes has its site's cap or the line full.

    But for a few bit/s: rates are whole numbers, and each step of the sharing rounds down.
    """
    fresh = [(site, waiting, due, link, 0) for site, waiting, due, link, _ in units]
    fleet, caps, decided = decide(fresh, (line[0], line[1], 1000))
    slack = np.minimum(
        (caps.site_bps - np.bincount(fleet.site, decided.rate_bps, SITES))[fleet.site],
        caps.total_bps - decided.rate_bps.sum(),
    )
    link = np.where(fleet.link_bps > 0, fleet.link_bps, 20 * MBIT)
    wants = (fleet.waiting_bytes > 0) & (decided.rate_bps < link) & (caps.site_bps[fleet.site] > 0)
    assert (slack[wants] <= 4 * len(fleet)).all()


def test_decision_is_the_same_twice() -> None:
    """The same columns give the same rates."""
    fleet = make_fleet([LESSON] * 50, link=[30 * MBIT] * 50)
    line = make_line(100 * MBIT, [100 * MBIT], at_a_time=7)
    assert (allocate(fleet, line).rate_bps == allocate(fleet, line).rate_bps).all()


def test_rates_go_by_what_is_left() -> None:
    """Who has three lessons gets three times the rate of who has one: both are done at the same time."""
    decided = allocate(make_fleet([LESSON, 3 * LESSON], link=[90 * MBIT] * 2), make_line(40 * MBIT, [40 * MBIT]))
    assert decided.rate_bps.tolist() == [10 * MBIT, 30 * MBIT]
    assert decided.reason.tolist() == [Reason.SENDS, Reason.SENDS]

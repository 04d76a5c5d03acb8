"""Who goes first, who keeps what they have, and how what is not used is lent to others: the rules of the allocation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.bound import lower_bound, places_bound
from controller.uploads.scheduler.efficiency import FIRST_GUESS_BPS, learn_links
from controller.uploads.scheduler.fleet import NOT_MEASURED, Fleet, Line
from controller.uploads.scheduler.reasons import Reason
from controller.uploads.scheduler.water import pour

MBIT = 1_000_000
LESSON = 700_000_000
NIGHT_S = 8 * 3600.0


def fleet_of(lessons: list[float], *, link: list[int], granted: list[int] | None = None) -> Fleet:
    """Make units of one site, whose leases have not been measured."""
    units = len(lessons)
    lent = np.array(granted or [0] * units, np.int64)
    return Fleet(
        site=np.zeros(units, np.int64),
        waiting_bytes=(np.array(lessons) * LESSON).astype(np.int64),
        due_bytes=np.zeros(units, np.int64),
        link_bps=np.array(link, np.int64),
        measured_bps=np.full(units, NOT_MEASURED),
        granted_bps=lent,
        counted_bps=lent,
        leaves_s=np.full(units, np.inf),
        by_day=np.zeros(units, bool),
    )


def line_of(total_bps: int, *, at_a_time: int = 1500, left_s: float = NIGHT_S, by_day: bool = False) -> Line:
    """Make a line of one site."""
    return Line(
        total_bps=total_bps,
        site_bps=np.array([total_bps]),
        left_s=np.array([left_s]),
        by_day=np.array([by_day]),
        at_a_time=at_a_time,
        tick_s=30.0,
    )


def test_unit_that_needs_longest_gets_the_only_place() -> None:
    """Of two behind links of the same speed the one with more to send begins, and the other one's turn comes."""
    decided = allocate(fleet_of([1, 3], link=[10 * MBIT] * 2), line_of(30 * MBIT, at_a_time=1))
    assert (decided.rate_bps > 0).tolist() == [False, True]
    assert decided.reason.tolist() == [Reason.TURN_COMES, Reason.SENDS]


def test_quick_unit_goes_before_slow_ones_where_the_line_would_stay_empty() -> None:
    """Two places, a line of 50 Mbit/s: not the two slowest send, but as many quick ones as fill it."""
    decided = allocate(fleet_of([5, 5, 5], link=[3 * MBIT, 3 * MBIT, 60 * MBIT]), line_of(50 * MBIT, at_a_time=2))
    assert decided.rate_bps[2] > 40 * MBIT


def test_unit_with_a_lease_keeps_it_and_its_rate() -> None:
    """A newcomer with more to send does not take the place of one that sends, nor lower it."""
    fleet = fleet_of([2, 3], link=[30 * MBIT] * 2, granted=[20 * MBIT, 0])
    decided = allocate(fleet, line_of(20 * MBIT, at_a_time=1))
    assert decided.rate_bps.tolist() == [20 * MBIT, 0]


def test_unit_that_can_wait_no_longer_takes_the_place_of_one_that_can() -> None:
    """Four hours are left and it needs all of them: the other has to wait."""
    fleet = fleet_of([1, 5], link=[30 * MBIT, 2 * MBIT], granted=[30 * MBIT, 0])
    decided = allocate(fleet, line_of(100 * MBIT, at_a_time=1, left_s=4 * 3600.0))
    assert decided.rate_bps[0] == 0
    assert decided.rate_bps[1] >= 2 * MBIT


def test_what_must_leave_goes_first_when_the_night_is_too_short() -> None:
    """With more than the night can carry, the line is for who must go; the other one is told why it waits."""
    fleet = replace(fleet_of([6, 6], link=[90 * MBIT] * 2), due_bytes=np.array([0, 6 * LESSON]))
    decided = allocate(fleet, line_of(20 * MBIT, left_s=1800.0))
    assert decided.rate_bps.tolist() == [0, 20 * MBIT]
    assert decided.reason.tolist() == [Reason.DUE_FIRST, Reason.SENDS_DUE]


def test_what_must_leave_costs_nobody_anything_in_a_long_night() -> None:
    """When everything arrives anyway, what must leave changes no rate."""
    plain = fleet_of([2, 2], link=[90 * MBIT] * 2)
    due = replace(plain, due_bytes=np.array([0, LESSON]))
    assert (allocate(due, line_of(20 * MBIT)).rate_bps == allocate(plain, line_of(20 * MBIT)).rate_bps).all()


def test_unit_that_leaves_early_weighs_more() -> None:
    """Of two alike that need 700 s together, the one that is switched off after 600 s gets a sixth more."""
    fleet = replace(fleet_of([1, 1], link=[90 * MBIT] * 2), leaves_s=np.array([np.inf, 600.0]))
    rates = allocate(fleet, line_of(16 * MBIT)).rate_bps
    assert rates[1] / rates[0] == pytest.approx(7 / 6, rel=0.001)


@pytest.mark.parametrize(("by_day", "reason"), [(True, Reason.SENDS_TODAY), (False, Reason.NOT_BY_DAY)])
def test_allowance_by_day_is_for_who_may_use_it(by_day: bool, reason: Reason) -> None:  # noqa: FBT001
    """By day only units send for which somebody asked, or that have no power at night."""
    fleet = replace(fleet_of([1], link=[10 * MBIT]), by_day=np.array([by_day]))
    decided = allocate(fleet, line_of(5 * MBIT, by_day=True))
    assert decided.reason.tolist() == [reason]
    assert bool(decided.rate_bps[0] > 0) == by_day


def test_allowance_by_day_that_is_too_small_is_for_what_must_leave() -> None:
    """Of two that are off from 16:00 only the one whose card would fill sends; with nothing that must leave, both."""
    fleet = replace(fleet_of([6, 6], link=[90 * MBIT] * 2), by_day=np.ones(2, bool), leaves_s=np.full(2, 1800.0))
    line = line_of(20 * MBIT, left_s=1800.0, by_day=True)
    pressed = allocate(replace(fleet, due_bytes=np.array([0, LESSON])), line)
    assert pressed.rate_bps.tolist() == [0, 20 * MBIT]
    assert pressed.reason.tolist() == [Reason.TURN_COMES, Reason.SENDS_TODAY]
    assert (allocate(fleet, line).rate_bps > 0).all()


def test_lesson_that_is_needed_today_does_not_wait_for_what_must_leave() -> None:
    """A unit whose owner asked for a lesson sends by day beside one whose card would fill."""
    fleet = replace(
        fleet_of([3, 3], link=[90 * MBIT] * 2), by_day=np.ones(2, bool), leaves_s=np.array([np.inf, 1800.0])
    )
    decided = allocate(
        replace(fleet, due_bytes=np.array([0, 3 * LESSON])), line_of(9 * MBIT, left_s=1800.0, by_day=True)
    )
    assert (decided.rate_bps > 4 * MBIT).all()


def test_what_a_unit_does_not_use_is_lent_to_another() -> None:
    """A unit that got 3 of 10 Mbit/s keeps little more at most, and at the next decision another has the rest."""
    fleet = fleet_of([1, 9], link=[50 * MBIT] * 2, granted=[10 * MBIT, 10 * MBIT])
    fleet = replace(fleet, measured_bps=np.array([3 * MBIT, 10 * MBIT]))
    lowered = allocate(fleet, line_of(20 * MBIT)).rate_bps
    assert lowered[0] <= 3.2 * MBIT
    assert lowered[1] == 10 * MBIT
    after = replace(fleet, granted_bps=lowered, counted_bps=lowered, measured_bps=np.full(2, NOT_MEASURED))
    after = replace(after, link_bps=np.array([3 * MBIT, 50 * MBIT]))
    assert allocate(after, line_of(20 * MBIT)).rate_bps[1] > 16 * MBIT


@pytest.mark.parametrize(("silent", "is_lowered"), [(1, True), (3, False)])
def test_silence_of_many_at_once_is_not_their_links(silent: int, is_lowered: bool) -> None:  # noqa: FBT001
    """Of twelve, one that sent nothing is lent from; three that did so together keep their leases: all were cut off."""
    granted = [10 * MBIT] * 12
    fleet = fleet_of([3] * 12, link=granted, granted=granted)
    measured = np.where(np.arange(12) < silent, 0, 10 * MBIT)
    rates = allocate(replace(fleet, measured_bps=measured), line_of(120 * MBIT)).rate_bps
    assert (rates[:silent] < MBIT).all() == is_lowered
    assert (rates[silent:] == 10 * MBIT).all()


def test_unknown_link_proves_more() -> None:
    """A link of which nothing is known begins with a guess and may have half as much again when it used that up."""
    fleet = fleet_of([0.2, 5], link=[0, 20 * MBIT])
    first = allocate(fleet, line_of(500 * MBIT)).rate_bps
    assert first[0] == FIRST_GUESS_BPS
    used = replace(fleet, granted_bps=first, counted_bps=first, measured_bps=first)
    assert allocate(used, line_of(500 * MBIT)).rate_bps[0] == FIRST_GUESS_BPS * 1.5


def test_lease_that_was_used_up_does_not_make_a_link_known() -> None:
    """It says that a link is not slower, and no more; a lease that was not used up says what the link gives."""
    link, measured, granted = np.array([0, 0, 5, 5]), np.array([10, 3, 9, 2]), np.array([10, 10, 9, 9])
    assert learn_links(link, measured, granted).tolist() == [0, 3, 9, 2]


def test_bounds_are_those_of_the_slowest_part() -> None:
    """Bits over the line, over a site, over a unit, and over the places."""
    site, bits, caps = np.array([0, 0, 1]), np.array([60.0, 20.0, 40.0]), np.array([10.0, 10.0, 10.0])
    assert lower_bound(site, bits, caps, site_bps=np.array([100.0, 100.0]), total_bps=10.0) == 12.0
    assert lower_bound(site, bits, caps, site_bps=np.array([5.0, 100.0]), total_bps=100.0) == 16.0
    assert lower_bound(site, bits, caps, site_bps=np.array([50.0, 100.0]), total_bps=100.0) == 6.0
    assert places_bound(bits, caps, 2) == 6.0


@given(
    st.lists(st.tuples(st.integers(0, 2), st.floats(0.1, 100), st.floats(0, 100)), min_size=1, max_size=30),
    st.lists(st.floats(0, 500), min_size=3, max_size=3),
)
def test_water_finds_one_level_a_group(members: list[tuple[int, float, float]], room: list[float]) -> None:
    """All of the room is used or all are full; and who is not full stands at the level of its group."""
    group, weight, cap = (np.array(column) for column in zip(*members, strict=True))
    share = pour(group, weight, cap, np.array(room))
    for number in set(group.tolist()):
        there = group == number
        full = cap[there].sum()
        assert share[there].sum() == pytest.approx(min(full, room[number]), abs=1e-6)
        rising = there & (share < cap - 1e-6)
        levels = share[rising] / weight[rising]
        assert levels == pytest.approx(np.full(len(levels), levels.max(initial=0.0)), abs=1e-6)
        assert (share[there] / weight[there] <= levels.max(initial=np.inf if not len(levels) else 0.0) + 1e-6).all()

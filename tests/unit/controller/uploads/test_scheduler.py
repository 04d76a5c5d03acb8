"""The scheduler's plan: pure decisions, at chosen instants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.uploads.scheduler.measuring import NOT_MEASURED, OBJECT_BYTES, measure
from controller.uploads.scheduler.plan import (
    LINGERS_BPS,
    Grant,
    Limits,
    Running,
    SiteOpening,
    Unit,
    plan_leases,
)
from controller.uploads.scheduler.reasons import Reason

NOW = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
LEASE = timedelta(minutes=15)
TICK = timedelta(seconds=30)
RATE = 1_000_000
LESSON = 700_000_000


def limits(
    *, rate_bps: int = RATE, room: bool = True, ends: timedelta = timedelta(hours=6), by_day: bool = False
) -> Limits:
    """Make limits inside a window of one site."""
    return Limits({"": SiteOpening(rate_bps, NOW + ends, by_day)}, rate_bps, LEASE, TICK, room)


CLOSED = Limits({}, RATE, LEASE, TICK)


def unit(name: str, running_bps: int = 0, left: timedelta = LEASE, *, waiting_bytes: int = LESSON) -> Unit:
    """Make a unit that waits, with a lease where a rate is named."""
    running = Running(f"lease of {name}", running_bps, NOW + left) if running_bps else None
    return Unit(device=name, site="", waiting_bytes=waiting_bytes, running=running, counted_bps=running_bps)


def rates(grants: tuple[Grant, ...]) -> list[tuple[str, int]]:
    """Give whom a plan grants what."""
    return [(grant.device, grant.rate_bps) for grant in grants]


def test_lone_unit_gets_the_whole_rate() -> None:
    """One unit that waits gets all there is, for one lease's length."""
    plan = plan_leases(NOW, [unit("a")], limits())
    assert plan.grants == (Grant("a", RATE, NOW, NOW + LEASE),)
    assert plan.reasons == (Reason.SENDS,)


def test_lease_never_outlasts_the_opening() -> None:
    """The last lease of a night ends with the window (P6), and is not renewed over and over before that."""
    near = limits(ends=timedelta(minutes=5))
    plan = plan_leases(NOW, [unit("a")], near)
    assert plan.grants[0].ends_at == NOW + timedelta(minutes=5)
    assert plan_leases(NOW, [unit("a", RATE, timedelta(minutes=5))], near).grants == ()


def test_lease_beyond_an_opening_that_became_shorter_is_shortened() -> None:
    """An exception was entered for tonight: the lease ends with the new opening, which is a lease of its own."""
    near = limits(ends=timedelta(minutes=5))
    (grant,) = plan_leases(NOW, [unit("a", RATE)], near).grants
    assert grant.ends_at == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("closed", [CLOSED, limits(room=False), limits(by_day=True)])
def test_outside_the_window_and_without_room_nobody_sends(closed: Limits) -> None:
    """Closed, by day, or with a disk that is down to its reserve no lease is granted, and those in force end."""
    plan = plan_leases(NOW, [unit("a", RATE)], closed)
    assert (plan.grants, plan.revocations) == ((), ("lease of a",))


def test_unit_that_may_sends_by_day() -> None:
    """Its power is cut in the evening, or a lesson of it is needed today: it has the allowance."""
    plan = plan_leases(NOW, [replace(unit("a"), by_day=True, first="r" * 26)], limits(by_day=True, rate_bps=5000))
    assert plan.grants == (Grant("a", 5000, NOW, NOW + LEASE, "r" * 26),)
    assert plan.reasons == (Reason.SENDS_TODAY,)


def test_lease_is_renewed_in_its_second_half() -> None:
    """Long before it ends a lease is renewed; ten minutes without the controller cost nothing."""
    early = plan_leases(NOW, [unit("a", RATE, LEASE * 0.6)], limits())
    late = plan_leases(NOW, [unit("a", RATE, LEASE * 0.4)], limits())
    assert (early.grants, len(late.grants)) == ((), 1)


def test_another_recording_to_send_first_is_told_at_once() -> None:
    """Somebody needs a lesson today: the unit hears which, and goes on under its lease."""
    (grant,) = plan_leases(NOW, [replace(unit("a", RATE), first="r" * 26)], limits()).grants
    assert (grant.first, grant.rate_bps) == ("r" * 26, RATE)


def test_unit_that_has_sent_everything_gives_its_share_back() -> None:
    """It keeps a trifle for its receipts until its lease ends; what that frees counts until nothing more can come."""
    done = unit("a", 500_000, LEASE * 0.4, waiting_bytes=0)
    plan = plan_leases(NOW, [done, unit("b", 500_000)], limits())
    assert rates(plan.grants) == [("a", LINGERS_BPS)]
    assert plan.grants[0].ends_at == NOW + LEASE * 0.4
    later = [unit("a", LINGERS_BPS, LEASE * 0.4, waiting_bytes=0), unit("b", 500_000)]
    assert rates(plan_leases(NOW, later, limits()).grants) == [("b", RATE - LINGERS_BPS)]


def test_share_that_is_lowered_is_given_out_when_nothing_more_can_come_by_it() -> None:
    """Between lowering one lease and raising another nothing is above the cap, whoever hears of it first."""
    plan = plan_leases(NOW, [unit("a", RATE), unit("b")], limits())
    assert rates(plan.grants) == [("a", RATE // 2)]
    heard = replace(unit("a", RATE // 2), counted_bps=RATE)
    assert rates(plan_leases(NOW, [heard, unit("b")], limits()).grants) == []
    assert rates(plan_leases(NOW, [unit("a", RATE // 2), unit("b")], limits()).grants) == [("b", RATE // 2)]


SITES = ("", "north", "south")
MORE = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3 * LESSON)), max_size=6)
STEP = st.tuples(st.integers(1, 40), MORE, st.tuples(*[st.sampled_from([0, 10_000, RATE])] * 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, min_size=2, max_size=8), st.integers(30_000, 2 * RATE))
def test_rates_that_may_be_used_are_never_above_a_cap(
    steps: list[tuple[int, list[tuple[int, int]], tuple[int, int, int]]], total_bps: int
) -> None:
    """Whoever comes, goes and is done, and however soon a tick follows the one before: no sum is above a cap.

    A cap that was lowered holds as soon as what ran before it has ended.
    """
    now, units = NOW, {f"{n:02}": replace(unit(f"{n:02}", waiting_bytes=0), site=SITES[n % 3]) for n in range(12)}
    older: dict[str, tuple[int, datetime]] = {}
    caps: Mapping[str, int] = {}
    for seconds, said, rates_now in steps:
        now += timedelta(seconds=seconds)
        if any(caps.get(site, 0) != cap for site, cap in zip(SITES, rates_now, strict=True)):
            units = {name: replace(each, running=None) for name, each in units.items()}  # an opening has ended
            older.clear()
        caps = {site: cap for site, cap in zip(SITES, rates_now, strict=True) if cap}
        for number, size in said:
            units[f"{number:02}"] = replace(units[f"{number:02}"], waiting_bytes=size)
        ended = {n for n, each in units.items() if each.running and each.running.ends_at <= now}
        units = {n: replace(each, running=None) if n in ended else each for n, each in units.items()}
        known = [replace(each, counted_bps=_counted(each, older, now)) for each in units.values()]
        opened = {site: SiteOpening(cap, now + timedelta(hours=1)) for site, cap in caps.items()}
        plan = plan_leases(now, known, Limits(opened, total_bps, LEASE, TICK))
        for each in known:
            grant = next((grant for grant in plan.grants if grant.device == each.device), None)
            held = each.running
            if held and (held.lease in plan.revocations or (grant and grant.rate_bps < each.counted_bps)):
                older[each.device] = (each.counted_bps, now + timedelta(seconds=2))
            if held and held.lease in plan.revocations:
                units[each.device] = replace(each, running=None)
            elif grant:
                units[each.device] = replace(each, running=Running(each.device, grant.rate_bps, grant.ends_at))
        used = {name: _counted(each, older, now) for name, each in units.items()}
        assert sum(used.values()) <= total_bps
        for site, cap in caps.items():
            assert sum(used[name] for name, each in units.items() if each.site == site) <= cap


def _counted(each: Unit, older: Mapping[str, tuple[int, datetime]], now: datetime) -> int:
    rate_bps, until = older.get(each.device, (0, now))
    return max(each.running.rate_bps if each.running else 0, rate_bps if until > now else 0)


@pytest.mark.parametrize(
    ("arrived", "held_s", "expected"),
    [(75_000_000, 60, 11_066_666), (0, 60, 1_066_666), (75_000_000, 59, NOT_MEASURED)],
)
def test_unit_is_measured_by_what_arrived_in_the_last_minute(arrived: int, held_s: int, expected: int) -> None:
    """One object more may be under way; a lease that is younger than a minute says nothing yet."""
    assert measure(arrived, rate_bps=10_000_000, held_for=timedelta(seconds=held_s)) == expected


def test_slow_lease_is_not_measured() -> None:
    """Of a rate at which hardly an object arrives in a minute nothing can be told."""
    assert measure(OBJECT_BYTES, rate_bps=1_000_000, held_for=timedelta(hours=1)) == NOT_MEASURED


def test_unit_that_is_off_at_night_sends_by_day_what_must_leave() -> None:
    """The allowance by day takes an hour for one lesson: it is the unit's whose card would fill before tomorrow."""
    alike = replace(unit("a"), by_day=True, off_at_night=True)
    full = replace(alike, device="b", due_bytes=LESSON)
    assert rates(plan_leases(NOW, [alike, full], limits(by_day=True, ends=timedelta(hours=1))).grants) == [("b", RATE)]

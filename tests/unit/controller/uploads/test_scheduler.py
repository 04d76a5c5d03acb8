"""The scheduler's plan: pure decisions, at chosen instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.uploads.scheduler.plan import Grant, Limits, Running, Waiting, plan_leases

NOW = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
LEASE = timedelta(minutes=15)


def limits(*, rate_bps: int = 100, room: bool = True, ends: timedelta = timedelta(hours=6)) -> Limits:
    """Make limits inside a window."""
    return Limits((NOW - timedelta(hours=1), NOW + ends), rate_bps, LEASE, room)


def waiting(name: str, minutes: int = 0) -> Waiting:
    """Make a unit that has waited for some minutes."""
    return Waiting(name, 1000, NOW - timedelta(minutes=minutes))


def running(name: str, rate_bps: int, left: timedelta = LEASE) -> Running:
    """Make a lease in force."""
    return Running(name, f"lease of {name}", rate_bps, NOW + left)


def test_lone_unit_gets_the_whole_rate() -> None:
    """One unit that waits gets all there is, for one lease's length."""
    plan = plan_leases(NOW, [waiting("a")], [], limits())
    assert plan.grants == (Grant("a", 100, NOW, NOW + LEASE),)


def test_lease_never_outlasts_the_window() -> None:
    """The last lease of a night ends with the window (P6), and is not renewed over and over before that."""
    near = limits(ends=timedelta(minutes=5))
    plan = plan_leases(NOW, [waiting("a")], [], near)
    assert plan.grants[0].ends_at == NOW + timedelta(minutes=5)
    again = plan_leases(NOW, [waiting("a")], [running("a", 100, timedelta(minutes=5))], near)
    assert again.grants == ()


@pytest.mark.parametrize("closed", [Limits(None, 100, LEASE, True), limits(room=False)])  # noqa: FBT003
def test_outside_the_window_and_without_room_nobody_sends(closed: Limits) -> None:
    """Outside the window, or when the disk is down to its reserve, no lease is granted and those in force end."""
    plan = plan_leases(NOW, [waiting("a")], [running("a", 100)], closed)
    assert (plan.grants, plan.revocations) == ((), ("lease of a",))


def test_lease_is_renewed_in_its_second_half() -> None:
    """Long before it ends a lease is renewed; ten minutes without the controller cost nothing."""
    early = plan_leases(NOW, [waiting("a")], [running("a", 100, LEASE * 0.6)], limits())
    late = plan_leases(NOW, [waiting("a")], [running("a", 100, LEASE * 0.4)], limits())
    assert (early.grants, len(late.grants)) == ((), 1)


def test_unit_that_has_sent_everything_gives_its_share_back() -> None:
    """A lease of a unit that waits no more is revoked, and another gets its rate in the same step."""
    plan = plan_leases(NOW, [waiting("b")], [running("a", 50), running("b", 50)], limits())
    assert plan.revocations == ("lease of a",)
    assert [(grant.device, grant.rate_bps) for grant in plan.grants] == [("b", 100)]


def test_share_that_is_lowered_is_given_out_at_the_next_tick() -> None:
    """Between lowering one lease and raising another nothing is above the cap, whoever hears of it first."""
    plan = plan_leases(NOW, [waiting("a"), waiting("b")], [running("a", 100)], limits())
    assert [(grant.device, grant.rate_bps) for grant in plan.grants] == [("a", 50)]
    plan = plan_leases(NOW, [waiting("a"), waiting("b")], [running("a", 50)], limits())
    assert [(grant.device, grant.rate_bps) for grant in plan.grants] == [("b", 50)]


UNITS = st.sampled_from([f"unit {number}" for number in range(20)])


@given(
    st.sets(UNITS),
    st.dictionaries(UNITS, st.integers(1, 1000), max_size=8),
    st.integers(1, 1000),
    st.integers(1, 900),
)
def test_rates_never_add_up_to_more_than_the_total(
    units: set[str], leased: dict[str, int], total_bps: int, left_s: int
) -> None:
    """Whoever waits and whatever runs: after a plan is performed, the leases in force stay under the total rate."""
    before = [running(name, rate_bps, timedelta(seconds=left_s)) for name, rate_bps in sorted(leased.items())]
    plan = plan_leases(NOW, [waiting(name) for name in sorted(units)], before, limits(rate_bps=total_bps))
    after = {lease.device: lease.rate_bps for lease in before if lease.lease not in plan.revocations}
    after.update({grant.device: grant.rate_bps for grant in plan.grants})
    assert sum(after.values()) <= total_bps
    assert after.keys() <= units

"""Leases as the allocation wants them: which to sign now and which to take back, and why each unit sends or waits.

Pure: everything that matters comes in, grants and revocations come out. At no time do the rates of all leases that may
still be used add up to more than a cap: what is lowered or taken back counts at its old rate, `counted_bps`, until
nothing more can arrive by it. Defined in docs/adr/0028 and 0029; controller/uploads/leases.py performs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

AT_A_TIME = 1500
"""The most units with a lease together: what one controller serves, with its database on a disk."""
CHANGED = 0.005
"""A lease is replaced by a slower or faster one from this part of its rate on."""
LINGERS_BPS = 8_000
"""What a unit that has sent everything keeps until the end of its lease: under it, it fetches its receipts."""


@dataclass(frozen=True, slots=True)
class Running:
    """A lease in force."""

    lease: str
    rate_bps: int
    ends_at: datetime
    first: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A unit that has something to send, or a lease, or may still be sending under one that was taken back.

    `waiting_bytes`: 0 of one that may not send. `counted_bps`: the most at which bytes of it may still arrive, whatever
    is decided now. `first`: the recording that its owner needs today. `off_at_night`: its power is cut in the evening,
    so that what has to leave before the next school day has to leave by day.
    """

    device: str
    site: str
    waiting_bytes: int
    due_bytes: int = 0
    link_bps: int = 0
    measured_bps: int = -1
    by_day: bool = False
    off_at_night: bool = False
    may_send: bool = True
    first: str | None = None
    running: Running | None = None
    counted_bps: int = 0


@dataclass(frozen=True)
class SiteOpening:
    """What a site's calendar allows now: so many bit/s together until `ends_at`; `by_day`: only who needs it by day."""

    rate_bps: int
    ends_at: datetime
    by_day: bool = False


@dataclass(frozen=True)
class Limits:
    """What the school allows: the openings of its sites (one that is not named is closed), the total, and lengths."""

    sites: Mapping[str, SiteOpening]
    rate_bps: int
    lease: timedelta
    tick: timedelta
    has_room: bool = True
    at_a_time: int = AT_A_TIME


@dataclass(frozen=True)
class Grant:
    """A lease to sign, or the running one of its device to go on with so; `first` is the recording to send first."""

    device: str
    rate_bps: int
    begins_at: datetime
    ends_at: datetime
    first: str | None = None


@dataclass(frozen=True)
class Plan:
    """What to do now: take back, then grant in this order, the lowered first. `reasons` has one for each unit."""

    grants: tuple[Grant, ...]
    revocations: tuple[str, ...]
    reasons: tuple[int, ...] = ()


def plan_leases(now: datetime, units: Sequence[Unit], limits: Limits) -> Plan:
    """Decide leases: whose rate is 0 gives its lease back, whose rate or time demands it gets another version."""
    from controller.uploads.scheduler.columns import decide_rates  # numpy is loaded here and not with the program

    rates, reasons = decide_rates(now, units, limits)
    if not limits.has_room:
        rates = [0] * len(units)
    lowered: list[Grant] = []
    others: list[Grant] = []
    revocations: list[str] = []
    for unit, rate_bps in zip(units, rates, strict=True):
        held = unit.running
        if not rate_bps and held is None:  # nearly all of a large district
            continue
        grant = _grant(unit, rate_bps, now, limits)
        if grant is not None:
            (lowered if held and grant.rate_bps < held.rate_bps else others).append(grant)
        elif held and not rate_bps and not _lingers(unit, limits):
            revocations.append(held.lease)
    return Plan((*lowered, *others), tuple(revocations), tuple(reasons))


def _grant(unit: Unit, rate_bps: int, now: datetime, limits: Limits) -> Grant | None:
    """Give the lease, or the version of it, that a unit needs; None where it needs none."""
    held = unit.running
    if rate_bps:
        ends_at = min(now + limits.lease, limits.sites[unit.site].ends_at)
        if _needs_lease(unit, rate_bps, now, limits):
            return Grant(unit.device, rate_bps, now, ends_at, unit.first)
        return None
    if held and held.rate_bps > LINGERS_BPS and _lingers(unit, limits):
        return Grant(unit.device, LINGERS_BPS, now, held.ends_at, unit.first)
    return None


def _lingers(unit: Unit, limits: Limits) -> bool:
    """Tell whether a unit that has sent everything keeps its lease; not beyond the opening that holds now."""
    opening, held = limits.sites.get(unit.site), unit.running
    is_open = opening is not None and held is not None and held.ends_at <= opening.ends_at
    return limits.has_room and unit.may_send and unit.waiting_bytes == 0 and is_open


def _needs_lease(unit: Unit, rate_bps: int, now: datetime, limits: Limits) -> bool:
    """Renew in the second half of a lease, long before it ends; not when the opening's end is its end already.

    A change of less than `CHANGED` waits until it has grown: what is not lowered is not free for others either.
    """
    held, opening_ends_at = unit.running, limits.sites[unit.site].ends_at
    if held is None or held.first != unit.first or held.ends_at > opening_ends_at:
        return True
    if abs(rate_bps - held.rate_bps) > held.rate_bps * CHANGED:
        return True
    return held.ends_at - now < limits.lease / 2 and held.ends_at < opening_ends_at

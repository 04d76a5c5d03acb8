"""Who may upload now, and how fast: first come, first served, inside the window and under the total rate.

Pure: everything that matters comes in, grants and revocations come out. `Plan` is the interface that another
allocation replaces. At no time do the rates of all leases in force add up to more than the total.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

UNITS_AT_ONCE = 8  # one unit's link is often slower than the school's; more at once would each take all night


@dataclass(frozen=True)
class Waiting:
    """A unit that has something to send, or may have (0 bytes: it is not known how much), and since when."""

    device: str
    waiting_bytes: int
    since: datetime


@dataclass(frozen=True)
class Running:
    """A lease in force."""

    device: str
    lease: str
    rate_bps: int
    ends_at: datetime


@dataclass(frozen=True)
class Limits:
    """What the school allows: the span of the window that covers now (None outside), rate, length, and room on disk."""

    span: tuple[datetime, datetime] | None
    rate_bps: int
    lease: timedelta
    has_room: bool


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
    """What to do now. Revoke before granting: only then is the total kept."""

    grants: tuple[Grant, ...]
    revocations: tuple[str, ...]


def plan_leases(now: datetime, waiting: Sequence[Waiting], running: Sequence[Running], limits: Limits) -> Plan:
    """Decide leases. Who has one keeps it while bytes wait; shares are equal, and change for all of them at once."""
    if limits.span is None or not limits.has_room:
        return Plan((), tuple(lease.lease for lease in running))
    chosen = _choose(waiting, running)
    held = {lease.device: lease for lease in running}
    rate_bps = limits.rate_bps // len(chosen) if chosen else 0
    renewed = [device for device in chosen if _needs_lease(held.get(device), rate_bps, now, limits)]
    ends_at = min(now + limits.lease, limits.span[1])
    return Plan(
        grants=tuple(Grant(device, rate_bps, now, ends_at) for device in renewed),
        revocations=tuple(lease.lease for lease in running if lease.device not in chosen),
    )


def _choose(waiting: Sequence[Waiting], running: Sequence[Running]) -> tuple[str, ...]:
    """Those with a lease first, so that nobody is stopped half-way; then by who waits longest."""
    with_lease = {lease.device for lease in running}
    order = sorted(waiting, key=lambda unit: (unit.device not in with_lease, unit.since, unit.device))
    return tuple(unit.device for unit in order[:UNITS_AT_ONCE])


def _needs_lease(lease: Running | None, rate_bps: int, now: datetime, limits: Limits) -> bool:
    """Renew in the second half of a lease, long before it ends; not when the window's end is its end already."""
    if lease is None or lease.rate_bps != rate_bps:
        return True
    ends_with_window = limits.span is not None and lease.ends_at >= limits.span[1]
    return lease.ends_at - now < limits.lease / 2 and not ends_with_window

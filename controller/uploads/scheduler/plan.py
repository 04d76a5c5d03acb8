"""Leases as the allocation wants them: which to sign now and which to take back.

Pure: everything that matters comes in, grants and revocations come out. At no time do the rates of all leases in force
add up to more than the total: a share that is lowered now is given to another at the next tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

AT_A_TIME = 1500
"""The most units with a lease together: what one controller serves, with its database on a disk."""
CHANGED = 0.005
"""A lease is replaced by a faster one from this part of its rate on; by a slower one always."""


@dataclass(frozen=True)
class Waiting:
    """A unit that has something to send, or may have (0 bytes: it is not known how much), and since when."""

    device: str
    waiting_bytes: int
    since: datetime
    due_bytes: int = 0
    link_bps: int = 0


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
    tick: timedelta = timedelta(seconds=30)


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
    """Decide leases: whose rate is 0 gives its lease back, whose rate or time demands it gets another."""
    if limits.span is None or not limits.has_room:
        return Plan((), tuple(lease.lease for lease in running))
    held = {lease.device: lease for lease in running}
    rates = _rates(now, sorted(waiting, key=lambda unit: unit.device), held, limits)
    ends_at = min(now + limits.lease, limits.span[1])
    return Plan(
        grants=tuple(
            Grant(device, rate_bps, now, ends_at)
            for device, rate_bps in rates.items()
            if _needs_lease(held.get(device), rate_bps, now, limits)
        ),
        revocations=tuple(lease.lease for lease in running if lease.device not in rates),
    )


def _rates(now: datetime, waiting: Sequence[Waiting], held: dict[str, Running], limits: Limits) -> dict[str, int]:
    """Give the rate of everybody who may send, in bit/s. numpy is loaded here and not with the program."""
    from controller.uploads.scheduler.one_site import allocate_one_site

    left = (limits.span[1] - now).total_seconds() if limits.span else 0.0
    granted = [held[unit.device].rate_bps if unit.device in held else 0 for unit in waiting]
    rates = allocate_one_site(waiting, granted, rate_bps=limits.rate_bps, left_s=left, tick=limits.tick)
    return {unit.device: rate_bps for unit, rate_bps in zip(waiting, rates, strict=True) if rate_bps > 0}


def _needs_lease(lease: Running | None, rate_bps: int, now: datetime, limits: Limits) -> bool:
    """Renew in the second half of a lease, long before it ends; not when the window's end is its end already."""
    if lease is None or not lease.rate_bps <= rate_bps < lease.rate_bps * (1 + CHANGED):
        return True
    ends_with_window = limits.span is not None and lease.ends_at >= limits.span[1]
    return lease.ends_at - now < limits.lease / 2 and not ends_with_window

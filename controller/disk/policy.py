"""How much the controller may still promise to take, by the room on its disk. Pure.

A lease is a promise: whatever it may bring until its end must find room, so it is counted from the moment it is
granted. Three marks: below `reserve_bytes` nothing is taken in; leases are granted down to `low_bytes`; once one had to
be refused none is granted until `high_bytes` are free again. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FEWEST_ROOMS = 5
"""Sums over fewer rooms are shown to nobody (promise P7)."""
SOON_NIGHTS = 14
"""With room for fewer nights than this the server asks for a larger disk."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """The three marks, in bytes of free disk: reserve ≤ low ≤ high."""

    reserve_bytes: int
    low_bytes: int
    high_bytes: int


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What is free now, what running leases may still bring, and how it was decided last."""

    free_bytes: int
    promised_bytes: int
    was_full: bool


@dataclass(frozen=True, kw_only=True)
class Room:
    """What may be promised now.

    `grantable_bytes`: how much leases that are granted from now on may bring, beside those that run; none while
    `is_full`. `is_overdrawn`: what runs already may reach into the reserve; it is to be taken back.
    """

    grantable_bytes: int
    is_full: bool
    is_overdrawn: bool


def promise_of(rate_bps: int, *, ends_at: datetime, now: datetime) -> int:
    """Give the bytes that a lease of `rate_bps` bit/s may still bring until its end."""
    return max(0, round(rate_bps * (ends_at - now).total_seconds() / 8))


def time_for(promise_bytes: int, rate_bps: int) -> timedelta:
    """Give how long a lease of `rate_bps` bit/s lasts that may bring so many bytes, in whole seconds."""
    return timedelta(seconds=promise_bytes * 8 // rate_bps)


def decide_room(disk: Disk, marks: Marks) -> Room:
    """Decide what may be promised; a full disk stays full until there is room above the high mark."""
    left = disk.free_bytes - disk.promised_bytes
    is_full = left < (marks.high_bytes if disk.was_full else marks.low_bytes)
    return Room(
        grantable_bytes=0 if is_full else left - marks.low_bytes,
        is_full=is_full,
        is_overdrawn=left < marks.reserve_bytes,
    )


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A lease that is to be granted: what it may bring, what the lease in whose place it comes may, and the least.

    `least_bytes`: less than so much room for it is not worth a lease.
    """

    promise_bytes: int
    held_bytes: int = 0
    least_bytes: int = 0


def admit(room: Room, asks: Sequence[Ask]) -> tuple[Room, tuple[int, ...]]:
    """Give what each lease may bring, in their order, and the room that is left then: all of it, a part, or 0 (none).

    One that finds no room makes the disk full: the others of this round get what there is, none of the next round does.
    """
    shares: list[int] = []
    left, was_refused = room.grantable_bytes, False
    for ask in asks:
        more = _share(left, ask)
        shares.append(0 if more is None else ask.held_bytes + more)
        left -= 0 if room.is_full else more or 0
        was_refused |= more is None
    return replace(room, grantable_bytes=left, is_full=room.is_full or was_refused), tuple(shares)


def _share(grantable_bytes: int, ask: Ask) -> int | None:
    """Give how much a lease gets beside what it takes the place of, or None where there is no room for it."""
    more = ask.promise_bytes - ask.held_bytes
    if more <= 0:
        return more
    found = min(more, grantable_bytes)
    return found if found >= min(more, max(1, ask.least_bytes)) else None


def nights_left(room_bytes: int, *, taken_bytes: int, nights: int, rooms: int) -> int | None:
    """Tell for how many more nights the room lasts when so much came in the last `nights`; None when it is not told.

    Of fewer than five rooms it is not told, since it would tell how much they record; nor while nothing came.
    """
    if rooms < FEWEST_ROOMS or taken_bytes <= 0:
        return None
    return max(0, room_bytes * nights // taken_bytes)

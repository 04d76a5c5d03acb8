"""Which sums of a night may be shown, and to whom (promise P7); every page and command of this room asks it. Pure.

A sum is shown over five rooms or more, and no two shown sums may differ by fewer. So the sites are put together to
parts that do not overlap, each of five rooms or more: whatever is shown is of one part or of several, and so is what
anybody can work out from it. Why, and what it does not hide, is in docs/adr/0030-what-is-told-of-a-night.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from controller.accounts.models import Role

FEWEST_ROOMS = 5
"""Of fewer rooms together nothing is told."""
_Group = TypeVar("_Group")
READERS = frozenset({Role.ADMIN})
"""Who reads of nights at all; teachers read of their own recordings, and nothing of the school's."""


@dataclass(frozen=True, order=True)
class Part:
    """Sites of which sums are shown together, and how many rooms those are."""

    sites: tuple[str, ...]
    rooms: int


def may_read(roles: Collection[Role]) -> bool:
    """Tell whether somebody of these roles may read what is told of nights."""
    return not READERS.isdisjoint(roles)


def divide(rooms: Mapping[str, int]) -> tuple[Part, ...]:
    """Divide sites, by their rooms, into the parts that are shown; none where all together have fewer than five."""
    return coarsen(Part((site,), count) for site, count in rooms.items())


def coarsen(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Put parts together until each has five rooms; none when all together have fewer.

    Those that are too small are one part; where that is still too small, the smallest of the others joins it. What was
    told before by the finer parts stays consistent with it: nothing is ever taken apart again.
    """
    ordered = sorted(parts, key=lambda part: (part.rooms, part.sites))
    small = [part for part in ordered if part.rooms < FEWEST_ROOMS]
    large = [part for part in ordered if part.rooms >= FEWEST_ROOMS]
    if small and sum(part.rooms for part in small) < FEWEST_ROOMS:
        if not large:
            return ()
        small.append(large.pop(0))
    return tuple(sorted([*large, *([_together(small)] if small else [])]))


def _together(parts: Iterable[Part]) -> Part:
    found = tuple(parts)
    return Part(tuple(sorted(site for part in found for site in part.sites)), sum(part.rooms for part in found))


def may_renew(fresh_rooms: int) -> bool:
    """Tell whether a part's plan may be shown anew, when so many of its rooms have said what waits since the last one.

    Otherwise the difference between the two plans would be what a few rooms said.
    """
    return fresh_rooms >= FEWEST_ROOMS


def tell_in_fives(counted: Mapping[_Group, int], *, told: Mapping[_Group, int], rooms: int) -> dict[_Group, int]:
    """Give the numbers of rooms that are told of groups without a common room, by what was told of them before.

    All are multiples of five, and at least five of the part's rooms are in none, so that no sum or difference of what
    is told, now or at two times, is of one to four rooms, and never does a whole part have something to send.
    A number stays while its group is fewer than five rooms away from it: one room that goes hardly ever shows.
    """
    shown: dict[_Group, int] = {}
    for group, count in counted.items():  # in this order, so that what a later group does changes no earlier one
        most = max(0, rooms - FEWEST_ROOMS - sum(shown.values())) // FEWEST_ROOMS * FEWEST_ROOMS
        shown[group] = min(most, _steady(count, told[group]))
    return shown


def _steady(count: int, told: int) -> int:
    return told if abs(count - told) < FEWEST_ROOMS else count // FEWEST_ROOMS * FEWEST_ROOMS

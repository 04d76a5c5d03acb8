"""Masks: the parts of one room's picture that are hidden before anything is encoded, as areas with straight sides.

Whole numbers only, so that every reader sees the same area; a mask that leaves open what it hides cannot be built.
How a unit burns it in and knows its picture again is the unit's business. Defined in docs/protocol/masks.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import NamedTuple

from protocol.checks import require_at_least
from protocol.codec import encode_canonical, encode_record
from protocol.ids import parse_id

SCALE = 1000
FEWEST_CORNERS, MOST_CORNERS = 3, 20
MOST_AREAS = 12


class Corner(NamedTuple):
    """A corner in thousandths of the picture as it is shown: from its left edge, from its upper edge."""

    x: int
    y: int


Side = tuple[Corner, Corner]


@dataclass(frozen=True, kw_only=True)
class Area:
    """One hidden area: the corners in order around it, the last joined to the first."""

    corners: tuple[Corner, ...]

    def __post_init__(self) -> None:
        """Refuse too few or too many corners, one outside the picture or twice there, and sides that meet."""
        if not FEWEST_CORNERS <= len(self.corners) <= MOST_CORNERS:
            raise ValueError(
                f"corners: expected {FEWEST_CORNERS} to {MOST_CORNERS} of an area, got {len(self.corners)}"
            )
        for at, corner in enumerate(self.corners):
            if not (0 <= corner.x <= SCALE and 0 <= corner.y <= SCALE):
                raise ValueError(f"corners[{at}]: expected 0 to {SCALE} across and down, got {tuple(corner)}")
        if len(set(self.corners)) != len(self.corners):
            raise ValueError("corners: one stands twice; an area goes around once")
        self._require_sides_apart()

    @property
    def sides(self) -> tuple[Side, ...]:
        """Give the sides in order, each by its two ends."""
        return tuple(pairwise((*self.corners, self.corners[0])))

    def _require_sides_apart(self) -> None:
        last = len(self.corners) - 1
        for (one, first), (two, second) in combinations(enumerate(self.sides), 2):
            is_next = two == one + 1 or (one, two) == (0, last)
            if _fold_back(first, second) if is_next else _meet(first, second):
                raise ValueError(f"corners: side {one + 1} and side {two + 1} cross or touch; go around the area once")


@dataclass(frozen=True, kw_only=True)
class Mask:
    """What is hidden of the picture in a room, by its version; versions of a room count from 1 and never come back."""

    room: str
    version: int
    areas: tuple[Area, ...]

    def __post_init__(self) -> None:
        """Refuse a room that is no identifier, a version below one, no area, and too many."""
        parse_id(self.room, "room")
        require_at_least(1, version=self.version)
        if not 1 <= len(self.areas) <= MOST_AREAS:
            raise ValueError(f"areas: expected 1 to {MOST_AREAS} of a mask, got {len(self.areas)}")

    @property
    def digest(self) -> str:
        """Give the SHA-256 of its canonical form: what somebody confirms is this mask of this room, and no other."""
        return hashlib.sha256(encode_canonical(encode_record(self))).hexdigest()


def _turn(a: Corner, b: Corner, c: Corner) -> int:
    """Give twice the signed area of a triangle: 0 when the three lie on one line."""
    return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _lies_on(corner: Corner, side: Side) -> bool:
    a, b = side
    return (
        _turn(a, b, corner) == 0
        and min(a.x, b.x) <= corner.x <= max(a.x, b.x)
        and min(a.y, b.y) <= corner.y <= max(a.y, b.y)
    )


def _meet(first: Side, second: Side) -> bool:
    """Tell whether two sides have a point in common."""
    (a, b), (c, d) = first, second
    if any(_lies_on(end, second) for end in first) or any(_lies_on(end, first) for end in second):
        return True
    return _sign(_turn(a, b, c)) * _sign(_turn(a, b, d)) < 0 and _sign(_turn(c, d, a)) * _sign(_turn(c, d, b)) < 0


def _fold_back(first: Side, second: Side) -> bool:
    """Tell whether two sides with a corner in common have more than that in common."""
    shared = set(first) & set(second)
    return any(_lies_on(end, second) for end in set(first) - shared) or any(
        _lies_on(end, first) for end in set(second) - shared
    )

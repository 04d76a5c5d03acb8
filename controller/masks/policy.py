"""Reads areas as people type them, and writes them so: `0 600, 300 600, 300 1000`, thousandths across and down.

Pure. What an area is, is protocol/masks.py's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from protocol.masks import FEWEST_CORNERS, MOST_AREAS, MOST_CORNERS, SCALE, Area, Corner

_CORNER = re.compile(r"\s*(\d{1,4})\s+(\d{1,4})\s*")
TALL = 9 / 16
"""How high a shown picture is for its width, for a drawing of it."""


class Fault(StrEnum):
    """What is wrong with a mask that was typed, or why it is not taken."""

    CORNERS_MALFORMED = "corners_malformed"
    CORNERS_COUNT = "corners_count"
    OUTSIDE = "outside"
    SIDES_MEET = "sides_meet"
    TOO_MANY = "too_many"
    REASON_MISSING = "reason_missing"
    REASON_TOO_LONG = "reason_too_long"
    NOTHING_CHANGES = "nothing_changes"
    CHANGED_MEANWHILE = "changed_meanwhile"


class MaskRefusedError(Exception):
    """A mask is not taken; `area` counts from 1, 0 where it is none's."""

    def __init__(self, fault: Fault, area: int = 0) -> None:
        super().__init__(f"area {area}: {fault.value}" if area else fault.value)
        self.fault = fault
        self.area = area


def read_areas(lines: Iterable[str]) -> tuple[Area, ...]:
    """Read one area a line, empty lines passed over; raise `MaskRefusedError` that names the area."""
    areas = tuple(_read_area(number, line) for number, line in enumerate(lines, 1) if line.strip())
    if len(areas) > MOST_AREAS:
        raise MaskRefusedError(Fault.TOO_MANY)
    return areas


def write_area(area: Area) -> str:
    """Write an area as it is typed."""
    return ", ".join(f"{corner.x} {corner.y}" for corner in area.corners)


def draw_points(area: Area) -> str:
    """Give an area's corners for a drawing of 1000 by 562.5 units."""
    return " ".join(f"{corner.x},{corner.y * TALL:g}" for corner in area.corners)


def share_permille(areas: Sequence[Area]) -> int:
    """Give how much of the picture the areas hide together, at the most: what two of them hide counts twice."""
    return min(SCALE, sum(_twice_surface(area) for area in areas) // (2 * SCALE))


def _twice_surface(area: Area) -> int:
    return abs(sum(one.x * two.y - two.x * one.y for one, two in area.sides))


def _read_area(number: int, line: str) -> Area:
    found = [_CORNER.fullmatch(part) for part in line.strip().rstrip(",").split(",")]
    corners = tuple(Corner(int(each[1]), int(each[2])) for each in found if each)
    if len(corners) != len(found):
        raise MaskRefusedError(Fault.CORNERS_MALFORMED, number)
    if not FEWEST_CORNERS <= len(corners) <= MOST_CORNERS:
        raise MaskRefusedError(Fault.CORNERS_COUNT, number)
    if any(max(corner) > SCALE for corner in corners):
        raise MaskRefusedError(Fault.OUTSIDE, number)
    try:
        return Area(corners=corners)
    except ValueError as error:
        raise MaskRefusedError(Fault.SIDES_MEET, number) from error

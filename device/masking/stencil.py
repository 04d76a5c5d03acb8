"""Turns a mask into the samples that it hides of a picture in YUV 4:2:0, and hides them.

Every sample that an area touches is hidden, widened to even rows and columns, so that no colour of what lies under its
edge is left. Pure: it knows no camera and no time. Areas and turns: docs/protocol/masks.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from protocol.masks import SCALE, Area, Mask

Point = tuple[float, float]
Span = tuple[int, int]
GREY = 128


@dataclass(frozen=True, slots=True)
class Picture:
    """An uncompressed picture whose planes can be written to; strides in bytes from one row to the next."""

    width: int
    height: int
    luma: memoryview
    blue: memoryview
    red: memoryview
    luma_stride: int
    chroma_stride: int


@dataclass(frozen=True)
class Stencil:
    """Which columns (first, and the one after the last, both even) are hidden, for each pair of rows from the top."""

    width: int
    height: int
    pairs: tuple[tuple[Span, ...], ...]

    def cover(self, picture: Picture) -> None:
        """Write grey over what is hidden; raises `ValueError` for a picture of another size."""
        if (picture.width, picture.height) != (self.width, self.height):
            raise ValueError(
                f"picture: expected {self.width}x{self.height} as the mask, got {picture.width}x{picture.height}"
            )
        for number, spans in enumerate(self.pairs):
            for begin, end in spans:
                _fill(picture.luma, 2 * number * picture.luma_stride, begin, end)
                _fill(picture.luma, (2 * number + 1) * picture.luma_stride, begin, end)
                _fill(picture.blue, number * picture.chroma_stride, begin // 2, end // 2)
                _fill(picture.red, number * picture.chroma_stride, begin // 2, end // 2)

    def hides(self, box: tuple[int, int, int, int]) -> bool:
        """Tell whether anything of a box (left, top, and the first column and row outside) is hidden."""
        left, top, right, bottom = box
        rows = self.pairs[top // 2 : (bottom + 1) // 2]
        return any(begin < right and left < end for spans in rows for begin, end in spans)


def make_stencil(mask: Mask, *, width: int, height: int, turn_degrees: int = 0) -> Stencil:
    """Make the stencil of a mask for encoded pictures of an even size, which players turn clockwise by `turn_degrees`.

    A turn of 180 is made by the camera itself, so that such a picture comes as it is shown.
    """
    rows: list[list[Span]] = [[] for _ in range(height // 2)]
    for area in mask.areas:
        outline = _outline(area, width=width, height=height, turn_degrees=turn_degrees)
        for number, spans in enumerate(rows):
            spans += _touched(outline, 2 * number, 2 * number + 2, width)
    return Stencil(width, height, tuple(_joined(spans) for spans in rows))


def cover_all(width: int, height: int) -> Stencil:
    """Make the stencil that hides a whole picture."""
    return Stencil(width, height, (((0, width),),) * (height // 2))


def _fill(plane: memoryview, row: int, begin: int, end: int) -> None:
    plane[row + begin : row + end] = bytes((GREY,)) * (end - begin)


def _outline(area: Area, *, width: int, height: int, turn_degrees: int) -> Sequence[Point]:
    """Give an area's corners in samples of the encoded picture."""
    shown = [(corner.x / SCALE, corner.y / SCALE) for corner in area.corners]
    return [(x * width, y * height) for x, y in (_turned_back(point, turn_degrees) for point in shown)]


def _turned_back(point: Point, turn_degrees: int) -> Point:
    across, down = point
    return {90: (down, 1 - across), 270: (1 - down, across)}.get(turn_degrees, point)


def _touched(outline: Sequence[Point], top: int, bottom: int, width: int) -> list[Span]:
    """Give the columns that an outline touches between two heights: between its corners it is made of trapezoids."""
    levels = sorted({top, bottom, *(y for _, y in outline if top < y < bottom)})
    spans = []
    for upper, lower in pairwise(levels):
        crossings = _crossings(outline, upper, lower)
        for left, right in zip(crossings[::2], crossings[1::2], strict=True):
            begin, end = min(left[0], left[2]), max(right[0], right[2])
            spans.append((2 * max(0, math.floor(begin / 2)), min(width, 2 * math.ceil(end / 2))))
    return spans


def _crossings(outline: Sequence[Point], upper: float, lower: float) -> list[tuple[float, float, float]]:
    """Give where each side that goes through lies at both levels and between them, from left to right."""
    found = []
    for (ax, ay), (bx, by) in pairwise((*outline, outline[0])):
        if min(ay, by) <= upper and max(ay, by) >= lower and ay != by:
            at = [ax + (bx - ax) * (level - ay) / (by - ay) for level in (upper, lower)]
            found.append((at[0], sum(at) / 2, at[1]))
    return sorted(found, key=lambda each: each[1])


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return tuple(joined)

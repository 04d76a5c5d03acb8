"""Draws a code as a QR code: the path of its dark modules for an SVG, which prints sharp at any size."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import segno

_QUIET = 4


class Picture(NamedTuple):
    """A square of so many modules, quiet zone included, and the path of the dark ones."""

    side: int
    path: str


def draw_code(code: str) -> Picture:
    """Draw a code; a scanner types exactly these characters (ISO/IEC 18004, level Q: a crease costs nothing)."""
    rows = [bytes(row) for row in segno.make(code, error="q", micro=False).matrix_iter(border=_QUIET)]
    return Picture(len(rows), "".join(run for y, row in enumerate(rows) for run in _runs(y, row)))


def _runs(y: int, row: bytes) -> list[str]:
    found, x = [], 0
    for dark, run in groupby(row):
        length = len(list(run))
        if dark:
            found.append(f"M{x} {y}h{length}v1h-{length}z")
        x += length
    return found

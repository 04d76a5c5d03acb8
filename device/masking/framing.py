"""Knows a camera's framing again: whether it looks where it looked when somebody confirmed the mask.

A framing is the signs of brightness differences between neighbouring cells of a coarse grid: light cancels out, what
moves is left out, what the mask hides is never looked at, and no person can be made out in it. Pure. The figures are
those of docs/protocol/masks.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from device.masking.stencil import Picture, Stencil

COLUMNS, ROWS = 48, 27
CELLS = COLUMNS * ROWS
SAMPLES = 4
"""How many rows, and how many samples of each, are looked at in a cell."""
LEAST_STEP = 4
"""A difference of fewer levels between cells is noise."""
LEAST_SIGNS = 60
"""A picture with fewer signs cannot be known again: a wall, a closed lens, a dark room."""
LEAST_LIKENESS = 0.6
REACH = 3
"""How many cells a camera may have been turned for the comparison to see that it was turned."""
DARKER, NEITHER, BRIGHTER = "-", "0", "+"
SIGNS = frozenset(DARKER + NEITHER + BRIGHTER)


@dataclass(frozen=True)
class Framing:
    """For each cell, row by row, the sign of the step to its right neighbour; then the same downwards."""

    signs: str

    def __post_init__(self) -> None:
        """Refuse what is not two signs a cell."""
        if len(self.signs) != 2 * CELLS or not set(self.signs) <= SIGNS:
            raise ValueError(f"signs: expected {2 * CELLS} of {''.join(sorted(SIGNS))}, got {self.signs[:20]!r}")

    @property
    def is_telling(self) -> bool:
        """Tell whether there is enough in it to know it again."""
        return len(self.signs) - self.signs.count(NEITHER) >= LEAST_SIGNS


def read_framing(picture: Picture, hidden: Stencil) -> Framing:
    """Read the framing of a picture whose areas are not covered yet; what `hidden` hides gives no sign."""
    means = [_mean(picture, hidden, box) for box in _boxes(picture)]
    right = "".join(_sign(means[at], means[at + 1] if (at + 1) % COLUMNS else None) for at in range(CELLS))
    down = "".join(_sign(means[at], means[at + COLUMNS] if at + COLUMNS < CELLS else None) for at in range(CELLS))
    return Framing(right + down)


def agree(framings: Sequence[Framing]) -> Framing:
    """Keep what all of several framings of one camera say: what stands still."""
    each = zip(*(framing.signs for framing in framings), strict=True)
    return Framing("".join(signs[0] if len(set(signs)) == 1 else NEITHER for signs in each))


def is_same(known: Framing, seen: Framing) -> bool:
    """Tell whether a camera looks where it looked: alike enough, and nowhere more alike when shifted by some cells."""
    here = likeness(known, seen, (0, 0))
    steps = range(-REACH, REACH + 1)
    return here >= LEAST_LIKENESS and all(likeness(known, seen, each) <= here for each in product(steps, steps))


def likeness(known: Framing, seen: Framing, shift: tuple[int, int]) -> float:
    """Give how many of the known signs are seen `shift` columns and rows away: 1.0 all, 0.0 as many as by chance."""
    pairs = Counter(
        pair
        for at, there, count in _overlap(shift)
        for pair in zip(known.signs[at : at + count], seen.signs[there : there + count], strict=True)
        if pair[0] != NEITHER
    )
    total = pairs.total()
    if total < LEAST_SIGNS // 2:
        return 0.0
    same = sum(count for (one, two), count in pairs.items() if one == two)
    other = sum(count for (one, two), count in pairs.items() if two not in (NEITHER, one))
    return (same - other) / total


def _overlap(shift: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Give the rows that two grids have in common: where each begins in either, and how many cells it has."""
    across, down = shift
    left, count = max(0, -across), COLUMNS - abs(across)
    for half in (0, CELLS):
        for row in range(max(0, -down), min(ROWS, ROWS - down)):
            at = half + row * COLUMNS + left
            yield at, at + down * COLUMNS + across, count


def _boxes(picture: Picture) -> list[tuple[int, int, int, int]]:
    across = [at * picture.width // COLUMNS for at in range(COLUMNS + 1)]
    down = [at * picture.height // ROWS for at in range(ROWS + 1)]
    return [
        (across[column], down[row], across[column + 1], down[row + 1])
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]


def _mean(picture: Picture, hidden: Stencil, box: tuple[int, int, int, int]) -> float | None:
    """Give a cell's brightness; None where the mask hides anything of it."""
    if hidden.hides(box):
        return None
    left, top, right, bottom = box
    step = max(1, (right - left) // SAMPLES)
    total = count = 0
    for row in range(top, bottom, max(1, (bottom - top) // SAMPLES)):
        samples = picture.luma[row * picture.luma_stride + left : row * picture.luma_stride + right : step]
        total, count = total + sum(samples), count + len(samples)
    return total / count if count else None


def _sign(here: float | None, there: float | None) -> str:
    if here is None or there is None or abs(there - here) < LEAST_STEP:
        return NEITHER
    return BRIGHTER if there > here else DARKER

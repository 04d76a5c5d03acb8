"""What a mask hides of a picture: everything that an area touches, and nothing that it does not."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.masking.stencil import GREY, Point, cover_all, make_stencil
from protocol.masks import Area, Corner, Mask
from tests.drawn_pictures import picture_of
from tests.school import new_id

WIDTH, HEIGHT = 96, 54


def mask_of(*corners: tuple[int, int]) -> Mask:
    """A mask of one area."""
    return Mask(room=new_id(), version=1, areas=(Area(corners=tuple(Corner(*each) for each in corners)),))


@st.composite
def stars(draw: st.DrawFn) -> Mask:
    """Areas around a middle, seldom convex, also thin ones."""
    count = draw(st.integers(3, 12))
    far = draw(st.lists(st.integers(20, 480), min_size=count, max_size=count))
    turns = [2 * math.pi * at / count + 0.1 for at in range(count)]
    ends = zip(far, turns, strict=True)
    return mask_of(*((500 + round(r * math.cos(turn)), 500 + round(r * math.sin(turn))) for r, turn in ends))


def _samples(mask: Mask) -> list[Point]:
    return [(x * WIDTH / 1000, y * HEIGHT / 1000) for x, y in mask.areas[0].corners]


def _is_inside(outline: list[Point], x: float, y: float) -> bool:
    """Count the sides that a ray to the right meets."""
    hits = 0
    for (ax, ay), (bx, by) in pairwise((*outline, outline[0])):
        if (ay > y) != (by > y) and x < ax + (bx - ax) * (y - ay) / (by - ay):
            hits += 1
    return hits % 2 == 1


def _distance(outline: list[Point], x: float, y: float) -> float:
    """Give how far a point is from the nearest side."""
    nearest = math.inf
    for (ax, ay), (bx, by) in pairwise((*outline, outline[0])):
        long = (bx - ax) ** 2 + (by - ay) ** 2
        along = max(0.0, min(1.0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long))
        nearest = min(nearest, math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)))
    return nearest


@settings(deadline=None, max_examples=60)
@given(stars())
def test_stencil_hides_every_sample_inside_and_none_apart(mask: Mask) -> None:
    """Held against another way to tell inside from outside, at the middle of each sample and block."""
    outline, stencil = _samples(mask), make_stencil(mask, width=WIDTH, height=HEIGHT)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            hidden = stencil.hides((column, row, column + 1, row + 1))
            if _is_inside(outline, column + 0.5, row + 0.5):
                assert hidden, f"column {column}, row {row} is inside"
            elif hidden:
                middle = (column // 2 * 2 + 1, row // 2 * 2 + 1)
                near = _is_inside(outline, *middle) or _distance(outline, *middle) <= math.sqrt(2) + 1e-6
                assert near, f"column {column}, row {row} is apart"


def test_stencil_writes_grey_into_all_planes_and_leaves_the_rest() -> None:
    """The left half of a picture: brightness and both colours, and not one sample beside it."""
    stencil = make_stencil(mask_of((0, 0), (500, 0), (500, 1000), (0, 1000)), width=WIDTH, height=HEIGHT)
    picture = picture_of(bytes([7]) * WIDTH * HEIGHT, WIDTH, HEIGHT)
    stencil.cover(picture)
    half, quarter = WIDTH // 2, WIDTH // 4
    assert bytes(picture.luma) == (bytes([GREY]) * half + bytes([7]) * half) * HEIGHT
    for plane in (picture.blue, picture.red):
        assert bytes(plane) == (bytes([GREY]) * quarter + bytes(quarter)) * (HEIGHT // 2)


@pytest.mark.parametrize(
    ("turn", "box"),
    [(0, (0, 0, 10, 6)), (90, (0, 48, 10, 54)), (180, (0, 0, 10, 6)), (270, (86, 0, 96, 6))],
)
def test_stencil_is_turned_back_where_the_player_turns(turn: int, box: tuple[int, int, int, int]) -> None:
    """What is shown at the upper left lies in the buffer where a clockwise turn takes it from; 180 the camera does."""
    stencil = make_stencil(
        mask_of((0, 0), (100, 0), (100, 100), (0, 100)), width=WIDTH, height=HEIGHT, turn_degrees=turn
    )
    hidden = {(x, y) for y in range(HEIGHT) for x in range(WIDTH) if stencil.hides((x, y, x + 1, y + 1))}
    left, top, right, bottom = box
    assert hidden == {(x, y) for y in range(top, bottom) for x in range(left, right)}


def test_stencil_refuses_a_picture_of_another_size() -> None:
    """Never the wrong part of a picture."""
    with pytest.raises(ValueError, match="expected 1280x720 as the mask, got 96x54"):
        cover_all(1280, 720).cover(picture_of(bytes(WIDTH * HEIGHT), WIDTH, HEIGHT))


def test_whole_picture_can_be_hidden() -> None:
    """What is shown before a camera is recognised: nothing."""
    picture = picture_of(bytes(range(96)) * HEIGHT, WIDTH, HEIGHT)
    cover_all(WIDTH, HEIGHT).cover(picture)
    assert set(picture.luma) | set(picture.blue) | set(picture.red) == {GREY}

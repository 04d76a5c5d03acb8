"""Knowing a framing again: light and people do not hinder it, a camera that was turned does."""

from __future__ import annotations

import random

import pytest

from device.masking.framing import CELLS, Framing, agree, is_same, read_framing
from device.masking.stencil import Picture, make_stencil
from protocol.masks import Mask
from tests.drawn_pictures import HEIGHT, LEFT_FRONT, WIDTH, drawn, framing_of, picture_of
from tests.school import new_id

MASK = Mask(room=new_id(), version=1, areas=(LEFT_FRONT,))
STENCIL = make_stencil(MASK, width=WIDTH, height=HEIGHT)
CELL = WIDTH // 48
WALL = bytes([90]) * WIDTH * HEIGHT


class Classroom:
    """A wall with furniture and windows at random places; people can be put before it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311  a picture, not a secret
        self._things = [self._box((60, 320), (40, 260)) for _ in range(40)]

    def _box(self, widths: tuple[int, int], heights: tuple[int, int]) -> tuple[int, int, int, int, int]:
        dice = self._random
        width, height = dice.randint(*widths), dice.randint(*heights)
        return dice.randint(-60, WIDTH), dice.randint(-60, HEIGHT), width, height, dice.randint(30, 220)

    def picture(self, *, moved: tuple[int, int] = (0, 0), people: int = 0, light: float = 1.0) -> Picture:
        """See it from a camera that was turned by so many samples."""
        luma = bytearray(WALL)
        passing = [self._box((60, 120), (120, 260)) for _ in range(people)]
        for left, top, width, height, value in (*self._things, *passing):
            _fill(luma, (left - moved[0], top - moved[1], width, height), value)
        lit = bytes(min(255, round(value * light)) for value in range(256))
        return picture_of(bytes(luma).translate(lit))


def _fill(luma: bytearray, box: tuple[int, int, int, int], value: int) -> None:
    left, top, width, height = box
    begin, end = max(0, left), min(WIDTH, left + width)
    for row in range(max(0, top), min(HEIGHT, top + height)):
        luma[row * WIDTH + begin : row * WIDTH + end] = bytes([value]) * max(0, end - begin)


@pytest.mark.parametrize("light", [0.5, 0.7, 1.0, 1.3])
def test_framing_is_known_again_in_another_light_with_people(light: float) -> None:
    """Half as bright, a third brighter, and eight people in it who were not there: the same framing, in each room."""
    for seed in range(8):
        room = Classroom(seed)
        known = agree([read_framing(room.picture(), STENCIL)] * 2)
        assert is_same(known, read_framing(room.picture(light=light, people=8), STENCIL)), f"room {seed}"


@pytest.mark.parametrize("moved", [(CELL, 0), (0, CELL), (-2 * CELL, CELL), (5 * CELL, 0), (0, -8 * CELL)], ids=str)
def test_turned_camera_is_not_known_again(moved: tuple[int, int]) -> None:
    """From one cell (2 % of the width) on, in each direction and room."""
    for seed in range(8):
        room = Classroom(seed)
        known = read_framing(room.picture(), STENCIL)
        assert not is_same(known, read_framing(room.picture(moved=moved), STENCIL)), f"room {seed}"


def test_other_room_is_not_known_again() -> None:
    """A unit that was carried away, or a camera that looks elsewhere."""
    known = read_framing(Classroom(1).picture(), STENCIL)
    assert not any(is_same(known, read_framing(Classroom(seed).picture(), STENCIL)) for seed in range(2, 10))


def test_closed_lens_and_dark_room_are_not_known_again() -> None:
    """Nothing to see is not the same as what was seen."""
    known = read_framing(Classroom(1).picture(), STENCIL)
    assert not is_same(known, read_framing(picture_of(bytes(WIDTH * HEIGHT)), STENCIL))


def test_wall_tells_nothing() -> None:
    """A picture without anything in it cannot be known again, so that it is not taken for a framing."""
    framing = read_framing(picture_of(WALL), STENCIL)
    assert (framing.is_telling, set(framing.signs)) == (False, {"0"})
    assert not is_same(framing, framing)


def test_what_is_under_the_mask_leaves_no_sign() -> None:
    """Somebody who moves there changes nothing that is kept or compared."""
    room = Classroom(3)
    before, after = room.picture(), room.picture()
    for row in range(int(HEIGHT * 0.62), HEIGHT):
        after.luma[row * WIDTH : row * WIDTH + int(WIDTH * 0.28)] = bytes(int(WIDTH * 0.28))
    assert read_framing(before, STENCIL) == read_framing(after, STENCIL)


def test_what_moves_is_left_out_of_a_framing() -> None:
    """The synthetic camera's sweeping bar and seconds go, and what stands still stays: it is known hours later."""
    known = framing_of(MASK)
    assert known.is_telling
    assert is_same(known, read_framing(drawn(25 * 60 * 25), STENCIL))
    assert not is_same(known, read_framing(drawn(25, shifted=2 * CELL), STENCIL))


@pytest.mark.parametrize("signs", ["", "0" * (2 * CELLS - 1), "0" * (2 * CELLS - 1) + "1"])
def test_framing_refuses_what_is_none(signs: str) -> None:
    """A file that was cut or made up."""
    with pytest.raises(ValueError, match="signs: expected"):
        Framing(signs)

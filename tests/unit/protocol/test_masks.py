"""Masks: what is an area, what is not, and that every reader sees the same one."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError, encode_record, parse_record
from protocol.ids import IdError
from protocol.masks import Area, Corner, Mask

ROOM = "b4xgq2ldnrwsa5dpnfxgkzlmoq"
TRIANGLE = ((0, 0), (100, 0), (0, 100))


def area(*corners: tuple[int, int]) -> Area:
    """An area by its corners."""
    return Area(corners=tuple(Corner(*each) for each in corners))


@st.composite
def stars(draw: st.DrawFn) -> Area:
    """Areas whose corners stand around a middle at rising angles, near and far: never crossing, seldom convex."""
    count = draw(st.integers(3, 20))
    far = draw(st.lists(st.integers(100, 480), min_size=count, max_size=count))
    turns = [2 * math.pi * at / count for at in range(count)]
    return area(
        *(
            (500 + round(r * math.cos(turn)), 500 + round(r * math.sin(turn)))
            for r, turn in zip(far, turns, strict=True)
        )
    )


@given(st.lists(stars(), min_size=1, max_size=12), st.integers(1, 10**6))
def test_mask_comes_back_from_its_record(areas: list[Area], version: int) -> None:
    """What is written is what is read, with the same digest."""
    mask = Mask(room=ROOM, version=version, areas=tuple(areas))
    again = parse_record(Mask, encode_record(mask), "mask")
    assert (again, again.digest) == (mask, mask.digest)


@given(stars(), st.data())
def test_area_refuses_two_corners_exchanged_across_it(star: Area, data: st.DataObject) -> None:
    """Two corners that are exchanged make sides cross, wherever there are at least four."""
    corners = list(star.corners)
    if len(corners) < 4:
        return
    at = data.draw(st.integers(0, len(corners) - 2))
    corners[at], corners[at + 1] = corners[at + 1], corners[at]
    if _crosses(corners):
        with pytest.raises(ValueError, match="cross or touch"):
            Area(corners=tuple(corners))


def _crosses(corners: list[Corner]) -> bool:
    """Find a proper crossing by solving for it in fractions of the two sides: another way than the reader's."""
    sides = list(pairwise((*corners, corners[0])))
    for one, (a, b) in enumerate(sides):
        for c, d in sides[one + 1 :]:
            below = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x)
            if below == 0:
                continue
            along = ((c.x - a.x) * (d.y - c.y) - (c.y - a.y) * (d.x - c.x)) / below
            across = ((c.x - a.x) * (b.y - a.y) - (c.y - a.y) * (b.x - a.x)) / below
            if 1e-9 < along < 1 - 1e-9 and 1e-9 < across < 1 - 1e-9:
                return True
    return False


@pytest.mark.parametrize(
    ("corners", "words"),
    [
        (((0, 0), (10, 10)), "3 to 20"),
        (tuple((at * 10, at * at) for at in range(21)), "3 to 20"),
        (((0, 0), (1001, 0), (0, 5)), r"corners\[1\]: expected 0 to 1000"),
        (((0, 0), (10, -1), (0, 5)), r"corners\[1\]"),
        (((0, 0), (9, 0), (9, 9), (0, 0)), "stands twice"),
        (((0, 0), (100, 100), (100, 0), (0, 100)), "side 1 and side 3"),
        (((0, 0), (100, 0), (50, 0)), "side 1 and side 2"),
        (((0, 0), (100, 0), (100, 100), (50, 0), (0, 100)), "cross or touch"),
    ],
)
def test_area_refuses_what_goes_not_around_once(corners: tuple[tuple[int, int], ...], words: str) -> None:
    """Too few, too many, outside, twice, crossing, without any surface, touching itself at a corner."""
    with pytest.raises(ValueError, match=words):
        area(*corners)


@pytest.mark.parametrize(
    "change", [{"room": "3b"}, {"version": 0}, {"areas": ()}, {"areas": (area(*TRIANGLE),) * 13}], ids=str
)
def test_mask_refuses_no_room_no_version_no_area_and_too_many(change: dict[str, object]) -> None:
    """A mask that hides nothing is none: the snapshot leaves it out instead."""
    with pytest.raises((ValueError, IdError), match=r"room|version|areas"):
        Mask(**{"room": ROOM, "version": 1, "areas": (area(*TRIANGLE),), **change})  # type: ignore[arg-type]


def test_digest_differs_by_room_version_and_corner() -> None:
    """A mask of another room is another mask, though it looks the same: a unit that was moved must be asked again."""
    mask = Mask(room=ROOM, version=1, areas=(area(*TRIANGLE),))
    others = (
        Mask(room="orugs4zanfzsaylhei2dqmzwgq", version=1, areas=mask.areas),
        Mask(room=ROOM, version=2, areas=mask.areas),
        Mask(room=ROOM, version=1, areas=(area((0, 0), (100, 0), (0, 101)),)),
    )
    assert len({mask.digest, *(other.digest for other in others)}) == 4


def test_reader_names_the_place_of_a_bad_corner() -> None:
    """The error says which corner of which area."""
    record = {"room": ROOM, "version": 1, "areas": [{"corners": [[0, 0], [1, 0], [0, 2000]]}]}
    with pytest.raises(CodecError, match=r"mask\.areas\[0\]: corners\[2\]"):
        parse_record(Mask, record, "mask")

"""Decoding times: they rise, no picture is decoded after it is shown, and what is shown when never changes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from device.media.order import LOOKAHEAD, DecodingOrder, Settled, TimedUnit, join_fields, leave_out_hidden


def settle(*times: tuple[int | None, int | None], duration: int = 10) -> list[Settled]:
    """Settle units of these (pts, dts)."""
    order, out = DecodingOrder(), list[Settled]()
    for pts, dts in times:
        out += order.place(TimedUnit(b"", pts, dts, duration, keyframe=False))
    return [*out, *order.flush()]


def test_good_times_are_kept() -> None:
    """An MP4 with B-frames comes out as it went in."""
    times = [(20, 0), (50, 10), (40, 20), (30, 30), (60, 40)]
    assert [(each.pts, each.dts) for each in settle(*times)] == times


def test_missing_first_times_are_counted_back() -> None:
    """Matroska with B-frames: FFmpeg knows the decoding times only from the third picture on."""
    assert [each.dts for each in settle((0, None), (30, None), (20, 0), (10, 10))] == [-20, -10, 0, 10]


def test_guess_that_comes_too_late_is_moved_before_what_follows() -> None:
    """B-frames that begin in the middle: the picture before them is decoded early, and nobody is shown late."""
    settled = settle((0, 0), (10, 10), (40, 20), (20, None), (30, 21), (50, 40))
    assert [each.pts for each in settled] == [0, 10, 40, 20, 30, 50]
    assert [each.dts for each in settled] == [0, 10, 19, 20, 21, 40]


def test_film_without_any_decoding_times_gets_some() -> None:
    """Presentation times alone are enough."""
    assert [(each.pts, each.dts) for each in settle((0, None), (30, None), (10, None), (20, None))] == [
        (0, 0),
        (30, 9),
        (10, 10),
        (20, 20),
    ]


def test_film_without_presentation_times_is_shown_as_it_is_decoded() -> None:
    """Without B-frames the two are the same."""
    assert [(each.pts, each.dts) for each in settle((None, 5), (None, 15))] == [(5, 5), (15, 15)]


def test_decoding_time_that_is_hours_early_is_moved() -> None:
    """Damage in a file's tables does not make a recording that begins hours before its first picture."""
    assert [(each.pts, each.dts) for each in settle((0, -(10**9)), (10, -(10**9) + 1))] == [
        (0, -900_000),
        (10, -899_990),
    ]


def test_equal_times_are_told_apart_by_a_tick() -> None:
    """Two pictures of one moment: both are kept, and the muxer's law of rising times too."""
    assert [(each.pts, each.dts) for each in settle((0, 0), (0, 0), (10, 10))] == [(0, -1), (0, 0), (10, 10)]


def film(kinds: str) -> list[TimedUnit]:
    """A film in which K and p are shown, H is a hidden keyframe and h a hidden picture; 10 ticks each."""
    return [
        TimedUnit(bytes([at]), 10 * at, 10 * at, 10, keyframe=kind in "KH", hidden=kind in "Hh")
        for at, kind in enumerate(kinds)
    ]


def kept(kinds: str) -> list[tuple[int, int | None]]:
    """Which pictures are left, and when they are shown."""
    return [(unit.data[0], unit.pts) for unit in leave_out_hidden(film(kinds))]


def test_hidden_pictures_that_begin_a_film_keep_their_times() -> None:
    """A recording must begin at their keyframe."""
    assert kept("Hhhpp") == [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]


def test_hidden_pictures_that_nothing_needs_are_left_out() -> None:
    """At the end, and before a keyframe: what was trimmed away does not come back."""
    assert kept("Kphhh") == [(0, 0), (1, 10)]
    assert kept("HhhKphHhhKp") == [(3, 30), (4, 40), (9, 90), (10, 100)]


def test_hidden_pictures_in_the_middle_pass_within_ticks() -> None:
    """A later stretch that begins between keyframes: what it is decoded from is not seen."""
    assert kept("KpHhhp") == [(0, 0), (1, 10), (2, 47), (3, 48), (4, 49), (5, 50)]


def test_field_without_times_joins_the_one_before() -> None:
    """Two fields are one picture; a third unit without times stands alone rather than being glued on."""
    parts = [(0, 0), (None, None), (10, 10), (None, None), (None, None)]
    units = [TimedUnit(bytes([at]), *times, 5, keyframe=False) for at, times in enumerate(parts)]
    assert [(unit.data, unit.pts) for unit in join_fields(units)] == [(b"\0\1", 0), (b"\2\3", 10), (b"\4", None)]
    assert list(join_fields([])) == []


@st.composite
def reordered(draw: st.DrawFn) -> list[tuple[int, int | None]]:
    """A film in decoding order: groups of pictures shown in any order, decoding times missing or wrong."""
    times: list[tuple[int, int | None]] = []
    shown = itertools.count(draw(st.integers(-3, 3)))
    for _ in range(draw(st.integers(1, 8))):
        group = [next(shown) * 100 for _ in range(draw(st.integers(1, LOOKAHEAD - 1)))]
        for pts in draw(st.permutations(group)):
            times.append((pts, draw(st.none() | st.integers(pts - 2000, pts + 2000))))
    return times


@given(reordered())
def test_any_film_can_be_written(times: list[tuple[int, int | None]]) -> None:
    """However the container guesses: presentation times are untouched, decoding times rise and are never late."""
    settled = settle(*times)
    assert [each.pts for each in settled] == [pts for pts, _ in times]
    assert all(each.dts <= each.pts for each in settled)
    assert all(after.dts > before.dts for before, after in itertools.pairwise(settled))

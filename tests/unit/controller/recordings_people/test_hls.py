"""What controller/recordings/hls.py plans: groups from keyframe to keyframe, stretches, and where a moment plays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.recordings.hls import PlayableSegment, Stream, plan_stream, render_playlist
from protocol.manifest import TICKS_PER_SECOND, FragmentEntry

INIT = 1000
HALF = TICKS_PER_SECOND // 2


def _segment(index: int, keyframes: str, *, take: int = 1, start: int = 0) -> PlayableSegment:
    """Make a segment of half-second fragments; `k` begins with a keyframe, `-` does not."""
    fragments = tuple(
        FragmentEntry(INIT + 100 * at, 100, start + HALF * at, HALF, int(letter == "k"))
        for at, letter in enumerate(keyframes)
    )
    return PlayableSegment(index=index, take=take, init_bytes=INIT, fragments=fragments)


def _spans(stream: Stream) -> list[tuple[int, int, int]]:
    return [(group.index, group.offset, group.length) for stretch in stream.stretches for group in stretch.groups]


def test_group_ends_at_the_first_keyframe_after_two_seconds() -> None:
    """With a keyframe each second, groups are two seconds long."""
    stream = plan_stream([_segment(1, "k-k-k-k-k-")])
    assert _spans(stream) == [(1, 1000, 400), (1, 1400, 400), (1, 1800, 200)]


def test_group_never_begins_without_a_keyframe_inside_a_segment() -> None:
    """One keyframe in five seconds makes one group of five seconds."""
    stream = plan_stream([_segment(1, "k---------k-")])
    assert _spans(stream) == [(1, 1000, 1000), (1, 2000, 200)]


def test_segment_without_keyframe_is_one_group() -> None:
    """A file that the recorder had to cut in the middle of pictures is streamed whole."""
    stream = plan_stream([_segment(1, "k---"), _segment(2, "----", start=4 * HALF)])
    assert _spans(stream) == [(1, 1000, 400), (2, 1000, 400)]
    assert len(stream.stretches) == 1


def test_padding_between_fragments_belongs_to_the_group() -> None:
    """Boxes of padding inside a group are fetched with it; those behind its last fragment are not."""
    fragments = (
        FragmentEntry(1000, 100, 0, HALF, 1),
        FragmentEntry(1600, 100, HALF, HALF, 0),
        FragmentEntry(2000, 100, 4 * HALF, HALF, 1),
    )
    stream = plan_stream([PlayableSegment(index=1, take=1, init_bytes=INIT, fragments=fragments)])
    assert _spans(stream) == [(1, 1000, 700), (1, 2000, 100)]


def test_take_begins_a_stretch_with_its_own_init() -> None:
    """After a pause the player is told to start anew, with the init of that take's first segment."""
    stream = plan_stream([_segment(1, "k-"), _segment(2, "k-", start=2 * HALF), _segment(3, "k-", take=2)])
    assert [(stretch.take, stretch.init_index) for stretch in stream.stretches] == [(1, 1), (2, 3)]
    assert [stretch.begins_at_ticks for stretch in stream.stretches] == [0, 4 * HALF]


def test_missing_segment_begins_a_stretch() -> None:
    """A hole in a take is a discontinuity: times on both sides do not meet."""
    stream = plan_stream([_segment(1, "k-"), _segment(3, "k-", start=4 * HALF)])
    assert [(stretch.take, stretch.init_index) for stretch in stream.stretches] == [(1, 1), (1, 3)]


def test_segment_without_fragments_is_passed_over() -> None:
    """A segment that was cut before its first fragment cannot be played and stops nothing."""
    stream = plan_stream([_segment(1, "k-"), _segment(2, "", take=2), _segment(3, "k-", take=3)])
    assert [stretch.take for stretch in stream.stretches] == [1, 3]


def test_sound_alone_at_the_end_lengthens_the_last_group() -> None:
    """Sound that goes on after the last picture is played."""
    fragments = (FragmentEntry(1000, 100, 0, HALF, 1), FragmentEntry(1100, 50, HALF, HALF // 2, 0))
    stream = plan_stream([PlayableSegment(index=1, take=1, init_bytes=INIT, fragments=fragments)])
    assert stream.duration_ticks == HALF + HALF // 2


@pytest.mark.parametrize(
    ("take", "at_s", "plays_at"),
    [(1, 0.0, 0.0), (1, 1.5, 1.5), (2, 0.5, 2.5), (2, 99.0, 4.0), (1, 99.0, 2.0), (3, 0.0, None)],
)
def test_moment_plays_after_the_takes_before_it(take: int, at_s: float, plays_at: float | None) -> None:
    """A bookmark's time counts from its take; the pause before it takes no time in the player."""
    stream = plan_stream([_segment(1, "k---"), _segment(2, "k---", take=2)])
    assert stream.position_s(take, round(at_s * TICKS_PER_SECOND)) == plays_at


def test_moment_in_a_hole_moves_to_what_plays() -> None:
    """A bookmark in a segment that is missing leads to where the pictures stop."""
    stream = plan_stream([_segment(1, "k-"), _segment(3, "k-", start=10 * HALF)])
    assert stream.position_s(1, 6 * HALF) == 1.0
    assert stream.position_s(1, 11 * HALF) == 1.5


def test_take_that_begins_late_is_reached() -> None:
    """When a take's first segment is missing, its earliest moment is where the next one begins."""
    stream = plan_stream([_segment(2, "k-", start=4 * HALF)])
    assert stream.position_s(1, 0) == 0.0


def test_playlist_says_what_a_player_needs() -> None:
    """The text is RFC 8216: byte ranges, an init a stretch, discontinuities, an end."""
    stream = plan_stream([_segment(1, "k-----"), _segment(2, "k-", take=2)])
    assert render_playlist(stream, lambda index: f"media/{index}").splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        '#EXT-X-MAP:URI="media/1",BYTERANGE="1000@0"',
        "#EXTINF:3.000000,",
        "#EXT-X-BYTERANGE:600@1000",
        "media/1",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="media/2",BYTERANGE="1000@0"',
        "#EXTINF:1.000000,",
        "#EXT-X-BYTERANGE:200@1000",
        "media/2",
        "#EXT-X-ENDLIST",
    ]


def test_playlist_of_nothing_is_still_one() -> None:
    """A recording of which nothing plays gives an empty list, not an error."""
    assert render_playlist(plan_stream([]), str).endswith("#EXT-X-ENDLIST\n")


@given(st.lists(st.tuples(st.text("k-", min_size=1, max_size=40), st.booleans()), min_size=1, max_size=6))
def test_plan_covers_every_fragment_once(segments: list[tuple[str, bool]]) -> None:
    """Whatever the keyframes: groups follow each other without hole or overlap, and their lengths add up."""
    take, start, planned = 1, 0, []
    for index, (letters, pause) in enumerate(segments, start=1):
        take, start = (take + 1, 0) if pause else (take, start)
        planned.append(_segment(index, letters, take=take, start=start))
        start += HALF * len(letters)
    stream = plan_stream(planned)
    for segment in planned:
        groups = [group for stretch in stream.stretches for group in stretch.groups if group.index == segment.index]
        assert groups[0].offset == INIT
        assert all(one.offset + one.length == two.offset for one, two in pairwise(groups))
        assert groups[-1].offset + groups[-1].length == INIT + 100 * len(segment.fragments)
    assert stream.duration_ticks == HALF * sum(len(letters) for letters, _ in segments)
    longest = max(group.duration_ticks for stretch in stream.stretches for group in stretch.groups)
    (target,) = (line for line in render_playlist(stream, str).splitlines() if "TARGETDURATION" in line)
    assert int(target.partition(":")[2]) * TICKS_PER_SECOND >= longest

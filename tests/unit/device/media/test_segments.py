"""Where segments are cut, and what their index says."""

import pytest

from device.hardware.ports import TICKS_PER_S
from device.media.muxer import Fragment, InitSegment
from device.media.segments import FragmentEntry, SegmentIndex, SegmentLimits, decide_cut

INIT = InitSegment(bytes(1000))


def fragment(start_s: float, *, keyframe: bool, duration_s: float = 0.5, size: int = 100) -> Fragment:
    """A fragment of some bytes."""
    return Fragment(bytes(size), round(start_s * TICKS_PER_S), round(duration_s * TICKS_PER_S), keyframe)


def cut(fragments: list[Fragment], limits: SegmentLimits) -> list[list[FragmentEntry]]:
    """Lay the fragments out in segments."""
    index = SegmentIndex.begin(INIT)
    segments = [index]
    for each in fragments:
        if decide_cut(index, each, limits):
            index = SegmentIndex.begin(INIT)
            segments.append(index)
        index.add(each)
    return [segment.entries for segment in segments]


def test_segments_of_a_keyframe_each_second_are_thirty_seconds() -> None:
    """Our own cameras give segments of exactly the target."""
    fragments = [fragment(half / 2, keyframe=half % 2 == 0) for half in range(200)]
    segments = cut(fragments, SegmentLimits())
    assert [len(entries) for entries in segments] == [60, 60, 60, 20]
    assert all(entries[0].keyframe for entries in segments)


def test_cut_waits_for_the_keyframe_after_the_target() -> None:
    """With a keyframe every seven seconds, the first one after half a minute begins the next segment."""
    fragments = [fragment(half / 2, keyframe=half % 14 == 0) for half in range(140)]
    assert [entries[0].start_ticks // TICKS_PER_S for entries in cut(fragments, SegmentLimits())] == [0, 35]


def test_stream_without_keyframes_is_cut_at_the_bound() -> None:
    """No segment grows beyond a minute, and its index says that it begins without a keyframe."""
    fragments = [fragment(half / 2, keyframe=half == 0) for half in range(300)]
    segments = cut(fragments, SegmentLimits())
    assert [len(entries) for entries in segments] == [120, 120, 60]
    assert [entries[0].keyframe for entries in segments] == [True, False, False]


def test_one_long_fragment_stands_alone() -> None:
    """A fragment longer than the bound is a segment of its own, not an endless loop."""
    fragments = [fragment(start, keyframe=False, duration_s=90) for start in (0, 90, 180)]
    assert [len(entries) for entries in cut(fragments, SegmentLimits())] == [1, 1, 1]


def test_index_offsets_count_init_and_padding() -> None:
    """An entry's offset is where its moof stands in the plaintext file, after init segment and padding boxes."""
    index = SegmentIndex.begin(INIT)
    index.add(fragment(0, keyframe=True, size=70))
    index.add_padding(300)
    entry = index.add(fragment(0.5, keyframe=False, size=50))
    assert entry == FragmentEntry(1370, 50, TICKS_PER_S // 2, TICKS_PER_S // 2, keyframe=False)
    assert (index.length, index.duration_ticks) == (1420, TICKS_PER_S)


def test_empty_index_lasts_no_time() -> None:
    """A segment that was opened and got nothing has no duration."""
    assert SegmentIndex.begin(INIT).duration_ticks == 0


@pytest.mark.parametrize(("target_s", "bound_s"), [(0, 60), (30, 29), (-1, 5)])
def test_limits_that_cannot_be_kept_are_refused(target_s: float, bound_s: float) -> None:
    """The bound is not below the target, and both are positive."""
    with pytest.raises(ValueError, match="target_s"):
        SegmentLimits(target_s=target_s, bound_s=bound_s)

"""Plans how a recording is streamed: which ranges of which segments a player fetches, and when each plays.

Pure. Fragments are grouped from keyframe to keyframe; every group is a byte range of one segment's plaintext, and each
unbroken run of segments of one take is a stretch with an init of its own. Reads no file and opens nothing. The
playlist is defined by RFC 8216 (HLS), version 7 for fragmented MP4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from protocol.manifest import TICKS_PER_SECOND, FragmentEntry

SHORTEST_GROUP_TICKS = 2 * TICKS_PER_SECOND


@dataclass(frozen=True, kw_only=True)
class PlayableSegment:
    """A segment that can be played: its place, its take, the length of its init, and its fragments in order."""

    index: int
    take: int
    init_bytes: int
    fragments: tuple[FragmentEntry, ...]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Neighbouring fragments of one segment, fetched at once; times in 1/90000 s of the take."""

    index: int
    offset: int
    length: int
    start_ticks: int
    duration_ticks: int


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Groups that play without a break under one init, and where in the whole recording they begin."""

    take: int
    init_index: int
    init_bytes: int
    begins_at_ticks: int
    groups: tuple[Group, ...]

    @property
    def start_ticks(self) -> int:
        """Give the time in the take at which the stretch begins."""
        return self.groups[0].start_ticks

    @property
    def duration_ticks(self) -> int:
        """Give the length of the stretch."""
        return sum(group.duration_ticks for group in self.groups)


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A recording as a player sees it: its stretches one after the other."""

    stretches: tuple[Stretch, ...]

    @property
    def duration_ticks(self) -> int:
        """Give the length of what can be played."""
        return sum(stretch.duration_ticks for stretch in self.stretches)

    def position_s(self, take: int, at_ticks: int) -> float | None:
        """Give where a moment of a take plays, in seconds from the start; None when nothing of that take plays.

        A moment in a hole (a segment that is missing) is moved to the nearest one that plays.
        """
        stretches = [stretch for stretch in self.stretches if stretch.take == take]
        if not stretches:
            return None
        begun = [stretch for stretch in stretches if stretch.start_ticks <= at_ticks]
        stretch = begun[-1] if begun else stretches[0]
        within = min(max(at_ticks - stretch.start_ticks, 0), stretch.duration_ticks)
        return (stretch.begins_at_ticks + within) / TICKS_PER_SECOND


def plan_stream(segments: Iterable[PlayableSegment]) -> Stream:
    """Plan the stream of a recording's playable segments, given in order; one without fragments is passed over."""
    stretches: list[Stretch] = []
    begins_at = 0
    for run in _split_runs([segment for segment in segments if segment.fragments]):
        stretch = _plan_stretch(run, begins_at)
        stretches.append(stretch)
        begins_at += stretch.duration_ticks
    return Stream(stretches=tuple(stretches))


def _split_runs(segments: Sequence[PlayableSegment]) -> list[list[PlayableSegment]]:
    """Cut where another take begins or a segment is missing."""
    runs: list[list[PlayableSegment]] = []
    for segment in segments:
        last = runs[-1][-1] if runs else None
        if last is None or last.take != segment.take or last.index + 1 != segment.index:
            runs.append([])
        runs[-1].append(segment)
    return runs


def _plan_stretch(run: Sequence[PlayableSegment], begins_at_ticks: int) -> Stretch:
    groups = [(segment.index, group) for segment in run for group in _group_fragments(segment.fragments)]
    starts = [group[0].start_ticks for _, group in groups]
    ends = [*starts[1:], max(fragment.start_ticks + fragment.duration_ticks for fragment in groups[-1][1])]
    return Stretch(
        take=run[0].take,
        init_index=run[0].index,
        init_bytes=run[0].init_bytes,
        begins_at_ticks=begins_at_ticks,
        groups=tuple(_join(index, group, end) for (index, group), end in zip(groups, ends, strict=True)),
    )


def _group_fragments(fragments: Sequence[FragmentEntry]) -> list[list[FragmentEntry]]:
    """Begin a group at each keyframe by which the one before is long enough; never in the middle of frames."""
    groups: list[list[FragmentEntry]] = []
    for fragment in fragments:
        long_enough = not groups or fragment.start_ticks - groups[-1][0].start_ticks >= SHORTEST_GROUP_TICKS
        if not groups or (fragment.keyframe and long_enough):
            groups.append([])
        groups[-1].append(fragment)
    return groups


def _join(index: int, fragments: Sequence[FragmentEntry], end_ticks: int) -> Group:
    first, last = fragments[0], fragments[-1]
    return Group(
        index=index,
        offset=first.offset,
        length=last.offset + last.length - first.offset,
        start_ticks=first.start_ticks,
        duration_ticks=max(0, end_ticks - first.start_ticks),
    )


def render_playlist(stream: Stream, media_url: Callable[[int], str]) -> str:
    """Write the playlist of a whole stream; `media_url` gives the address of a segment."""
    durations = [group.duration_ticks for stretch in stream.stretches for group in stretch.groups]
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, ceil(max(durations, default=0) / TICKS_PER_SECOND))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
    ]
    for number, stretch in enumerate(stream.stretches):
        lines += ["#EXT-X-DISCONTINUITY"] if number else []
        lines += _render_stretch(stretch, media_url)
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _render_stretch(stretch: Stretch, media_url: Callable[[int], str]) -> list[str]:
    lines = [f'#EXT-X-MAP:URI="{media_url(stretch.init_index)}",BYTERANGE="{stretch.init_bytes}@0"']
    for group in stretch.groups:
        lines += [
            f"#EXTINF:{group.duration_ticks / TICKS_PER_SECOND:.6f},",
            f"#EXT-X-BYTERANGE:{group.length}@{group.offset}",
            media_url(group.index),
        ]
    return lines

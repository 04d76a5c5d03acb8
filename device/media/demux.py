"""Reads footage in the order of time: pictures as they are (never re-encoded), sound decoded and mixed to mono.

Two readers run over the same file, because containers interleave the tracks as they like; `read_footage` merges
them. Timestamps are the file's own, in ticks, and may begin anywhere. Raises InputBroken *after* everything that
could be read was given.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, VideoPacket
from device.media.errors import InputBroken
from device.media.inputs import missing_tail, open_input, pick_sound, pick_video

_Track = TypeVar("_Track", VideoStream, AudioStream)

_DEFAULT_DURATION = TICKS_PER_S // 25
_TAIL_TOLERANCE_S = 1.0
_MOST_HELD = 32

Footage = VideoPacket | AudioFrame


def read_footage(path: Path) -> Iterator[Footage]:
    """Yield pictures (by `dts`) and sound (by `pts`) of one file in the order of their times.

    Raises InputRefused before the first item, InputBroken after the last when the file ends early.
    """
    return heapq.merge(read_video(path), read_audio(path), key=footage_ticks)


def footage_ticks(item: Footage) -> int:
    """When an item is due: pictures when they are decoded, sound when it is heard."""
    return item.dts if isinstance(item, VideoPacket) else item.pts


def read_video(path: Path) -> Iterator[VideoPacket]:
    """Yield the pictures as Annex-B access units in decoding order."""
    with open_input(path) as container:
        video = pick_video(container, path)
        last: VideoPacket | None = None
        pictures = _Pictures(container, video)
        for packet in _in_decoding_order(pictures):
            if last is not None:
                yield _until(last, packet.dts)
            last = packet
        if last is not None:
            yield last
        _check_end(path, video, last)
        if pictures.damaged:
            raise InputBroken(f"{path}: {pictures.damaged} damaged pictures were left out")


def read_audio(path: Path) -> Iterator[AudioFrame]:
    """Yield the sound as mono samples at SOUND_RATE_HZ; nothing when the file has none that can be decoded."""
    with open_input(path) as container:
        track = pick_sound(container)
        if track is None:
            return
        mono = _MonoSound()
        for packet in _packets(container.demux(track)):
            try:
                frames = track.decode(packet)
            except av.FFmpegError:
                continue  # one damaged block of sound: silence stands in its place, the pictures go on
            for frame in frames:
                yield from mono.convert(frame)
        yield from mono.flush()


class _MonoSound:
    """Mixes decoded sound of any layout, format and rate down to what the muxer takes."""

    def __init__(self) -> None:
        self._resampler = self._fresh()
        self._next_pts = 0

    def convert(self, frame: av.AudioFrame) -> Iterator[AudioFrame]:
        try:
            converted = self._resampler.resample(frame)
        except ValueError:  # the track changed its layout or rate in the middle
            yield from self.flush()
            converted = self._try_afresh(frame)
        yield from map(self._port_frame, converted)

    def flush(self) -> Iterator[AudioFrame]:
        yield from map(self._port_frame, self._resampler.resample(None))
        self._resampler = self._fresh()

    def _try_afresh(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        try:
            return self._resampler.resample(frame)
        except (ValueError, av.FFmpegError):  # no layout that can be mixed: damaged, and silence stands in its place
            self._resampler = self._fresh()
            return []

    def _port_frame(self, frame: av.AudioFrame) -> AudioFrame:
        pts = self._next_pts
        if frame.pts is not None and frame.time_base is not None:
            pts = to_ticks(frame.pts, frame.time_base)
        self._next_pts = pts + frame.samples * TICKS_PER_S // SOUND_RATE_HZ
        return AudioFrame(bytes(frame.planes[0])[: 2 * frame.samples], SOUND_RATE_HZ, pts)

    @staticmethod
    def _fresh() -> av.AudioResampler:
        return av.AudioResampler(format="s16", layout="mono", rate=SOUND_RATE_HZ)


def to_ticks(value: int, time_base: Fraction) -> int:
    """Convert a timestamp to ticks of 1/90000 s, rounded to the nearest."""
    return round(value * time_base * TICKS_PER_S)


class _DecodingOrder:
    """Gives every picture a `dts` that rises and a `pts` that is not before it, changing only what breaks that.

    Matroska keeps no `dts`; FFmpeg works them out, except for the first pictures of a stream with B-frames. Those are
    held back until one is known, and get theirs by counting backwards from it.
    """

    def __init__(self) -> None:
        self._last_dts: int | None = None
        self._held: list[_Unit] = []

    def place(self, unit: "_Unit") -> list[VideoPacket]:
        """Take the next picture; return those whose times are settled."""
        if self._last_dts is None and unit.dts is None and len(self._held) < _MOST_HELD:
            self._held.append(unit)
            return []
        held, self._held = self._held, []
        known = unit.dts if unit.dts is not None else _earliest(held)
        return [*self._count_back(held, known), self._settle(unit, unit.dts)]

    def flush(self) -> list[VideoPacket]:
        """Return what is still held back: a film so short that no `dts` came."""
        held, self._held = self._held, []
        return self._count_back(held, _earliest(held))

    def _count_back(self, held: "list[_Unit]", known: int | None) -> list[VideoPacket]:
        if known is None:
            return [self._settle(unit, None) for unit in held]
        first = known - sum(unit.duration for unit in held)
        packets = []
        for unit in held:
            packets.append(self._settle(unit, first))
            first += unit.duration
        return packets

    def _settle(self, unit: "_Unit", dts: int | None) -> VideoPacket:
        if dts is None:
            dts = self._last_dts + 1 if self._last_dts is not None else unit.pts or 0
        if self._last_dts is not None and dts <= self._last_dts:
            dts = self._last_dts + 1
        self._last_dts = dts
        pts = dts if unit.pts is None else max(unit.pts, dts)
        return VideoPacket(unit.data, pts, dts, unit.duration, unit.keyframe)


@dataclass(frozen=True, slots=True)
class _Unit:
    """An access unit with the times that the container gave, in ticks; None where it gave none."""

    data: bytes
    pts: int | None
    dts: int | None
    duration: int
    keyframe: bool


def _unit(packet: "Packet[VideoStream]") -> _Unit:
    base = packet.time_base
    return _Unit(
        data=bytes(packet),
        pts=None if packet.pts is None else to_ticks(packet.pts, base),
        dts=None if packet.dts is None else to_ticks(packet.dts, base),
        duration=(to_ticks(packet.duration, base) if packet.duration else 0) or _DEFAULT_DURATION,
        keyframe=packet.is_keyframe,
    )


def _earliest(units: list[_Unit]) -> int | None:
    return min((unit.pts for unit in units if unit.pts is not None), default=None)


def _in_decoding_order(packets: Iterable["Packet[VideoStream]"]) -> Iterator[VideoPacket]:
    order = _DecodingOrder()
    for packet in packets:
        yield from order.place(_unit(packet))
    yield from order.flush()


def _until(packet: VideoPacket, next_dts: int) -> VideoPacket:
    """A picture lasts until the next one: containers with coarse or variable times do not say it right."""
    return VideoPacket(packet.data, packet.pts, packet.dts, next_dts - packet.dts, packet.keyframe)


class _Pictures:
    """The access units of one track in Annex-B form; `damaged` counts those that were cut or could not be read."""

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self.damaged = 0
        self._packets = _packets(container.demux(video))
        self._to_annexb = BitStreamFilterContext("h264_mp4toannexb", video)

    def __iter__(self) -> Iterator["Packet[VideoStream]"]:
        for packet in self._packets:
            if packet.is_corrupt:  # such as a picture that the file's end cuts in two
                self.damaged += 1
            else:
                yield from self._convert(packet)

    def _convert(self, packet: "Packet[VideoStream]") -> "list[Packet[VideoStream]]":
        try:
            return self._to_annexb.filter(packet)
        except av.FFmpegError:
            self.damaged += 1
            self._to_annexb.flush()
            return []


def _packets(demuxed: "Iterator[Packet[_Track]]") -> "Iterator[Packet[_Track]]":
    """The packets with content, until the container's end or until it cannot be read further."""
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.FFmpegError):
            return
        if packet.size:
            yield packet


def _check_end(path: Path, video: VideoStream, last: VideoPacket | None) -> None:
    missing = missing_tail(path, video)
    if missing:
        raise InputBroken(f"{path}: cut off, {missing}")
    promised = _promised_end(video)
    if promised is None or last is None:
        return
    lacking_s = (promised - last.dts - last.duration) / TICKS_PER_S
    if lacking_s > _TAIL_TOLERANCE_S:
        raise InputBroken(f"{path}: cut off, {lacking_s:.1f} s are missing of what the file promises")


def _promised_end(video: VideoStream) -> int | None:
    """Where the track should end, in ticks: its own duration, or the tag that Matroska writers leave."""
    if video.duration is not None and video.time_base is not None:
        return to_ticks((video.start_time or 0) + video.duration, video.time_base)
    return _parse_clock(video.metadata.get("DURATION", ""))


def _parse_clock(text: str) -> int | None:
    """Read "HH:MM:SS.fraction"."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = int(parts[0]), int(parts[1]), float(parts[2])
    except (IndexError, ValueError):
        return None
    return round((hours * 3600 + minutes * 60 + seconds) * TICKS_PER_S)

"""Reads footage in the order of time: pictures as they are (never re-encoded), sound decoded and mixed to mono.

Two readers run over the same file, because containers interleave the tracks as they like; `read_footage` merges
them. Timestamps are the file's own, in ticks, and may begin anywhere. Raises InputBroken *after* everything that
could be read was given.

Of an edit list the times count. What it hides is left out, except pictures that shown ones are decoded from: nothing is
re-encoded. At the beginning those are shown at their times, and further on they pass unseen. A file whose times jump
back, as where two were joined end to end, or ahead by more than an hour, as where they are damaged, ends there.
"""

import heapq
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, VideoPacket
from device.media.errors import InputBroken
from device.media.inputs import ends_within_packet, listen_to, missing_tail, open_input, pick_sound, pick_video
from device.media.nals import AnnexbWriter, DamagedUnit
from device.media.order import DecodingOrder, Settled, TimedUnit, join_fields, leave_out_hidden

_Track = TypeVar("_Track", VideoStream, AudioStream)

_DEFAULT_DURATION = TICKS_PER_S // 25
_TAIL_TOLERANCE_S = 1.0
_BACKWARDS_S = 1.0
_AHEAD_S = 3600.0
_LEFT_OUT = "what comes after was left out"
_AS_JOINED = f"as where two films were joined; {_LEFT_OUT}"

Footage = VideoPacket | AudioFrame


def read_footage(path: Path) -> Iterator[Footage]:
    """Yield pictures (by `dts`) and sound (by `pts`) of one file in the order of their times.

    Raises InputRefused before the first item, InputBroken after the last when the file ends early.
    """
    of_pictures, of_sound = list[InputBroken](), list[InputBroken]()
    tracks = (_until_broken(read_video(path), of_pictures), _until_broken(read_audio(path), of_sound))
    yield from heapq.merge(*tracks, key=footage_ticks)
    for broken in (*of_pictures, *of_sound):
        raise broken


def _until_broken(track: Iterator[Footage], broken: list[InputBroken]) -> Iterator[Footage]:
    """Hold the bad news back: the other track may go on where this one ended."""
    try:
        yield from track
    except InputBroken as error:
        broken.append(error)


def footage_ticks(item: Footage) -> int:
    """When an item is due: pictures when they are decoded, sound when it is heard."""
    return item.dts if isinstance(item, VideoPacket) else item.pts


def read_video(path: Path) -> Iterator[VideoPacket]:
    """Yield the pictures as Annex-B access units in decoding order."""
    with open_input(path) as container:
        video = pick_video(container, path)
        listen_to(container, video)
        pictures = _Pictures(container, video)
        last: Settled | None = None
        end = 0
        for settled in _in_decoding_order(pictures):
            if last is not None:
                yield _packet(last, settled.dts - last.dts)
            last, end = settled, max(end, settled.pts + settled.unit.duration)
        if last is not None:
            yield _packet(last, last.unit.duration)
        if pictures.jump_s < 0:
            raise InputBroken(f"{path}: its times jump back by {-pictures.jump_s:.1f} s, {_AS_JOINED}")
        if pictures.jump_s > 0:
            raise InputBroken(f"{path}: its times jump ahead by {pictures.jump_s / 3600:.1f} h; {_LEFT_OUT}")
        _check_end(path, video, end if last is not None else None)
        if pictures.damaged:
            raise InputBroken(f"{path}: {pictures.damaged} damaged pictures were left out")


def _in_decoding_order(units: "_Pictures") -> Iterator[Settled]:
    order = DecodingOrder()
    for unit in leave_out_hidden(join_fields(units)):
        yield from order.place(unit)
    yield from order.flush()


def _packet(settled: Settled, duration: int) -> VideoPacket:
    """A picture lasts until the next one: containers with coarse or variable times do not say it right."""
    return VideoPacket(settled.unit.data, settled.pts, settled.dts, duration, settled.unit.keyframe)


def read_audio(path: Path) -> Iterator[AudioFrame]:
    """Yield the sound as mono samples at SOUND_RATE_HZ; nothing when the file has none that can be decoded."""
    with open_input(path) as container:
        track = pick_sound(container)
        if track is None:
            return
        listen_to(container, track)
        mono, end = _MonoSound(), None
        for packet in _packets(container.demux(track)):
            for frame in _decode(track, packet):
                for converted in mono.convert(frame):
                    if end is not None and is_jump(converted.pts - end):
                        return
                    end = converted.pts
                    yield converted
        yield from mono.flush()
        _check_sound(path, track)


def find_breaks(path: Path) -> list[str]:
    """Read both tracks to their ends, decoding nothing; say what of each is missing or damaged."""
    said = []
    for read in (read_video, _pass_over_sound):
        try:
            for _ in read(path):
                pass
        except InputBroken as broken:
            said.append(str(broken).removeprefix(f"{path}: "))
    return said


def _pass_over_sound(path: Path) -> Iterator["Packet[AudioStream]"]:
    with open_input(path) as container:
        track = pick_sound(container)
        if track is None:
            return
        listen_to(container, track)
        yield from _packets(container.demux(track))
        _check_sound(path, track)


def _check_sound(path: Path, track: AudioStream) -> None:
    missing = missing_tail(path, track)
    if missing:
        raise InputBroken(f"{path}: cut off, {missing}")


def _decode(track: AudioStream, packet: "Packet[AudioStream]") -> list[av.AudioFrame]:
    """One damaged block of sound gives none: silence stands in its place, the pictures go on."""
    try:
        return track.decode(packet)
    except av.FFmpegError:
        return []


class _MonoSound:
    """Mixes decoded sound of any layout, format and rate down to what the muxer takes."""

    def __init__(self) -> None:
        self._resampler = self._fresh()
        self._next_pts = 0

    def convert(self, frame: av.AudioFrame) -> Iterator[AudioFrame]:
        try:
            converted = self._resampler.resample(frame)
        except (ValueError, av.FFmpegError):  # the track changed its layout or rate in the middle
            yield from self.flush()
            converted = self._try_afresh(frame)
        yield from map(self._port_frame, converted)

    def flush(self) -> Iterator[AudioFrame]:
        with suppress(ValueError, av.FFmpegError):  # nothing that could be mixed was ever given
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


def is_jump(ticks: int) -> bool:
    """Whether times that go on by so many ticks are no longer those of one film."""
    return not -_BACKWARDS_S * TICKS_PER_S <= ticks <= _AHEAD_S * TICKS_PER_S


def to_ticks(value: int, time_base: Fraction) -> int:
    """Convert a timestamp to ticks of 1/90000 s, rounded to the nearest."""
    return round(value * time_base * TICKS_PER_S)


class _Pictures:
    """The access units of one track in Annex-B form, up to where the track's times jump by `jump_s`, ahead or back.

    `damaged` counts those that were left out because they were cut or could not be read. What FFmpeg calls corrupt is
    no reason: in a transport stream that is the whole picture before every join.
    """

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self.damaged = 0
        self.jump_s = 0.0
        self._newest: int | None = None
        self._packets = _packets(container.demux(video))
        self._writer = AnnexbWriter(video.codec_context.extradata or b"")

    def __iter__(self) -> Iterator[TimedUnit]:
        for packet in self._packets:
            if packet.has_sidedata("new_extradata"):
                self._writer.reconfigure(bytes(packet.get_sidedata("new_extradata")))
            try:
                unit = self._unit(packet)
            except DamagedUnit:  # such as a picture that the file's end cuts in two
                self.damaged += 1
                continue
            if not unit.hidden and self._jumps(unit):
                return
            yield unit

    def _jumps(self, unit: TimedUnit) -> bool:
        if unit.dts is None:
            return False
        newest = unit.dts if self._newest is None else self._newest
        self._newest = max(unit.dts, newest)
        jumps = is_jump(unit.dts - newest)
        if jumps:
            self.jump_s = (unit.dts - newest) / TICKS_PER_S
        return jumps

    def _unit(self, packet: "Packet[VideoStream]") -> TimedUnit:
        base = packet.time_base
        duration = to_ticks(packet.duration, base) if packet.duration else 0
        return TimedUnit(
            data=self._writer.write(bytes(packet), keyframe=packet.is_keyframe),
            pts=None if packet.pts is None else to_ticks(packet.pts, base),
            dts=None if packet.dts is None else to_ticks(packet.dts, base),
            duration=_DEFAULT_DURATION if not duration or is_jump(duration) else duration,
            keyframe=packet.is_keyframe,
            hidden=packet.is_discard,
        )


def _packets(demuxed: "Iterator[Packet[_Track]]") -> "Iterator[Packet[_Track]]":
    """The packets with content, until the container's end or until it cannot be read further."""
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.FFmpegError):
            return
        except IndexError:  # how PyAV 18 may end when another track appeared in the middle of the file
            return
        if packet.size:
            yield packet


def _check_end(path: Path, video: VideoStream, end: int | None) -> None:
    missing = missing_tail(path, video)
    if missing:
        raise InputBroken(f"{path}: cut off, {missing}")
    if video.container.format.name == "mpegts" and ends_within_packet(path):
        raise InputBroken(f"{path}: cut off, the last packet of its transport stream is not whole")
    promised = _promised_end(video)
    if promised is None or end is None:
        return
    lacking_s = (promised - end) / TICKS_PER_S
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

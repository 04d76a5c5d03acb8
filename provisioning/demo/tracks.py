"""What is in a video file, in a form that two files can be compared by: access units, timestamps, mono samples.

Video is normalised to Annex B and its parameter sets are set apart, since a container may carry them once or often.
Sound is decoded to mono at 16 kHz, each sample at the place that its timestamp says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from numpy.typing import NDArray

TICKS_PER_SECOND = 90_000
SOUND_RATE = 16_000
JITTER_S = 0.002
_START_CODE = re.compile(rb"\x00\x00\x01")
_ACCESS_UNIT_DELIMITER, _SPS, _PPS = 9, 7, 8


@dataclass(frozen=True)
class AccessUnit:
    """One coded picture: its time in 1/90000 s, if it is a keyframe, and the digest of its normalised bytes."""

    pts_ticks: int
    keyframe: bool
    digest: str


@dataclass(frozen=True)
class Tracks:
    """The video of a file in decoding order, its parameter sets, and its sound (none: no sample)."""

    video: tuple[AccessUnit, ...]
    parameter_sets: frozenset[bytes]
    sound: NDArray[np.float32]
    sound_begins_s: float


def read_tracks(source: Path | IO[bytes]) -> Tracks:
    """Read a whole file; of one that is cut off, what is there. Raises `av.FFmpegError` when it is no video at all."""
    video, sets = _read_video(source)
    sound, begins_s = _read_sound(source)
    return Tracks(video, sets, sound, begins_s)


def _open(source: Path | IO[bytes]) -> InputContainer:
    if not isinstance(source, Path):
        source.seek(0)
    return av.open(str(source) if isinstance(source, Path) else source, "r")


def _read_video(source: Path | IO[bytes]) -> tuple[tuple[AccessUnit, ...], frozenset[bytes]]:
    units: list[AccessUnit] = []
    sets: set[bytes] = set()
    with _open(source) as container:
        stream = container.streams.video[0]
        normalise = BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in _packets(container, stream):
            for annex_b in normalise.filter(packet):
                nals = split_nals(bytes(annex_b))
                sets.update(nal for nal in nals if nal[0] & 31 in (_SPS, _PPS))
                units.append(_access_unit(annex_b, nals))
    return tuple(units), frozenset(sets)


def _packets(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[Any]:
    """Give the packets of a stream that hold data; a file that is cut off simply ends."""
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_corrupt:
                yield packet
    except av.FFmpegError:
        return


def _access_unit(packet: Any, nals: list[bytes]) -> AccessUnit:
    body = hashlib.sha256()
    for nal in nals:
        if nal[0] & 31 not in (_SPS, _PPS, _ACCESS_UNIT_DELIMITER):
            body.update(len(nal).to_bytes(4, "big") + nal)
    ticks = round((packet.pts or 0) * packet.time_base * TICKS_PER_SECOND)
    return AccessUnit(ticks, packet.is_keyframe, body.hexdigest())


def split_nals(annex_b: bytes) -> list[bytes]:
    """Cut an Annex B byte stream (H.264, annex B) at its start codes; zero bytes around them belong to no unit."""
    parts = _START_CODE.split(annex_b)[1:]
    return [nal for part in parts if (nal := part.rstrip(b"\x00"))]


def _read_sound(source: Path | IO[bytes]) -> tuple[NDArray[np.float32], float]:
    placed: list[tuple[float, NDArray[np.float32]]] = []
    with _open(source) as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32), 0.0
        resampler = AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
        stream = container.streams.audio[0]
        for packet in _packets(container, stream):
            for frame in packet.decode():
                for resampled in resampler.resample(frame):
                    at_s = (resampled.pts or 0) / SOUND_RATE
                    placed.append((at_s, resampled.to_ndarray().reshape(-1).astype(np.float32)))
    return _lay_out(placed)


def _lay_out(placed: list[tuple[float, NDArray[np.float32]]]) -> tuple[NDArray[np.float32], float]:
    """Put pieces of sound where their times say; gaps are silence.

    A piece that begins within JITTER_S of the end of the one before follows it: Matroska and Flash keep whole
    milliseconds, and laying sound out by those would tear it and blur what it is compared with.
    """
    if not placed:
        return np.zeros(0, np.float32), 0.0
    begins_s = placed[0][0]
    starts: list[int] = []
    end = 0
    for at_s, piece in placed:
        at = max(0, round((at_s - begins_s) * SOUND_RATE))
        starts.append(end if abs(at - end) <= JITTER_S * SOUND_RATE else at)
        end = starts[-1] + len(piece)
    ends = max(start + len(piece) for start, (_, piece) in zip(starts, placed, strict=True))
    sound = np.zeros(ends, np.float32)
    for start, (_, piece) in zip(starts, placed, strict=True):
        sound[start : start + len(piece)] = piece
    return sound, begins_s

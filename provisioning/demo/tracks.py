"""What is in a video file, in a form that two files can be compared by: access units, timestamps, look, mono samples.

What a player would show is what counts: the first H.264 track that is no cover picture, and the sound track that it
would play. Sound is decoded to mono at 16 kHz, each sample at the place that its timestamp says. Two things are as a
recording has them. Of the pictures that an edit list hides those are there that shown ones are decoded from, at the
beginning with their times and later without; and a file whose times jump back, or ahead by more than an hour, ends at
the jump. What is damaged or cut in two is in neither file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.stream import Discard, Disposition
from numpy.typing import NDArray

from provisioning.demo.nals import Normaliser, NotAPicture

TICKS_PER_SECOND = 90_000
SOUND_RATE = 16_000
JITTER_S = 0.030
BACKWARDS_S = 1.0
AHEAD_S = 3600.0
_FULL_SCALE = 32_768
_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}

Piece = tuple[float, NDArray[np.float32]]
"""Mono samples, and when the first of them is heard, in seconds."""


@dataclass(frozen=True)
class AccessUnit:
    """One coded picture: its time in 1/90000 s, if it is a keyframe, digests of its bytes and of its parameter sets.

    One that is only decoded, and never shown, has no time.
    """

    pts_ticks: int | None
    keyframe: bool
    digest: str
    sets: str


@dataclass(frozen=True)
class Look:
    """How decoded pictures are laid on a screen: the matrix that turns them, and the shape of a pixel."""

    matrix: bytes
    pixel: Fraction


@dataclass(frozen=True)
class Tracks:
    """The video of a file in decoding order, how it looks, and its sound (none: no sample)."""

    video: tuple[AccessUnit, ...]
    look: Look
    sound: NDArray[np.float32]
    sound_begins_s: float


def read_tracks(source: Path | IO[bytes]) -> Tracks:
    """Read a whole file; of one that is cut off, what is there. Raises `av.FFmpegError` when it is no video at all."""
    look = _read_look(source)
    return Tracks(tuple(_read_video(source)), look, *_read_sound(source))


def _open(source: Path | IO[bytes]) -> InputContainer:
    if not isinstance(source, Path):
        source.seek(0)
    # a title that is no UTF-8 keeps no film out: PyAV takes it since 19, and had to be told before
    options: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
    container: InputContainer = av.open(str(source) if isinstance(source, Path) else source, "r", **options)
    return container


def _pick_video(container: InputContainer) -> av.VideoStream:
    moving = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    h264 = [each for each in moving if each.codec_context is not None and each.codec_context.name == "h264"]
    return (h264 or moving or list(container.streams.video))[0]


def _pick_sound(container: InputContainer) -> av.AudioStream | None:
    """The track that players choose, or the first that can be decoded at all."""
    heard = [each for each in container.streams.audio if each.codec_context is not None]
    best = container.streams.best("audio")
    return next((each for each in heard if each is best), heard[0] if heard else None)


def _read_look(source: Path | IO[bytes]) -> Look:
    """Decode the first picture that decodes."""
    with _open(source) as container:
        stream = _pick_video(container)
        pixel = Fraction(stream.sample_aspect_ratio or 1)
        for packet in _packets(container, stream):
            with suppress(av.FFmpegError):
                for frame in packet.decode():
                    side_data: Any = frame.side_data
                    turned = "DISPLAYMATRIX" in side_data
                    return Look(bytes(side_data["DISPLAYMATRIX"]) if turned else b"", pixel)
        return Look(b"", pixel)


def _read_video(source: Path | IO[bytes]) -> Iterator[AccessUnit]:
    with _open(source) as container:
        stream = _pick_video(container)
        normaliser = Normaliser(stream.codec_context.extradata or b"")
        clock = _Clock()
        for packets in _pair_fields(_needed(_forwards(_packets(container, stream)))):
            first = packets[0]
            if first.has_sidedata("new_extradata"):
                normaliser.configure(bytes(first.get_sidedata("new_extradata")))
            with suppress(NotAPicture):
                ticks = clock.read(first)
                yield AccessUnit(ticks, first.is_keyframe, *normaliser.digest(b"".join(map(bytes, packets))))


class _Clock:
    """Tells when a picture is shown; a hidden one has a time only before everything that is shown."""

    def __init__(self) -> None:
        self._begins: int | None = None
        self._newest: int | None = None

    def read(self, packet: Any) -> int | None:
        """Give the time in ticks, None for a picture that has none; packets come in decoding order."""
        at = packet.dts if packet.pts is None else packet.pts
        ticks = round(float((at or 0) * packet.time_base * TICKS_PER_SECOND))
        if packet.is_discard and self._begins is not None:
            follows = packet.dts is not None and self._newest is not None and packet.dts > self._newest
            if ticks >= self._begins or not follows:
                return None
        if not packet.is_discard:
            self._begins = ticks if self._begins is None else min(ticks, self._begins)
        if packet.dts is not None:
            self._newest = packet.dts if self._newest is None else max(packet.dts, self._newest)
        return ticks


def _pair_fields(packets: Iterable[Any]) -> Iterator[list[Any]]:
    """Put a packet without any time beside the one before: the second field of the same picture."""
    picture: list[Any] = []
    for packet in packets:
        if len(picture) == 1 and packet.pts is None and packet.dts is None:
            picture.append(packet)
            continue
        if picture:
            yield picture
        picture = [packet]
    if picture:
        yield picture


def _packets(container: InputContainer, stream: av.VideoStream | av.AudioStream) -> Iterator[Any]:
    """Give the packets of a stream that hold data; a file that is cut off simply ends."""
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all  # the end of another track is not the end of this one
    with suppress(av.FFmpegError, IndexError):  # the latter from PyAV 18, where a track appeared in the middle
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def _forwards(packets: Iterable[Any]) -> Iterator[Any]:
    """Give packets until their time jumps: back where files were joined end to end, far ahead where it is damaged."""
    newest = None
    for packet in packets:
        if packet.dts is not None and not packet.is_discard:
            at_s = float(packet.dts * packet.time_base)
            if newest is not None and not newest - BACKWARDS_S <= at_s <= newest + AHEAD_S:
                return
            newest = at_s if newest is None else max(newest, at_s)
        yield packet


def _needed(packets: Iterable[Any]) -> Iterator[Any]:
    """Give the packets of pictures that are shown, and before each the hidden ones since the last keyframe."""
    waiting: list[Any] = []
    for packet in packets:
        waiting = [packet] if packet.is_keyframe else [*waiting, packet]
        if not packet.is_discard:
            yield from waiting
            waiting = []


def _read_sound(source: Path | IO[bytes]) -> tuple[NDArray[np.float32], float]:
    placed: list[Piece] = []
    with _open(source) as container:
        stream = _pick_sound(container)
        if stream is None:
            return np.zeros(0, np.float32), 0.0
        _settle_layout(stream)
        mixer = _Mixer()
        for packet in _forwards(_packets(container, stream)):
            with suppress(av.FFmpegError):  # a damaged block is silence
                for frame in packet.decode():
                    placed += mixer.mix(frame)
        with suppress(av.FFmpegError):  # nothing that could be mixed was ever given
            placed += mixer.mix(None)
    return _lay_out(placed)


class _Mixer:
    """Mixes sound to mono in 16-bit samples, as a recorder does: in floating point FFmpeg mixes other shares."""

    def __init__(self) -> None:
        self._resampler = self._fresh()

    def mix(self, frame: av.AudioFrame | None) -> list[Piece]:
        """Give what is ready, each piece with its time in seconds; None asks for what is left."""
        try:
            ready = self._resampler.resample(frame)
        except ValueError:  # the track changed its layout or rate
            self._resampler = self._fresh()
            ready = self._resampler.resample(frame)
        return [((piece.pts or 0) / SOUND_RATE, _samples(piece)) for piece in ready]

    @staticmethod
    def _fresh() -> AudioResampler:
        return AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)


def _samples(piece: av.AudioFrame) -> NDArray[np.float32]:
    return (piece.to_ndarray().reshape(-1) / _FULL_SCALE).astype(np.float32)


def _settle_layout(stream: av.AudioStream) -> None:
    """Replace a layout that lists its channels: PyAV 18 frees such a list twice, and the process dies."""
    layout = stream.codec_context.layout
    name = layout.name
    if not layout.nb_channels:
        return
    if " channels (" in name:
        name = _LAYOUTS.get(layout.nb_channels, f"{layout.nb_channels} channels")
    stream.codec_context.layout = AudioLayout(name)


def _lay_out(placed: list[Piece]) -> tuple[NDArray[np.float32], float]:
    """Put pieces of sound where their times say; gaps are silence.

    A piece that begins within JITTER_S of the end of the one before follows it: times in files wander a little, and
    sound that was torn at each of them would be heard so by nobody.
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

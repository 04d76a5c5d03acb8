"""What a file of footage is, and whether it can be recorded from: facts, or a refusal in plain words.

Decodes one picture to learn how it is turned; never changes the file. Refused is what has no H.264 picture; a
missing sound track, odd rotation, sparse keyframes or a cut-off end are only noted, because they can be recorded.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.audio.layout import AudioLayout
from av.audio.stream import AudioStream
from av.buffer import Buffer
from av.container import InputContainer
from av.frame import Frame
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from device.hardware.ports import PictureFacts
from device.media.errors import InputRefused
from device.media.nals import join_annexb, split_configuration

_HOW_TO_CONVERT = "convert it first, for example: ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -c:a aac OUTPUT.mp4"
_TIMELESS = {"avi": "AVI", "asf": "ASF", "mpeg": "an MPEG program stream", "h264": "a bare H.264 stream"}
_NO_FILM = {"tty": "text", "image2": "a still picture"}
_GIVE_A_VIDEO = "give the path of a video file with H.264 (MP4, MOV or MKV)"
_USUAL_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_MOST_UNREADABLE = 500  # packets: a stream that was cut out of a broadcast begins with pictures that nothing explains
_UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_TRANSPORT_PACKETS = (188, 192, 204)  # bytes: ISO/IEC 13818-1, with a time in front (M2TS), with error correction
_BROWSER_PIXELS = ("yuv420p", "yuvj420p")


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """The sound track that would be recorded, before it is mixed down to mono."""

    codec: str
    channels: int
    rate_hz: int


@dataclass(frozen=True, slots=True)
class InputFacts:
    """One inspected file; `rate_fps` is the average, `notes` are sentences for people about what is odd."""

    path: Path
    container: str
    profile: str
    width: int
    height: int
    rate_fps: float
    duration_s: float | None
    rotation_degrees: int
    picture: PictureFacts
    sound: SoundFacts | None
    notes: tuple[str, ...]


def inspect_input(path: Path) -> InputFacts:
    """Look at a file of footage; raises InputRefused when it holds no H.264 video that can be read."""
    with open_input(path) as container:
        video = pick_video(container, path)
        _require_times(container, path)
        rotation, matrix = _read_orientation(container, video, path)
        sound = _sound_facts(container)
        seconds = container.duration / av.time_base if container.duration else None
        rate = video.average_rate or video.guessed_rate
        return InputFacts(
            path=path,
            container=container.format.name,
            profile=video.profile or "unknown",
            width=video.width,
            height=video.height,
            rate_fps=float(rate) if rate else 0.0,
            duration_s=seconds,
            rotation_degrees=rotation,
            picture=_picture_facts(video, matrix),
            sound=sound,
            notes=_notes(path, container, video, sound),
        )


def text_options(pyav: str) -> dict[str, Any]:
    """Give what a release of PyAV wants to be told, so that a title which is no UTF-8 does not keep a film out.

    Since 19 it takes such texts as they come, and knows the option no more; older ones refuse them without it.
    """
    return {"metadata_errors": "replace"} if int(pyav.partition(".")[0]) < 19 else {}


def open_input(path: Path) -> InputContainer:
    """Open a file for reading; raises InputRefused with the reason and what to do."""
    try:
        _require_content(path)
        container: InputContainer = av.open(str(path), mode="r", **text_options(av.__version__))
    except (av.FFmpegError, OSError) as error:
        raise InputRefused(_why_unreadable(path, error)) from error
    kind = _NO_FILM.get(container.format.name, "a still picture" if container.format.name.endswith("_pipe") else "")
    if kind:
        container.close()
        raise InputRefused(f"{path}: this is {kind}, not a video; {_GIVE_A_VIDEO}")
    return container


def _require_content(path: Path) -> None:
    """Refuse what is no file or holds nothing; raises OSError when that cannot be found out."""
    if path.is_dir():
        raise InputRefused(f"{path}: a folder, not a file; {_GIVE_A_VIDEO}")
    if not path.exists():
        raise InputRefused(f"{path}: no such file; {_GIVE_A_VIDEO}")
    if not path.is_file():  # a pipe cannot be read twice, and the kernel's devices hold no film
        raise InputRefused(f"{path}: not a regular file (a device, pipe or socket); {_GIVE_A_VIDEO}")
    if path.stat().st_size == 0:
        raise InputRefused(f"{path}: the file is empty; {_GIVE_A_VIDEO}")


def pick_video(container: InputContainer, path: Path) -> VideoStream:
    """Choose the video track to record: the first H.264 one that is not a cover picture; raises InputRefused."""
    moving = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not moving:
        raise InputRefused(f"{path}: no video in this file ({_tracks(container)}); {_GIVE_A_VIDEO}")
    for track in moving:
        if track.codec_context is not None and track.codec_context.name == "h264":
            return track
    raise InputRefused(f"{path}: the video is {_codec(moving[0])}, and only H.264 can be recorded; {_HOW_TO_CONVERT}")


def pick_sound(container: InputContainer) -> AudioStream | None:
    """Choose the sound track to record, as players do; None when there is none that this build can decode."""
    heard = [track for track in container.streams.audio if track.codec_context is not None]
    best = container.streams.best("audio")
    track = next((each for each in heard if each is best), heard[0] if heard else None)
    if track is not None:
        _settle_layout(track)
    return track


def listen_to(container: InputContainer, track: Stream) -> None:
    """Read one track alone: another one that is cut off earlier would otherwise end the reading."""
    for other in container.streams:
        if other.index != track.index:
            other.discard = Discard.all


def _settle_layout(track: AudioStream) -> None:
    """Replace the channel layout by an equal one that does not list its channels one by one.

    PyAV 18 frees such a list twice, with the context and with each Python object made of it, and the process dies.
    Reading the layout frees it for the first time; after the replacement nobody knows it any more.
    """
    context = track.codec_context
    layout = context.layout
    name = layout.name
    if not layout.nb_channels:
        return  # only the sound itself will say
    if " channels (" in name:  # in an order of its own: taken for the usual one of as many channels
        name = _USUAL_LAYOUTS.get(layout.nb_channels, f"{layout.nb_channels} channels")
    context.layout = AudioLayout(name)


def annexb_parameter_sets(extradata: bytes) -> bytes:
    """Turn the decoder configuration of a container into Annex-B SPS and PPS; b"" when it cannot be understood."""
    return join_annexb(split_configuration(extradata))


def _require_times(container: InputContainer, path: Path) -> None:
    """Refuse containers that do not say when a picture is shown: with B-frames nobody could tell their order."""
    kind = _TIMELESS.get(container.format.name)
    if kind is not None:
        raise InputRefused(f"{path}: {kind} does not say when each picture is shown; {_HOW_TO_CONVERT}")


def _sound_facts(container: InputContainer) -> SoundFacts | None:
    track = pick_sound(container)
    if track is None:
        return None
    context = track.codec_context
    return SoundFacts(context.name, context.channels, context.sample_rate)


def _read_orientation(container: InputContainer, video: VideoStream, path: Path) -> tuple[int, tuple[int, ...] | None]:
    """Decode the first picture that decodes: its side data carries the display matrix of any container."""
    listen_to(container, video)
    for frame in _decode_some(container, video):
        return frame.rotation, _display_matrix(frame)
    raise InputRefused(
        f"{path}: says H.264, but holds no picture that can be decoded, so it is damaged or was cut off near its "
        f"beginning; {_GIVE_A_VIDEO} that plays elsewhere"
    )


def _decode_some(container: InputContainer, video: VideoStream) -> Iterator[av.VideoFrame]:
    """Decode from the beginning; pictures whose keyframe is missing are passed over."""
    with suppress(IndexError):  # how PyAV 18 may end when another track appeared in the middle of the file
        for packet in islice(container.demux(video), _MOST_UNREADABLE):
            with suppress(av.FFmpegError):
                yield from video.decode(packet)


def _picture_facts(video: VideoStream, matrix: tuple[int, ...] | None) -> PictureFacts:
    aspect = video.sample_aspect_ratio
    return PictureFacts(
        display_matrix=matrix,
        parameter_sets=annexb_parameter_sets(video.codec_context.extradata or b""),
        pixel_aspect=(aspect.numerator, aspect.denominator) if aspect else None,
    )


def _display_matrix(frame: Frame) -> tuple[int, ...] | None:
    """FFmpeg hands out nine native 32-bit integers; None for upright."""
    side_data: Mapping[str, Buffer] = frame.side_data  # type: ignore[assignment]  # typed for motion vectors only
    if "DISPLAYMATRIX" not in side_data:
        return None
    raw = bytes(side_data["DISPLAYMATRIX"])
    values = tuple(int.from_bytes(raw[i : i + 4], sys.byteorder, signed=True) for i in range(0, 36, 4))
    return None if values == _UPRIGHT else values


def _notes(path: Path, container: InputContainer, video: VideoStream, sound: SoundFacts | None) -> tuple[str, ...]:
    notes = []
    if sound is None:
        found = "the sound of this file is of an unknown kind" if container.streams.audio else "no sound in this file"
        notes.append(f"{found}: the recording will have a silent sound track")
    missing = missing_tail(path, video)
    if missing:
        notes.append(f"the file is cut off: {missing}; what is there will be recorded")
    if video.pix_fmt and video.pix_fmt not in _BROWSER_PIXELS:
        notes.append(f"pictures are {video.pix_fmt}, which Chromium plays and other browsers may not")
    return tuple(notes)


def missing_tail(path: Path, track: Stream) -> str:
    """Say how many pieces of a track the container's index promises beyond the file's end; "" when none."""
    size = path.stat().st_size
    entries = track.index_entries
    beyond = 0
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if entry.pos + entry.size <= size:
            break
        beyond += 1
    pieces = "pictures" if isinstance(track, VideoStream) else "pieces of its sound"
    return f"{beyond} of {len(entries)} {pieces} are missing" if beyond else ""


def ends_within_packet(path: Path) -> bool:
    """Whether a transport stream ends in the middle of a packet; nothing else in it tells that it was cut off."""
    size = path.stat().st_size
    return all(size % packet for packet in _TRANSPORT_PACKETS)


def _why_unreadable(path: Path, error: Exception) -> str:
    boxes = _top_level_boxes(path)
    if boxes[:1] == [b"ftyp"] and b"moov" not in boxes:
        return f"{path}: an MP4 whose index (moov) is missing, so it was cut off while it was written; repair it first"
    if isinstance(error, PermissionError):
        return f"{path}: may not be read by this user; change its permissions or give a copy"
    words = getattr(error, "strerror", None) or error
    return f"{path}: not a video file that can be read ({words}); {_GIVE_A_VIDEO}"


def _top_level_boxes(path: Path) -> list[bytes]:
    """The types of an MP4's outermost boxes, as far as they make sense."""
    kinds: list[bytes] = []
    try:
        with path.open("rb") as file:
            while len(kinds) < 64 and len(head := file.read(8)) == 8:
                length = int.from_bytes(head[:4], "big")
                length = int.from_bytes(file.read(8), "big") - 8 if length == 1 else length
                kinds.append(head[4:])
                if length < 8:
                    break
                file.seek(length - 8, 1)
    except OSError:
        return []
    return kinds


def _codec(track: Stream) -> str:
    """Name the format of a track: FFmpeg's words for its own decoder, or the format's name when another decodes it."""
    if track.codec_context is None:
        return "of an unknown kind"
    codec = track.codec_context.codec
    return codec.long_name if codec.name == codec.canonical_name else codec.canonical_name.upper()


def _tracks(container: InputContainer) -> str:
    kinds = [f"{track.type} {_codec(track)}" for track in container.streams]
    return "it has " + ", ".join(kinds) if kinds else "it has no tracks at all"

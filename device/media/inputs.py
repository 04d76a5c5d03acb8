"""What a file of footage is, and whether it can be recorded from: facts, or a refusal in plain words.

Decodes one picture to learn how it is turned; never changes the file. Refused is what has no H.264 picture; a
missing sound track, odd rotation, sparse keyframes or a cut-off end are only noted, because they can be recorded.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.buffer import Buffer
from av.container import InputContainer
from av.frame import Frame
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from device.hardware.ports import PictureFacts
from device.media.errors import InputRefused

_START_CODE = b"\x00\x00\x00\x01"
_HOW_TO_CONVERT = "convert it first, for example: ffmpeg -i INPUT -c:v libx264 -pix_fmt yuv420p -c:a aac OUTPUT.mp4"
_TIMELESS = {"avi": "AVI", "h264": "a bare H.264 stream"}
_UPRIGHT = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
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
            picture=PictureFacts(matrix, annexb_parameter_sets(video.codec_context.extradata or b"")),
            sound=sound,
            notes=_notes(path, video, sound),
        )


def open_input(path: Path) -> InputContainer:
    """Open a file for reading; raises InputRefused with the reason and what to do."""
    if not path.is_file():
        raise InputRefused(f"{path}: no such file; give the path of a video file (MP4, MOV or MKV)")
    if path.stat().st_size == 0:
        raise InputRefused(f"{path}: the file is empty")
    try:
        return av.open(str(path), mode="r", metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise InputRefused(_why_unreadable(path, error)) from error


def pick_video(container: InputContainer, path: Path) -> VideoStream:
    """Choose the video track to record: the first H.264 one that is not a cover picture; raises InputRefused."""
    moving = [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]
    if not moving:
        raise InputRefused(f"{path}: no video in this file ({_tracks(container)}); give a file that has a video track")
    for track in moving:
        if track.codec_context is not None and track.codec_context.name == "h264":
            return track
    raise InputRefused(f"{path}: the video is {_codec(moving[0])}, and only H.264 can be recorded; {_HOW_TO_CONVERT}")


def pick_sound(container: InputContainer) -> AudioStream | None:
    """Choose the sound track to record; None when there is none that this build can decode."""
    track = container.streams.best("audio")
    return track if isinstance(track, AudioStream) and track.codec_context is not None else None


def annexb_parameter_sets(extradata: bytes) -> bytes:
    """Turn the decoder configuration of a container (`avcC`, ISO/IEC 14496-15 5.3.3) into Annex-B SPS and PPS.

    Annex-B passes through; what cannot be understood gives b"".
    """
    if not extradata or extradata[0] != 1:
        return extradata
    sets, offset = b"", 6
    for count in (extradata[5] & 0x1F if len(extradata) > 5 else 0, None):
        if count is None:
            count = extradata[offset] if offset < len(extradata) else 0
            offset += 1
        for _ in range(count):
            length = int.from_bytes(extradata[offset : offset + 2], "big")
            sets += _START_CODE + extradata[offset + 2 : offset + 2 + length]
            offset += 2 + length
    return sets


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
    try:
        for frame in container.decode(video):
            return frame.rotation, _display_matrix(frame)
    except av.FFmpegError as error:
        raise InputRefused(f"{path}: says H.264, but not one picture can be decoded ({error})") from error
    raise InputRefused(f"{path}: has an H.264 track without a single whole picture; the file may be cut off")


def _display_matrix(frame: Frame) -> tuple[int, ...] | None:
    """FFmpeg hands out nine native 32-bit integers; None for upright."""
    side_data: Mapping[str, Buffer] = frame.side_data  # type: ignore[assignment]  # typed for motion vectors only
    if "DISPLAYMATRIX" not in side_data:
        return None
    raw = bytes(side_data["DISPLAYMATRIX"])
    values = tuple(int.from_bytes(raw[i : i + 4], sys.byteorder, signed=True) for i in range(0, 36, 4))
    return None if values == _UPRIGHT else values


def _notes(path: Path, video: VideoStream, sound: SoundFacts | None) -> tuple[str, ...]:
    notes = []
    if sound is None:
        notes.append("no sound in this file: the recording will have a silent sound track")
    missing = missing_tail(path, video)
    if missing:
        notes.append(f"the file is cut off: {missing}; what is there will be recorded")
    if video.pix_fmt and video.pix_fmt not in _BROWSER_PIXELS:
        notes.append(f"pictures are {video.pix_fmt}, which most browsers do not play")
    return tuple(notes)


def missing_tail(path: Path, video: VideoStream) -> str:
    """Say how many pictures the container's index promises beyond the file's end; "" when none."""
    size = path.stat().st_size
    entries = video.index_entries
    beyond = 0
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if entry.pos + entry.size <= size:
            break
        beyond += 1
    return f"{beyond} of {len(entries)} pictures are missing" if beyond else ""


def _why_unreadable(path: Path, error: Exception) -> str:
    boxes = _top_level_boxes(path)
    if boxes[:1] == [b"ftyp"] and b"moov" not in boxes:
        return f"{path}: an MP4 whose index (moov) is missing, so it was cut off while it was written; repair it first"
    if isinstance(error, PermissionError):
        return f"{path}: may not be read by this user"
    words = getattr(error, "strerror", None) or error
    return f"{path}: not a video file that can be read ({words})"


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
    return track.codec_context.codec.long_name if track.codec_context is not None else "of an unknown kind"


def _tracks(container: InputContainer) -> str:
    kinds = [f"{track.type} {_codec(track)}" for track in container.streams]
    return "it has " + ", ".join(kinds) if kinds else "it has no tracks at all"

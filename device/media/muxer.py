"""One take of a recording: encoded pictures and plain sound in, fragments of MP4 out, as data.

Never opens a file, never re-encodes pictures, never waits. One muxer per take and one thread per muxer: calls give
back whatever became complete. The audio track always exists and has no hole: silence stands where no sound came.
Output: fragmented MP4 (ISO/IEC 14496-12) with H.264 and mono AAC; what was measured and why these options: ADR.
"""

import io
from dataclasses import dataclass
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.stream import VideoStream

from device.hardware.ports import SOUND_RATE_HZ, TICKS_PER_S, AudioFrame, PictureFacts, VideoPacket
from device.media.boxes import BoxSplitter, TrackRun, parse_moof
from device.media.errors import MediaError, TakeBroken
from device.media.soundtrack import Soundtrack

_TICK = Fraction(1, TICKS_PER_S)
_SAMPLE = Fraction(1, SOUND_RATE_HZ)
_VIDEO_TRACK, _AUDIO_TRACK = 1, 2
_BLOCK_SAMPLES = SOUND_RATE_HZ
_OPTIONS = {
    # A fragment ends at a keyframe and, where those are rare, after half a second.
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "500000",
    # Players of fragments ignore edit lists, so timestamps must be right without one. Composition offsets stay
    # positive (no `cmaf` flag): with negative ones ffmpeg shifts the pictures, and not the sound, when it reads.
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
    "video_track_timescale": str(TICKS_PER_S),
    # No version string and no date: the same packets give the same bytes.
    "fflags": "bitexact",
}


# What sounds like noise is coded as it is, not replaced by other noise: a recording is evidence of what was heard.
_SOUND_OPTIONS = {"aac_pns": "0"}


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """`bit_rate_bps` of the AAC track; sound that is `patience_s` late has been replaced by silence."""

    bit_rate_bps: int = 64_000
    patience_s: float = 0.5


@dataclass(frozen=True, slots=True)
class MuxerLimits:
    """A jump of the timestamps by more than `jump_s` ends the take: nobody wants an hour of invented silence."""

    jump_s: float = 600.0


@dataclass(frozen=True, slots=True)
class InitSegment:
    """`ftyp` and `moov`: given once, first; each segment file begins with it, so that each plays alone."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Fragment:
    """One `moof` and its `mdat`.

    `start_ticks` counts from the take's first decoded picture, in decoding order, gapless from one fragment to the
    next; a picture is shown later than that by the stream's reordering delay (0 without B-frames).
    """

    data: bytes
    start_ticks: int
    duration_ticks: int
    begins_with_keyframe: bool


MuxerOutput = InitSegment | Fragment


@dataclass(frozen=True, slots=True)
class TakeSummary:
    """What went into a take: pictures kept, pictures before the first keyframe (dropped), and sound in samples."""

    pictures: int
    pictures_before_keyframe: int
    end_ticks: int
    sound_samples: int
    silent_samples: int
    late_samples: int


class TakeMuxer:
    """Turns the packets of one take into an init segment and fragments.

    Raises TakeBroken from `add_video` and `add_audio` when the source's timestamps or data make no sense; what was
    given before stays valid, and `close` still gives the rest.
    """

    def __init__(
        self,
        picture: PictureFacts,
        *,
        sound: SoundSettings | None = None,
        limits: MuxerLimits | None = None,
    ) -> None:
        self._picture = picture
        self._sound = sound or SoundSettings()
        self._limits = limits or MuxerLimits()
        self._writer: _FragmentWriter | None = None
        self._soundtrack = Soundtrack()
        self._origin = 0
        self._last_dts = -1
        self._newest_pts = 0
        self._last_duration = 0
        self._pictures = 0
        self._before_keyframe = 0
        self._closed = False

    def add_video(self, packet: VideoPacket) -> tuple[MuxerOutput, ...]:
        """Take one picture; those before the first keyframe cannot be shown and are dropped (and counted)."""
        if self._writer is None:
            if not packet.keyframe:
                self._before_keyframe += 1
                return ()
            self._begin(packet)
        writer = self._require_writer()
        pts, dts = packet.pts - self._origin, packet.dts - self._origin
        self._check_times(pts, dts)
        self._write_silence(writer, to_ticks=dts - round(self._sound.patience_s * TICKS_PER_S))
        writer.write_picture(packet, pts=pts, dts=dts)
        self._last_dts = dts
        self._newest_pts, self._last_duration = max(self._newest_pts, pts), packet.duration
        self._pictures += 1
        return writer.take_output()

    def add_audio(self, frame: AudioFrame) -> tuple[MuxerOutput, ...]:
        """Take a stretch of sound; sound from before the first keyframe is dropped."""
        if frame.rate_hz != SOUND_RATE_HZ:
            raise TakeBroken(f"sound at {frame.rate_hz} Hz, expected {SOUND_RATE_HZ}; the source must resample")
        if self._writer is None:
            return ()
        start = round((frame.pts - self._origin) * SOUND_RATE_HZ / TICKS_PER_S)
        if abs(start - self._soundtrack.position) > self._limits.jump_s * SOUND_RATE_HZ:
            raise TakeBroken(f"sound jumped from sample {self._soundtrack.position} to {start} of the take")
        placement = self._soundtrack.place(start, frame.sample_count)
        self._writer.write_silence(placement.silence)
        self._writer.write_sound(frame.samples[2 * placement.skip :])
        return self._writer.take_output()

    def close(self) -> tuple[MuxerOutput, ...]:
        """End the take: silence up to the last picture's end, then everything that was held back; idempotent."""
        if self._closed or self._writer is None:
            self._closed = True
            return ()
        self._closed = True
        self._write_silence(self._writer, to_ticks=self._end_ticks)
        self._writer.close()
        return self._writer.take_output()

    @property
    def origin_ticks(self) -> int | None:
        """The source's timestamp that became 0 in the take (its first keyframe's `dts`); None before that."""
        return None if self._writer is None else self._origin

    @property
    def summary(self) -> TakeSummary:
        """What the take holds so far."""
        return TakeSummary(
            pictures=self._pictures,
            pictures_before_keyframe=self._before_keyframe,
            end_ticks=self._end_ticks,
            sound_samples=self._soundtrack.position - self._soundtrack.silent_samples,
            silent_samples=self._soundtrack.silent_samples,
            late_samples=self._soundtrack.skipped_samples,
        )

    @property
    def _end_ticks(self) -> int:
        """When the picture that is shown last is over: it lasts as long as the one that came last."""
        return self._newest_pts + self._last_duration

    def _begin(self, packet: VideoPacket) -> None:
        self._writer = _FragmentWriter(packet.data, self._picture, self._sound)
        self._origin = packet.dts

    def _require_writer(self) -> "_FragmentWriter":
        if self._closed or self._writer is None:
            raise ValueError("this take is closed; a new take needs a new muxer")
        return self._writer

    def _check_times(self, pts: int, dts: int) -> None:
        if dts <= self._last_dts or pts < dts:
            raise TakeBroken(f"picture with dts {dts} and pts {pts} after dts {self._last_dts}: time went backwards")
        if self._pictures and dts - self._last_dts > self._limits.jump_s * TICKS_PER_S:
            raise TakeBroken(f"pictures jumped from dts {self._last_dts} to {dts}: more than {self._limits.jump_s} s")
        if pts - dts > self._limits.jump_s * TICKS_PER_S:
            raise TakeBroken(f"picture with dts {dts} and pts {pts}: shown more than {self._limits.jump_s} s later")

    def _write_silence(self, writer: "_FragmentWriter", *, to_ticks: int) -> None:
        writer.write_silence(self._soundtrack.fill_to(to_ticks * SOUND_RATE_HZ // TICKS_PER_S))


class _Sink:
    """The non-seekable file that PyAV writes into."""

    def __init__(self) -> None:
        self._splitter = BoxSplitter()
        self._boxes: list[tuple[bytes, bytes]] = []

    def write(self, data: bytes) -> int:
        self._boxes += self._splitter.feed(bytes(data))
        return len(data)

    def take_boxes(self) -> list[tuple[bytes, bytes]]:
        boxes, self._boxes = self._boxes, []
        return boxes


class _FragmentWriter:
    """The MP4 container of one take and the boxes that came out of it."""

    def __init__(self, keyframe: bytes, picture: PictureFacts, sound: SoundSettings) -> None:
        self._sink = _Sink()
        self._held: list[bytes] = []
        self._container = av.open(self._sink, "w", format="mp4", options=_OPTIONS)
        self._video = self._add_video_stream(keyframe, picture)
        self._audio: AudioStream = self._container.add_stream(
            "aac", rate=SOUND_RATE_HZ, layout="mono", options=_SOUND_OPTIONS
        )
        self._audio.bit_rate = sound.bit_rate_bps
        self._written_samples = 0

    def write_picture(self, packet: VideoPacket, *, pts: int, dts: int) -> None:
        out: Packet[VideoStream] = Packet(packet.data)  # type: ignore[assignment]  # it belongs to the stream set next
        out.stream = self._video
        out.time_base = _TICK
        out.pts, out.dts, out.duration = pts, dts, packet.duration
        out.is_keyframe = packet.keyframe
        self._mux(out)

    def write_sound(self, samples: bytes) -> None:
        if not samples:
            return
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.planes[0].update(samples)
        frame.sample_rate = SOUND_RATE_HZ
        frame.time_base = _SAMPLE
        frame.pts = self._written_samples
        self._written_samples += frame.samples
        self._encode(frame)

    def write_silence(self, count: int) -> None:
        while count > 0:
            block = min(count, _BLOCK_SAMPLES)
            self.write_sound(bytes(2 * block))
            count -= block

    def close(self) -> None:
        self._encode(None)
        self._container.close()

    def take_output(self) -> tuple[MuxerOutput, ...]:
        """Return what is complete: boxes pair up to `ftyp`+`moov` and `moof`+`mdat`; the `mfra` index is dropped."""
        outputs: list[MuxerOutput] = []
        for kind, box in self._sink.take_boxes():
            if kind in (b"ftyp", b"moof"):
                self._held = [box]
            elif kind == b"moov":
                outputs.append(InitSegment(b"".join([*self._held, box])))
            elif kind == b"mdat":
                outputs.append(_fragment(self._held[0], box))
            elif kind != b"mfra":
                raise MediaError(f"the MP4 writer gave an unexpected box {kind!r}; is this another version of PyAV?")
        return tuple(outputs)

    def _add_video_stream(self, keyframe: bytes, picture: PictureFacts) -> VideoStream:
        """Build the stream from the keyframe itself, so that `avcC` carries the parameter sets really in use."""
        for head in (b"", picture.parameter_sets):
            try:
                with av.open(io.BytesIO(head + keyframe), format="h264") as parsed:
                    template = parsed.streams.video[0]
                    if not template.codec_context.extradata or not template.width:
                        continue
                    stream = self._container.add_stream_from_template(template)
                    stream.set_display_matrix(picture.display_matrix)
                    if picture.pixel_aspect is not None:
                        stream.codec_context.sample_aspect_ratio = Fraction(*picture.pixel_aspect)
                    return stream
            except av.FFmpegError:
                continue
        raise TakeBroken(f"the first keyframe ({len(keyframe)} bytes) carries no usable SPS and PPS (H.264 7.3.2)")

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for packet in self._audio.encode(frame):
            # The encoder's first packet, before time 0, primes a decoder; without an edit list it would be heard.
            if packet.pts is not None and packet.pts >= 0:
                self._mux(packet)

    def _mux(self, packet: "Packet[VideoStream] | Packet[AudioStream]") -> None:
        try:
            self._container.mux_one(packet)
        except av.FFmpegError as error:
            raise TakeBroken(f"the MP4 writer refused a packet with dts {packet.dts}: {error}") from error


def _fragment(moof: bytes, mdat: bytes) -> Fragment:
    runs = parse_moof(moof)
    video = runs.get(_VIDEO_TRACK)
    if video is not None:
        return Fragment(moof + mdat, video.start, video.duration, video.begins_with_sync)
    return _sound_fragment(moof + mdat, runs[_AUDIO_TRACK])


def _sound_fragment(data: bytes, audio: TrackRun) -> Fragment:
    """After the last picture only sound is left; nothing can begin there."""
    start = audio.start * TICKS_PER_S // SOUND_RATE_HZ
    return Fragment(data, start, audio.duration * TICKS_PER_S // SOUND_RATE_HZ, begins_with_keyframe=False)

"""A camera that makes its own picture and sound: a running clock with a flash and a beep at each full second.

Ships with the product for the demo, tests and load; a production configuration refuses it. Encodes with libx264 as a
Pi's own encoder would: a keyframe each second, parameter sets in every keyframe, no B-frames, a capped bit rate.
"""

import math
import threading
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from device.hardware.filming import FilmingThread
from device.hardware.ports import (
    SOUND_RATE_HZ,
    TICKS_PER_S,
    AudioFrame,
    CameraEnd,
    CameraFault,
    CameraSink,
    Clock,
    EndReason,
    PartFacts,
    PictureFacts,
    VideoPacket,
)
from device.hardware.slate import Plane, Slate
from device.hardware.tones import Tones
from device.masking.stencil import Picture
from device.masking.veil import Cover


@dataclass(frozen=True, slots=True)
class SyntheticSettings:
    """Size in even pixels, pictures per second, the most bits per second.

    `speed` as for a replay (inf does not wait); `seconds` is the length of each start, None for no end.
    `own_sound`: without it the flashes fall on the full seconds of the unit's clock, as the beeps of the synthetic
    microphone do.
    """

    width: int = 1280
    height: int = 720
    fps: int = 25
    bit_rate_bps: int = 2_000_000
    speed: float = 1.0
    seconds: float | None = None
    own_sound: bool = True

    def __post_init__(self) -> None:
        if self.width < 64 or self.height < 64 or self.width % 2 or self.height % 2:
            raise ValueError(f"picture of {self.width}x{self.height}: expected even sizes of at least 64")
        if not 1 <= self.fps <= 120 or not self.speed > 0 or self.bit_rate_bps < 16_000:
            raise ValueError(
                f"fps {self.fps} (1 to 120), speed {self.speed} (above 0), bit rate {self.bit_rate_bps} (from 16000)"
            )


class SyntheticCamera:
    """Makes pictures and sound from its own clock's beginning at every start."""

    def __init__(self, *, clock: Clock, settings: SyntheticSettings | None = None, cover: Cover | None = None) -> None:
        self._clock = clock
        self._cover = cover
        self._settings = settings or SyntheticSettings()
        self._thread = FilmingThread("synthetic")

    @property
    def facts(self) -> PartFacts:
        """Says loudly that nobody is filmed."""
        settings = self._settings
        size = f"{settings.width}x{settings.height} at {settings.fps}"
        return PartFacts(f"SYNTHETIC camera, not a classroom: a drawn clock, {size}", is_production=False)

    @property
    def picture(self) -> PictureFacts:
        """Upright."""
        return PictureFacts()

    def start(self, sink: CameraSink) -> None:
        """See `Camera.start`."""
        self._thread.start(lambda cancel: self._run(sink, cancel), self.facts.description)

    def stop(self) -> None:
        """See `Camera.stop`."""
        self._thread.stop()

    def _run(self, sink: CameraSink, cancel: threading.Event) -> None:
        try:
            self._film(sink, cancel)
        except Exception as error:
            # Whatever it is, a camera that has stopped must say so: the lamp depends on it.
            sink.on_fault(CameraFault(f"{self.facts.description}: stopped: {error}"))
            if not isinstance(error, (av.FFmpegError, CameraFault)):
                raise

    def _film(self, sink: CameraSink, cancel: threading.Event) -> None:
        settings, studio = self._settings, _Studio(self._settings, self._cover)
        began_s = self._begin_s()
        total = math.inf if settings.seconds is None else round(settings.seconds * settings.fps)
        number = 0
        while number < total:
            due_s = began_s + number / settings.fps / settings.speed
            if self._is_stopped(due_s, cancel):
                return
            sink.on_video(studio.film(number, due_s))
            if settings.own_sound:
                sink.on_audio(studio.listen(number))
            number += 1
        if not cancel.is_set():
            sink.on_end(CameraEnd(EndReason.FINISHED, f"the synthetic camera has shown its {settings.seconds} s"))

    def _begin_s(self) -> float:
        now_s = self._clock.monotonic_s()
        return now_s if self._settings.own_sound else math.ceil(now_s)

    def _is_stopped(self, due_s: float, cancel: threading.Event) -> bool:
        return cancel.is_set() if math.isinf(self._settings.speed) else self._clock.wait_until(due_s, cancel)


class _Studio:
    """One run's encoder, slate and sound."""

    def __init__(self, settings: SyntheticSettings, cover: Cover | None) -> None:
        self._fps = settings.fps
        self._cover = cover
        self._frame = av.VideoFrame(settings.width, settings.height, "yuv420p")
        shapes = [Plane(plane.width, plane.height, plane.line_size) for plane in self._frame.planes]
        self._slate = Slate(shapes[0], shapes[1], fps=settings.fps)
        self._tones = Tones(rate_hz=SOUND_RATE_HZ)
        self._encoder = _make_encoder(settings)

    def film(self, number: int, due_s: float) -> VideoPacket:
        """Encode picture `number`, made at `due_s`; with no B-frames and no lookahead it comes out at once."""
        frame = self._frame
        frame.make_writable()
        for plane, drawn in zip(frame.planes, self._draw(number), strict=True):
            plane.update(drawn)
        frame.pts, frame.time_base = self._ticks(number), Fraction(1, TICKS_PER_S)
        (packet,) = self._encoder.encode(frame)
        duration = self._ticks(number + 1) - self._ticks(number)
        at = self._ticks(number)
        return VideoPacket(bytes(packet), at, at, duration, packet.is_keyframe, captured_s=due_s)

    def _draw(self, number: int) -> tuple[bytes, ...]:
        """Draw the planes of picture `number`, and hide what is to be hidden."""
        drawn = (self._slate.draw(number), self._slate.blue_difference, self._slate.red_difference)
        if self._cover is None:
            return drawn
        planes = tuple(bytearray(each) for each in drawn)
        luma, blue, red = (memoryview(each) for each in planes)
        frame, strides = self._frame, [plane.line_size for plane in self._frame.planes]
        picture = Picture(frame.width, frame.height, luma, blue, red, luma_stride=strides[0], chroma_stride=strides[1])
        self._cover.cover(picture)
        return tuple(bytes(each) for each in planes)

    def listen(self, number: int) -> AudioFrame:
        """The sound that belongs to picture `number`."""
        start, end = (at * SOUND_RATE_HZ // self._fps for at in (number, number + 1))
        return AudioFrame(self._tones.samples(start, end - start), SOUND_RATE_HZ, start * TICKS_PER_S // SOUND_RATE_HZ)

    def _ticks(self, number: int) -> int:
        return number * TICKS_PER_S // self._fps


def _make_encoder(settings: SyntheticSettings) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = settings.width, settings.height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(settings.fps), Fraction(1, TICKS_PER_S)
    encoder.bit_rate, encoder.thread_count = settings.bit_rate_bps, 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={settings.fps}:min-keyint={settings.fps}:scenecut=0:repeat-headers=1",
        "maxrate": str(settings.bit_rate_bps),
        "bufsize": str(settings.bit_rate_bps // 2),
    }
    encoder.open()
    return encoder

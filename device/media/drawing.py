"""Writes what the synthetic camera shows into a plain file, so that a recording of it can be compared with its source.

For the demo and tests alone: nothing here sees a room. The container (Matroska, sound uncompressed) and the path to it
share nothing with the recorder's muxer.
"""

import io
import threading
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from device.hardware.ports import (
    SOUND_RATE_HZ,
    TICKS_PER_S,
    AudioFrame,
    Camera,
    CameraEnd,
    CameraFault,
    HardwareError,
    VideoPacket,
)

END_S = 600.0


def write_drawing(camera: Camera, path: Path) -> None:
    """Let a synthetic camera that ends by itself run once, and write what it gives to `path` as Matroska.

    Raises CameraFault when the camera fails or does not end, and OSError when the file cannot be written.
    """
    with av.open(str(path), "w", format="matroska") as container:
        sink = _FileSink(container)
        camera.start(sink)
        ended = sink.ended.wait(END_S)
        camera.stop()
        if sink.error is not None:
            raise sink.error
        if not ended:
            raise CameraFault(f"{camera.facts.description}: did not end within {END_S:g} s; set [camera] seconds")


class _FileSink:
    """Takes the camera's packets as they are and its sound as samples."""

    def __init__(self, container: OutputContainer) -> None:
        self._container = container
        self._video: VideoStream | None = None
        self._sound: AudioStream = container.add_stream("pcm_s16le", rate=SOUND_RATE_HZ, layout="mono")
        self.ended = threading.Event()
        self.error: HardwareError | None = None

    def on_video(self, packet: VideoPacket) -> None:
        """Write an access unit; the first one describes the stream."""
        if self._video is None:
            with av.open(io.BytesIO(packet.data), "r", format="h264") as first:
                self._video = self._container.add_stream_from_template(first.streams.video[0])
        copy = av.Packet(packet.data)
        copy.stream, copy.time_base = self._video, Fraction(1, TICKS_PER_S)
        copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
        copy.is_keyframe = packet.keyframe
        self._container.mux(copy)

    def on_audio(self, frame: AudioFrame) -> None:
        """Write a stretch of sound."""
        sound = av.AudioFrame(format="s16", layout="mono", samples=frame.sample_count)
        sound.planes[0].update(frame.samples.ljust(sound.planes[0].buffer_size, b"\x00"))
        sound.sample_rate, sound.time_base = frame.rate_hz, Fraction(1, frame.rate_hz)
        sound.pts = frame.pts * SOUND_RATE_HZ // TICKS_PER_S
        self._container.mux(self._sound.encode(sound))

    def on_fault(self, error: HardwareError) -> None:
        """Keep the camera's own error."""
        self.error = error
        self.ended.set()

    def on_end(self, reason: CameraEnd) -> None:
        """The drawing is whole."""
        self.ended.set()

"""The Raspberry Pi's camera: picamera2 behind the `Camera` port, with the encoder that the machine has.

The only module that knows picamera2 and libcamera; both are imported when a camera is made, not before. Pictures leave
through an `Output` and an event loop of our own, which never raise into picamera2's threads. It gives no sound, keeps
nothing and seals nothing. Settings: docs/hardware/camera.md; the traps that shaped it: docs/adr/0012.
"""

from __future__ import annotations

import gc
import logging
import os
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from device.camera_settings import PICAMERA2_REMEDY, CameraTable
from device.hardware.live import Intake, LiveCamera, LiveSettings
from device.hardware.ports import CameraFault, Clock, PictureFacts
from device.masking.stencil import Picture
from device.masking.veil import Cover

log = logging.getLogger(__name__)

MODEL_FILE = Path("/sys/firmware/devicetree/base/model")
QUEUE_S = 60
_ONE = 1 << 16
_MATRICES = {
    90: (0, _ONE, 0, -_ONE, 0, 0, 0, 0, 1 << 30),
    270: (0, -_ONE, 0, _ONE, 0, 0, 0, 0, 1 << 30),
}
_HAS_ENCODER = re.compile(r"Raspberry Pi (?:Compute Module )?(?:3|4|400|Zero 2)\b")


class Encoder(Enum):
    """What makes H.264 of the pictures."""

    HARDWARE = "the machine's own H.264 encoder"
    LIBX264 = "libx264, in software"


def choose_encoder(model: str) -> Encoder:
    """Choose by the machine's model: a Pi 3, 4, 400 or Zero 2 has an H.264 encoder, a Pi 5 and everything else none."""
    return Encoder.HARDWARE if _HAS_ENCODER.match(model) else Encoder.LIBX264


def read_model(path: Path = MODEL_FILE) -> str:
    """Read what the device tree calls this machine; empty where there is no device tree."""
    try:
        return path.read_text("utf-8", "replace").rstrip("\0\n")
    except OSError:
        return ""


def make_pi_camera(
    table: CameraTable,
    *,
    clock: Clock,
    model: str,
    on_stuck: Callable[[CameraFault], None],
    cover: Cover | None = None,
) -> LiveCamera:
    """Make the camera of this machine; nothing is opened before its `start`. `on_stuck` as for `LiveCamera`.

    `cover` is given every picture before it is encoded.

    Raises `CameraFault` where picamera2 cannot be imported, with what to install.
    """
    library, encoder = load_library(), choose_encoder(model)
    name = model or "a machine without a device tree"
    log.info("camera: picamera2 on %s, encoder: %s", name, encoder.value)
    settings = LiveSettings(
        description=f"Raspberry Pi camera on {name} ({encoder.value})",
        fps=table.fps,
        queue_bytes=QUEUE_S * table.bitrate_bps // 8,
        picture=PictureFacts(display_matrix=_MATRICES.get(table.rotation_degrees)),
    )
    return LiveCamera(PiOpener(library, table, encoder, cover).open, settings=settings, clock=clock, on_stuck=on_stuck)


@dataclass(frozen=True)
class Library:
    """picamera2's parts that are used here."""

    camera: Any
    transform: Any
    output: type
    event_loop: type
    mapped: Any
    encoders: dict[Encoder, type]


def load_library() -> Library:
    """Import picamera2; raises `CameraFault` that says what to install."""
    # Its messages at each start would tell whoever reads the journal when the room is recorded.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    logging.getLogger("picamera2").setLevel(logging.ERROR)
    try:
        from libcamera import Transform
        from picamera2 import MappedArray, Picamera2

        # Each by its own module: under this name the package itself gives what it takes this machine to need.
        from picamera2.encoders.h264_encoder import H264Encoder
        from picamera2.encoders.libav_h264_encoder import LibavH264Encoder
        from picamera2.outputs import Output
        from picamera2.previews import NullPreview
    except ImportError as error:
        raise CameraFault(f"[camera] kind = 'picamera2': {error}; {PICAMERA2_REMEDY}") from error
    encoders = {Encoder.LIBX264: LibavH264Encoder, Encoder.HARDWARE: H264Encoder}
    return Library(
        camera=Picamera2,
        transform=Transform,
        output=_output_class(Output),
        event_loop=_event_loop_class(NullPreview),
        mapped=MappedArray,
        encoders=encoders,
    )


def _output_class(base: Any) -> type:
    class IntakeOutput(base):  # type: ignore[misc]  # the library ships no types
        """Where picamera2's encoder puts its pictures, from threads that an exception would end."""

        def __init__(self, intake: Intake, encoder: Any) -> None:
            super().__init__()
            self._intake = intake
            self._encoder = encoder
            self._first_us: int | None = None

        def outputframe(self, frame: Any, keyframe: Any, timestamp: Any, *_packet_and_sound: Any) -> None:
            """Keep a picture; sound cannot come, since the encoder is not asked for it."""
            try:
                at_us = int(timestamp)
                captured_us = self._captured_us(at_us)
                self._intake.picture(bytes(frame), at_us=at_us, keyframe=bool(keyframe), captured_us=captured_us)
            except Exception as error:  # noqa: BLE001 the encoder's thread must go on, and the recorder must know
                self._intake.broke(f"a picture could not be taken over: {type(error).__name__}: {error}")

        def _captured_us(self, at_us: int) -> int | None:
            """Give when a picture was exposed; the encoder knows it of its first one, and forgets it when it stops."""
            if self._encoder.firsttimestamp is not None:
                self._first_us = int(self._encoder.firsttimestamp)
            return None if self._first_us is None else self._first_us + at_us

    return IntakeOutput


def _event_loop_class(base: Any) -> type:
    class IntakeEventLoop(base):  # type: ignore[misc]  # the library ships no types
        """picamera2's event loop without a window; the shipped one ends in silence at the first exception."""

        def __init__(self, intake: Intake) -> None:
            super().__init__()
            self._intake = intake

        def handle_request(self, picam2: Any) -> None:
            """Encode what the camera has completed."""
            try:
                picam2.process_requests(self)
            except Exception as error:  # noqa: BLE001 the loop must still be able to stop the camera
                self._intake.broke(f"the camera's thread failed: {type(error).__name__}: {error}")

    return IntakeEventLoop


def covering(cover: Cover, mapped: Any) -> Callable[[Any], None]:
    """Make what picamera2 calls with each picture before it is shown or encoded; what it raises keeps that back."""

    def cover_request(request: Any) -> None:
        stream = request.config["main"]
        width, height = stream["size"]
        with mapped(request, "main", reshape=False) as held:
            cover.cover(planes_of(memoryview(held.array), width, height, stride=stream["stride"]))

    return cover_request


def planes_of(buffer: memoryview, width: int, height: int, *, stride: int) -> Picture:
    """Give the planes of a buffer in libcamera's YUV420: brightness, then both colours in half rows of half strides."""
    luma, chroma = stride * height, (stride // 2) * (height // 2)
    return Picture(
        width,
        height,
        luma=buffer[:luma],
        blue=buffer[luma : luma + chroma],
        red=buffer[luma + chroma : luma + 2 * chroma],
        luma_stride=stride,
        chroma_stride=stride // 2,
    )


class PiDevice:
    """A running camera; closing it undoes in reverse order what opening did, whatever fails on the way."""

    def __init__(self, undo: ExitStack) -> None:
        self._undo = undo

    def close(self) -> None:
        """See `Device.close`."""
        try:
            self._undo.close()
        finally:
            gc.collect()  # picamera2 leaves two open files a start in cycles of objects


class PiOpener:
    """Opens the first camera with the settings of the configuration's table."""

    def __init__(self, library: Library, table: CameraTable, encoder: Encoder, cover: Cover | None = None) -> None:
        self._library = library
        self._table = table
        self._encoder = encoder
        self._cover = cover

    def open(self, intake: Intake) -> PiDevice:
        """Open and start the camera; raises `CameraFault` when there is none or it cannot do what is asked of it."""
        with ExitStack() as undo:
            camera = self._open_camera()
            undo.callback(camera.close)
            self._configure(camera)
            encoder = self._make_encoder()
            if self._cover is not None and self._cover.is_needed:
                camera.pre_callback = covering(self._cover, self._library.mapped)
            camera.start_encoder(encoder, self._library.output(intake, encoder))
            undo.callback(camera.stop_encoder, encoder)
            camera.start_preview(self._library.event_loop(intake))
            undo.callback(camera.stop)
            # First of all: stopping by way of an event loop that is no longer there would wait for ever.
            undo.callback(camera.stop_preview)
            camera.start()
            return PiDevice(undo.pop_all())

    def _open_camera(self) -> Any:
        """Open the first camera; one that cannot be opened leaves no open file behind."""
        if not self._library.camera.global_camera_info():
            raise CameraFault("no camera found; look at the cable, then at `rpicam-hello --list-cameras`")
        camera = self._library.camera.__new__(self._library.camera)
        try:
            camera.__init__()
        except Exception as error:
            if not camera.is_open:
                camera.notifymeread.close()
                os.close(camera.notifyme_w)
            raise CameraFault(f"the camera cannot be opened: {error.__cause__ or error}; is it in use?") from error
        return camera

    def _configure(self, camera: Any) -> None:
        table = self._table
        size, controls = (table.width, table.height), self._controls()
        self._require_controls(camera, controls)
        turned = table.rotation_degrees == 180
        wanted = camera.create_video_configuration(
            main={"size": size, "format": "YUV420"},
            transform=self._library.transform(hflip=turned, vflip=turned),
            controls=controls,
        )
        camera.configure(wanted)
        got = camera.camera_configuration()
        if got["main"]["size"] != size:
            raise CameraFault(f"[camera] width, height: this camera gives {got['main']['size']}, not {size}")
        if (got["transform"].hflip, got["transform"].vflip) != (turned, turned):
            raise CameraFault("[camera] rotation_degrees = 180: this camera cannot turn its picture")
        self._require_pace(camera)

    def _controls(self) -> dict[str, Any]:
        """Give libcamera's controls (its control_ids_core.yaml) for the table; a fixed rate, the rest as configured."""
        table, frame_us = self._table, 1_000_000 // self._table.fps
        wanted: dict[str, Any] = {
            "FrameDurationLimits": (frame_us, frame_us),
            "ExposureTime": table.exposure_us,
            "AnalogueGain": table.gain,
            "ExposureValue": table.exposure_value,
            "LensPosition": table.focus_dioptres,
        }
        if table.focus_dioptres is not None:
            wanted["AfMode"] = 0  # manual
        if table.mains_hz is not None:
            # Lamps flicker at twice the mains' frequency.
            wanted |= {"AeFlickerMode": 1, "AeFlickerPeriod": 1_000_000 // (2 * table.mains_hz)}
        return {name: value for name, value in wanted.items() if value is not None}

    @staticmethod
    def _require_controls(camera: Any, controls: dict[str, Any]) -> None:
        missing = dict.fromkeys(_KEYS[name] for name in controls if name not in camera.camera_controls)
        if missing:
            raise CameraFault(f"[camera] {', '.join(missing)}: this camera has no such setting; remove the line")

    def _require_pace(self, camera: Any) -> None:
        shortest_us, longest_us, _ = camera.camera_controls["FrameDurationLimits"]
        if not shortest_us <= 1_000_000 // self._table.fps <= longest_us:
            most, least = 1_000_000 // shortest_us, -(-1_000_000 // longest_us)
            raise CameraFault(
                f"[camera] fps: expected {least} to {most} of this camera at this size, got {self._table.fps}"
            )

    def _make_encoder(self) -> Any:
        """Make an encoder with a keyframe each second and parameter sets in each keyframe."""
        table = self._table
        encoder = self._library.encoders[self._encoder](
            bitrate=table.bitrate_bps, repeat=True, iperiod=table.fps, framerate=table.fps, profile="high"
        )
        if self._encoder is Encoder.LIBX264:
            encoder.threads = 2
        return encoder


_KEYS = {
    "FrameDurationLimits": "fps",
    "ExposureTime": "exposure_us",
    "AnalogueGain": "gain",
    "ExposureValue": "exposure_value",
    "LensPosition": "focus_dioptres",
    "AfMode": "focus_dioptres",
    "AeFlickerMode": "mains_hz",
    "AeFlickerPeriod": "mains_hz",
}
"""libcamera's controls by the settings that ask for them."""

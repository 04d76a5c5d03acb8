"""The camera's table of the unit's configuration: which camera, its picture, its light; nonsense is refused.

Values only: it opens nothing and knows no camera's library. What a real camera then cannot do is told by
`device/hardware/picam.py`. Described in docs/hardware/camera.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from device.ranges import require_one_of, require_range


class CameraKind(StrEnum):
    """Which camera the unit has; only the first is a camera that sees a room."""

    PICAMERA2 = "picamera2"
    REPLAY = "replay"
    SYNTHETIC = "synthetic"


ROOM_KEYS = ("rotation_degrees", "exposure_us", "gain", "exposure_value", "mains_hz", "focus_dioptres")
"""What only a camera that sees a room has."""

PICAMERA2_REMEDY = (
    "install it with `sudo apt install python3-picamera2 --no-install-recommends`, in an environment made with "
    "`python3 -m venv --system-site-packages`"
)


@dataclass(frozen=True, kw_only=True)
class CameraTable:
    """The camera. `input` and `loop` are for replay, the sizes for the others; `seconds` ends a synthetic one.

    `speed` is for both that pretend: 2.0 is twice as fast, `inf` does not wait. What follows `bitrate_bps` is for the
    camera that sees a room (docs/hardware/camera.md): how far its picture is turned clockwise, light and focus.
    """

    kind: CameraKind
    input: Path | None = None
    speed: float = 1.0
    loop: bool = False
    seconds: float | None = None
    width: int = 1280
    height: int = 720
    fps: int = 25
    bitrate_bps: int = 2_000_000
    rotation_degrees: int = 0
    exposure_us: int | None = None
    gain: float | None = None
    exposure_value: float | None = None
    mains_hz: int | None = None
    focus_dioptres: float | None = None

    def __post_init__(self) -> None:
        """Refuse sizes that no encoder makes, a replay of nothing, and settings that would do nothing."""
        if self.kind is CameraKind.REPLAY and self.input is None:
            raise ValueError("input: missing; a replay camera needs the video that it replays")
        if self.seconds is not None:
            require_range("seconds", self.seconds, 0.1, 86_400)
        require_range("speed", self.speed, 0.01, math.inf)
        require_range("width", self.width, 16, 7680)
        require_range("height", self.height, 16, 4320)
        require_range("fps", self.fps, 1, 120)
        require_range("bitrate_bps", self.bitrate_bps, 16_000, 100_000_000)
        if self.kind is CameraKind.PICAMERA2:
            self._require_room()
        else:
            self._require_unset(ROOM_KEYS)
        if self.kind is CameraKind.SYNTHETIC:
            require_range("width", self.width, 64, 7680)
            require_range("height", self.height, 64, 4320)
            self._require_even()

    def _require_room(self) -> None:
        """Refuse what no encoder of a Pi keeps up with (H.264 level 4: 1920x1080 at 30), and light that cannot be."""
        self._require_unset(("input", "loop", "speed", "seconds"))
        require_range("width", self.width, 320, 1920)
        require_range("height", self.height, 180, 1088)
        require_range("fps", self.fps, 5, 60)
        require_range("bitrate_bps", self.bitrate_bps, 200_000, 10_000_000)
        self._require_even()
        if self.width * self.height * self.fps > 1920 * 1088 * 30:
            raise ValueError(
                f"fps: expected at most 1920x1080 at 30 pictures a second, got {self.width}x{self.height} at {self.fps}"
            )
        require_one_of("rotation_degrees", self.rotation_degrees, (0, 90, 180, 270))
        self._require_light()

    def _require_even(self) -> None:
        """Refuse sizes whose colour, at half the size (4:2:0), would not come out whole."""
        if self.width % 2 or self.height % 2:
            raise ValueError(f"width: expected an even width and height, got {self.width}x{self.height}")

    def _require_light(self) -> None:
        if self.exposure_us is not None:
            require_range("exposure_us", self.exposure_us, 20, 1_000_000 // self.fps)
        if self.gain is not None:
            require_range("gain", self.gain, 1, 64)
        if self.exposure_value is not None:
            require_range("exposure_value", self.exposure_value, -4, 4)
        if self.exposure_value is not None and self.exposure_us is not None and self.gain is not None:
            raise ValueError("exposure_value: does nothing beside a fixed exposure_us and gain; leave one of them out")
        if self.mains_hz is not None:
            require_one_of("mains_hz", self.mains_hz, (50, 60))
        if self.focus_dioptres is not None:
            require_range("focus_dioptres", self.focus_dioptres, 0, 15)

    def _require_unset(self, names: Iterable[str]) -> None:
        """Refuse an option that would do nothing."""
        defaults = {each.name: each.default for each in fields(self)}
        for name in names:
            if (value := getattr(self, name)) != defaults[name]:
                raise ValueError(f"{name}: does nothing with kind = {self.kind.value!r}, got {value}")

"""Where sound of the unit's own microphone belongs among a camera's pictures.

Pure. A microphone's times are ticks of the unit's monotonic clock, a camera's have an origin of its own; each picture
tells both (`VideoPacket.pts` and `captured_s`), and so how far the two are apart. See docs/hardware/sound.md.
"""

from dataclasses import replace

from device.hardware.ports import TICKS_PER_S, AudioFrame

STRAY_S = 60.0
"""Sound this far from the newest picture belongs to no picture: its times are wrong."""


class CameraTimeline:
    """Turns the times of a microphone into those of one start of a camera."""

    def __init__(self) -> None:
        self._shift: int | None = None
        self._newest = 0

    def note(self, pts: int, captured_s: float) -> None:
        """Take a picture's time in both clocks; the newest one is believed, so that no drift adds up."""
        self._shift = pts - round(captured_s * TICKS_PER_S)
        self._newest = pts

    def place(self, frame: AudioFrame) -> AudioFrame | None:
        """Give sound with the camera's time; None when no picture has come yet, and for sound that went astray."""
        if self._shift is None:
            return None
        pts = frame.pts + self._shift
        return replace(frame, pts=pts) if abs(pts - self._newest) <= STRAY_S * TICKS_PER_S else None

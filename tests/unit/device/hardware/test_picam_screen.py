"""The Pi's camera on its own screen: which of picamera2's doors are used, in which order, and what a failure leaves.

The library is a stand-in here; `tests/pi_lab` shows the same with the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.picam_screen import PiScreen, ScreenLibrary
from device.hardware.ports import CameraFault

TABLE = CameraTable(kind=CameraKind.PICAMERA2, width=1280, height=720, rotation_degrees=180)


@dataclass
class _Calls:
    """What was called; the call named `broken` fails."""

    names: list[str] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    broken: str = ""

    def make_camera(self) -> _Camera:
        """Stand in for `Picamera2()`."""
        self.note("open")
        return _Camera(self)

    def note(self, name: str) -> None:
        """Remember a call."""
        if name == self.broken:
            raise RuntimeError(f"{name} failed")
        self.names.append(name)


class _Camera:
    """Stands in for picamera2's camera: everything that is called on it is noted."""

    def __init__(self, calls: _Calls) -> None:
        self._calls = calls

    def create_preview_configuration(self, **wanted: Any) -> dict[str, Any]:
        """As picamera2's."""
        return wanted

    def configure(self, configuration: dict[str, Any]) -> None:
        """As picamera2's."""
        self._calls.configuration = configuration
        self._calls.note("configure")

    def start_preview(self, display: str) -> None:
        """As picamera2's."""
        self._calls.note(f"start_preview {display}")

    def start(self) -> None:
        """As picamera2's."""
        self._calls.note("start")

    def stop(self) -> None:
        """As picamera2's."""
        self._calls.note("stop")

    def stop_preview(self) -> None:
        """As picamera2's."""
        self._calls.note("stop_preview")

    def close(self) -> None:
        """As picamera2's."""
        self._calls.note("close")


def _screen(calls: _Calls) -> PiScreen:
    return PiScreen(TABLE, lambda: ScreenLibrary(calls.make_camera, dict, "DRM", None))


def test_picture_goes_to_the_display_and_nowhere_else() -> None:
    """No encoder and no output: five calls to begin, three to end; size and turn are the recording's."""
    calls = _Calls()
    screen = _screen(calls)
    screen.stop()
    screen.start()
    assert calls.names == ["open", "configure", "start_preview DRM", "start"]
    assert calls.configuration == {"main": {"size": (1280, 720)}, "transform": {"hflip": True, "vflip": True}}
    screen.check()
    screen.stop()
    screen.stop()
    assert calls.names[4:] == ["stop", "stop_preview", "close"]


@pytest.mark.parametrize(
    ("broken", "left"),
    [
        ("open", []),
        ("configure", ["close"]),
        ("start_preview DRM", ["close"]),
        ("start", ["stop_preview", "close"]),
    ],
)
def test_screen_that_cannot_be_shown_leaves_no_camera_open(broken: str, left: list[str]) -> None:
    """P1: after a failure nothing runs; the words say what to look at."""
    calls = _Calls(broken=broken)
    with pytest.raises(CameraFault, match=f"{broken} failed; are a camera and a screen connected"):
        _screen(calls).start()
    begun = ["open", "configure", "start_preview DRM", "start"]
    assert calls.names == [*begun[: begun.index(broken)], *left]

"""Aiming with the real picamera2: the lab has no screen, so that the picture goes to a preview that shows nobody."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any

import pytest

from device.camera_settings import CameraKind, CameraTable
from device.hardware.picam_screen import PiScreen, ScreenLibrary, load_screen_library
from device.hardware.ports import CameraFault

pytestmark = [
    pytest.mark.hardware,
    pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning"),  # picamera2 0.3.38
]
TABLE = CameraTable(kind=CameraKind.PICAMERA2)


def _load_blind() -> ScreenLibrary:
    """The real library, with the display that shows nothing."""
    from picamera2 import Preview

    return replace(load_screen_library(), display=Preview.NULL)


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_camera_runs_for_the_screen_and_ends_again_and_again() -> None:
    """Each start runs the real camera, each stop lets it go: the next one can have it, and no file stays open."""
    seen: list[Any] = []

    def load() -> ScreenLibrary:
        library = _load_blind()

        def opened() -> Any:
            camera = library.camera()
            camera.post_callback = seen.append
            return camera

        return replace(library, camera=opened)

    counts = []
    for _ in range(4):
        seen.clear()
        screen = PiScreen(TABLE, load)
        screen.start()
        deadline = time.monotonic() + 20
        while len(seen) < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
        screen.stop()
        assert len(seen) >= 10
        counts.append(_open_files())
    assert counts[-1] <= counts[1]


def test_machine_without_a_screen_says_so_and_lets_the_camera_go() -> None:
    """The real display driver fails here; the camera can be had afterwards."""
    with pytest.raises(CameraFault, match="the picture cannot be shown"):
        PiScreen(TABLE).start()
    screen = PiScreen(TABLE, _load_blind)
    screen.start()
    screen.stop()

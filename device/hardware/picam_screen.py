"""The Raspberry Pi's camera on the unit's own HDMI screen, for aiming: picamera2's preview straight to the display.

No encoder, no output, no file: pictures go from the camera to the display and nowhere else. It needs a screen that was
plugged in at the start, and no desktop. picamera2 is imported when it is asked for. See docs/hardware/health.md.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from device.camera_settings import CameraTable
from device.hardware.picam import covering, load_library
from device.hardware.ports import CameraFault, PartFacts
from device.masking.veil import Cover


@dataclass(frozen=True)
class ScreenLibrary:
    """picamera2's parts that are used here; `display` is the preview that it is started with."""

    camera: Any
    transform: Any
    display: Any
    mapped: Any


def load_screen_library() -> ScreenLibrary:
    """Import picamera2; raises `CameraFault` that says what to install."""
    library = load_library()
    from picamera2 import Preview

    return ScreenLibrary(library.camera, library.transform, Preview.DRM, library.mapped)


class PiScreen:
    """Shows what the first camera sees."""

    def __init__(
        self,
        table: CameraTable,
        load: Callable[[], ScreenLibrary] = load_screen_library,
        *,
        cover: Cover | None = None,
    ) -> None:
        self._table = table
        self._load = load
        self._cover = cover
        self._undo = ExitStack()

    @property
    def facts(self) -> PartFacts:
        """The real thing."""
        return PartFacts("the Raspberry Pi's camera on its own HDMI screen", is_production=True)

    def start(self) -> None:
        """See `Viewfinder.start`."""
        library = self._load()
        try:
            with ExitStack() as undo:
                self._open(library, undo)
                self._undo = undo.pop_all()
        except Exception as error:
            raise CameraFault(
                f"the picture cannot be shown: {error}; are a camera and a screen connected, and no desktop running?"
            ) from error

    def check(self) -> None:
        """See `Viewfinder.check`; picamera2 tells nobody when its preview ends, a person at the screen sees it."""

    def stop(self) -> None:
        """See `Viewfinder.stop`."""
        self._undo.close()
        gc.collect()  # picamera2 leaves open files in cycles of objects

    def _open(self, library: ScreenLibrary, undo: ExitStack) -> None:
        """Open, configure as a recording is, show; `undo` ends each of it: the camera, then the display."""
        table, turned = self._table, self._table.rotation_degrees == 180
        camera = library.camera()
        undo.callback(camera.close)
        main: dict[str, Any] = {"size": (table.width, table.height)}
        if self._cover is not None:
            main["format"] = "YUV420"  # what a recording encodes: the same samples are hidden
            camera.pre_callback = covering(self._cover, library.mapped)
        camera.configure(
            camera.create_preview_configuration(main=main, transform=library.transform(hflip=turned, vflip=turned))
        )
        camera.start_preview(library.display)
        undo.callback(camera.stop_preview)
        camera.start()
        undo.callback(camera.stop)

"""The Raspberry Pi's camera on the unit's own HDMI screen, for aiming: picamera2's preview straight to the display.

No encoder, no output, no file: pictures go from the camera to the display and nowhere else. It needs a screen that was
plugged in at the start, and no desktop. picamera2 is imported when it is asked for. See docs/hardware/camera.md.
"""

from __future__ import annotations

from contextlib import ExitStack

from device.camera_settings import CameraTable
from device.hardware.picam import load_library
from device.hardware.ports import CameraFault, PartFacts


class PiScreen:
    """Shows what the first camera sees."""

    def __init__(self, table: CameraTable) -> None:
        self._table = table
        self._undo = ExitStack()

    @property
    def facts(self) -> PartFacts:
        """The real thing."""
        return PartFacts("the Raspberry Pi's camera on its own HDMI screen", is_production=True)

    def start(self) -> None:
        """See `Viewfinder.start`."""
        library, table = load_library(), self._table
        turned = table.rotation_degrees == 180
        try:
            from picamera2 import Preview

            with ExitStack() as undo:
                camera = library.camera()
                undo.callback(camera.close)
                camera.configure(
                    camera.create_preview_configuration(
                        main={"size": (table.width, table.height)},
                        transform=library.transform(hflip=turned, vflip=turned),
                    )
                )
                camera.start_preview(Preview.DRM)
                undo.callback(camera.stop_preview)
                camera.start()
                undo.callback(camera.stop)
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

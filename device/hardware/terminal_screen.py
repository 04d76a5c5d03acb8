"""A viewfinder for a unit without a camera: the synthetic camera's picture, drawn with characters into a terminal.

A stand-in for the unit's own screen, for tests and demos; it says so, and a production configuration refuses it.
"""

from __future__ import annotations

import threading
from typing import TextIO

from device.hardware.ports import Clock, PartFacts
from device.hardware.slate import Plane, Slate
from device.masking.stencil import Picture
from device.masking.veil import Cover

COLUMNS, ROWS, SHOWN_FPS = 112, 40, 5
SHADES = " .:-=+*#%@"
HOME = "\x1b[H\x1b[2J"


class TerminalScreen:
    """Draws into `stream`; where that is no terminal, it says once that a picture would be there."""

    def __init__(
        self,
        stream: TextIO,
        clock: Clock,
        *,
        size: tuple[int, int] = (COLUMNS, ROWS),
        cover: Cover | None = None,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._size = size
        self._cover = cover
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def facts(self) -> PartFacts:
        """Says loudly that nobody is seen."""
        return PartFacts("DRAWN picture in a terminal, not a classroom", is_production=False)

    def start(self) -> None:
        """See `Viewfinder.start`."""
        self._cancel.clear()
        self._thread = threading.Thread(target=self._draw, name="terminal-screen", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """See `Viewfinder.check`; a drawing does not break."""

    def stop(self) -> None:
        """See `Viewfinder.stop`."""
        self._cancel.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _draw(self) -> None:
        if not self._stream.isatty():
            self._stream.write("(no terminal: a DRAWN picture would be here)\n")
            if self._cover is None:
                return
        slate, (width, height) = self._make_slate(), self._size
        began_s, number = self._clock.monotonic_s(), 0
        while not self._clock.wait_until(began_s + number / SHOWN_FPS, self._cancel):
            luma = bytearray(slate.draw(number))
            self._hide(slate, luma)
            if self._stream.isatty():
                self._stream.write(HOME + render(sample(luma, width, height)))
                self._stream.flush()
            number += 1

    def _make_slate(self) -> Slate:
        width, height = self._size
        luma, chroma = Plane(width, height, width), Plane(width // 2, height // 2, width // 2)
        return Slate(luma, chroma, fps=SHOWN_FPS)

    def _hide(self, slate: Slate, luma: bytearray) -> None:
        if self._cover is not None:
            blue, red = (memoryview(bytearray(each)) for each in (slate.blue_difference, slate.red_difference))
            width, height = self._size
            seen = Picture(width, height, memoryview(luma), blue, red, luma_stride=width, chroma_stride=width // 2)
            self._cover.cover(seen)


def sample(luma: bytes | bytearray, width: int, height: int) -> bytes:
    """Take COLUMNS by ROWS samples of a picture."""
    rows = [row * height // ROWS * width for row in range(ROWS)]
    columns = [column * width // COLUMNS for column in range(COLUMNS)]
    return bytes(luma[row + column] for row in rows for column in columns)


def render(luma: bytes) -> str:
    """Turn a picture of COLUMNS by ROWS samples into lines of characters, two rows a line."""
    rows = (luma[start : start + COLUMNS] for start in range(0, COLUMNS * ROWS, 2 * COLUMNS))
    return "".join("".join(SHADES[value * len(SHADES) // 256] for value in row) + "\n" for row in rows)

"""The demo by hand: space taps the button, `h` begins and ends a hold, `q` ends; the lamp is drawn in the terminal."""

from __future__ import annotations

import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from provisioning.demo.panel import Panel

_DOT = "\x1b[38;2;{red};{green};{blue}m●\x1b[0m"
_CLEAR = "\r\x1b[K"


@contextmanager
def raw_terminal() -> Iterator[None]:
    """Read single keys without echo; the terminal is as before afterwards, whatever happens."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def read_key(wait_s: float) -> str:
    """Give a key that was pressed within so many seconds, or nothing."""
    ready, _, _ = select.select([sys.stdin], [], [], wait_s)
    return sys.stdin.read(1) if ready else ""


class Hands:
    """Turns keys into presses of the unit's button."""

    def __init__(self, panel: Panel) -> None:
        """Use a connected panel."""
        self._panel = panel
        self._held = False

    def take(self, key: str) -> None:
        """Do what a key says: a tap, or the beginning or the end of a hold."""
        if key == " " and not self._held:
            self._panel.tap()
        elif key == "h":
            self._held = not self._held
            (self._panel.down if self._held else self._panel.up)()

    def draw(self, words: str) -> str:
        """Draw the lamp and what it means into one line of the terminal."""
        red, green, blue = (90 + 165 * part for part in self._panel.lit) if any(self._panel.lit) else (60, 60, 60)
        held = " ▼" if self._held else ""
        return f"{_CLEAR}  {_DOT.format(red=red, green=green, blue=blue)} {words}{held}"

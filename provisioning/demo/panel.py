"""The demo's finger and eye: presses the unit's mock button through its panel, and sees its lamp.

The panel is a Unix socket that a unit opens only when its configuration says that its pins are mock ones.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

TAP_S = 0.12
HOLD_TO_STOP_S = 2.6


class Panel:
    """A connection to the panel of one unit.

    `lamp` is the name of the pattern that the lamp shows now, `words` what it means; `shown` names all so far, one
    after the other.
    """

    def __init__(self, path: Path) -> None:
        """Connect; raises `OSError` while the unit is not up."""
        self._socket = _connect(path)
        self.shown: list[str] = []
        self.words = ""
        self.lit: tuple[int, int, int] = (0, 0, 0)
        self._thread = threading.Thread(target=self._listen, name="panel", daemon=True)
        self._thread.start()

    @property
    def lamp(self) -> str:
        """Name the pattern that the lamp shows now."""
        return self.shown[-1] if self.shown else ""

    def tap(self) -> None:
        """Press and let go."""
        self.hold(TAP_S)

    def hold(self, seconds: float) -> None:
        """Press, wait, let go."""
        self.down()
        time.sleep(seconds)
        self.up()

    def down(self) -> None:
        """Press."""
        self._socket.sendall(b"down\n")

    def up(self) -> None:
        """Let go."""
        self._socket.sendall(b"up\n")

    def close(self) -> None:
        """Let the unit alone."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _listen(self) -> None:
        with self._socket.makefile("rb") as lines:
            for line in lines:
                said = json.loads(line)
                if "pattern" in said:
                    self._take(said)

    def _take(self, said: dict[str, Any]) -> None:
        self.words, self.lit = said["words"], tuple(said["lit"])
        if said["pattern"] != self.lamp:  # the panel says each beat of a rhythm
            self.shown.append(said["pattern"])


def _connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        raise
    return connection

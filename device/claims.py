"""Claims on the unit's parts: who holds button, lamp and camera, and whether the camera runs, told by locked files.

A claim ends with its process, however that ends, and taking one changes no file: nobody can read from the card when a
room recorded (promise P7). The files lie in `recorder/`; whoever may read them may ask.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

PARTS = "parts.lock"
CAMERA = "camera.lock"
_TRIES = 40
_PAUSE_S = 0.01  # a question holds the lock for some microseconds


class Claim:
    """The claim at `path`; not for two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Claim; tell whether it is ours now. Raises `OSError` when the file cannot be made."""
        if self._descriptor is not None:
            return True
        self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            else:
                self._descriptor = descriptor
                return True
        os.close(descriptor)
        return False

    def give_back(self) -> None:
        """End the claim; idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_claimed(path: Path) -> bool:
    """Tell whether a process holds the claim now; raise `OSError` when that may not be asked."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

"""The thread of a camera that makes its packets itself: started once at a time, asked to end, and waited for.

Replay and synthetic cameras differ in what they film, not in how they run; the port's rules for `start` and `stop`
(device/hardware/ports.py) are kept here.
"""

import threading
from collections.abc import Callable

from device.hardware.ports import CameraFault


class FilmingThread:
    """Runs `film(cancel)` on a thread of its own; `film` ends soon after `cancel` is set."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, film: Callable[[threading.Event], None], description: str) -> None:
        """Begin; raises CameraFault when the one before still runs."""
        if self._thread is not None and self._thread.is_alive():
            raise CameraFault(f"{description}: is running already; stop it before starting it again")
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=film, args=(self._cancel,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end and wait for it, unless it is the thread itself that asks; idempotent."""
        self._cancel.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

"""Tells the service manager how a process is: ready, alive, ending. Without a manager it tells nobody.

The beats come from the loop that does the work, so that a loop that hangs is a missed beat, and the watchdog ends the
process. It never waits, never raises, and its words are the same at every hour: whoever reads `systemctl status`
learns nothing of a room (promise P7). The protocol is sd_notify(3), a datagram to a Unix socket.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping

from device.world import Stop

log = logging.getLogger(__name__)
BEAT_EVERY_S = 1.0
SLICE_S = 2.0


class Notifier:
    """Speaks to the socket at `address`; an empty one means that nobody listens."""

    def __init__(self, address: str, *, monotonic_s: Callable[[], float]) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._monotonic_s = monotonic_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        self._next_beat_s = 0.0
        self._complaint = ""
        if self._socket is not None:
            self._socket.settimeout(0)

    def ready(self, words: str) -> None:
        """Say that the work has begun; `words` are shown as the status and never change."""
        self._say(f"READY=1\nSTATUS={words}")

    def beat(self) -> None:
        """Say that the loop turns; it may be called at any rate, and speaks once a second."""
        now_s = self._monotonic_s()
        if now_s >= self._next_beat_s:
            self._next_beat_s = now_s + BEAT_EVERY_S
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the process ends because it was told to."""
        self._say("STOPPING=1")

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _say(self, state: str) -> None:
        """A manager that does not read in time misses a line; the work does not wait for it."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(state.encode(), self._address)
        except OSError as error:
            self._complain(f"the service manager cannot be told: {error.strerror}")
        else:
            self._complaint = ""

    def _complain(self, words: str) -> None:
        if words != self._complaint:
            log.warning("%s", words)
        self._complaint = words


SILENT = Notifier("", monotonic_s=lambda: 0.0)


def make_notifier(environment: Mapping[str, str], monotonic_s: Callable[[], float]) -> Notifier:
    """Make the notifier of a process from its environment (`NOTIFY_SOCKET`, which systemd sets)."""
    return Notifier(environment.get("NOTIFY_SOCKET", ""), monotonic_s=monotonic_s)


class WatchedStop:
    """A `Stop` whose every question is a beat: a loop asks it at each turn, and sleeps on it.

    The first question says READY, since only then does the loop run; a long sleep is cut into slices, for who sleeps
    is alive; the first answer that ends the loop says STOPPING.
    """

    def __init__(self, stop: Stop, notifier: Notifier, words: str) -> None:
        self._stop = stop
        self._notifier = notifier
        self._words = words
        self._is_ready = False
        self._is_stopping = False

    def is_set(self) -> bool:
        """See `Stop`."""
        return self._tell(self._stop.is_set())

    def wait(self, timeout: float | None = None) -> bool:
        """See `Stop`; `timeout` is in seconds."""
        while timeout is None or timeout > SLICE_S:
            if self._tell(self._stop.wait(SLICE_S)):
                return True
            timeout = None if timeout is None else timeout - SLICE_S
        return self._tell(self._stop.wait(timeout))

    def _tell(self, ends: bool) -> bool:  # noqa: FBT001 it is the answer that is passed on
        if not self._is_ready:
            self._is_ready = True
            self._notifier.ready(self._words)
        if ends and not self._is_stopping:
            self._is_stopping = True
            self._notifier.stopping()
        self._notifier.beat()
        return ends

"""Calls something when this process is told to end, in a thread of its own and never inside a signal's handler.

Python runs a handler between two steps of the main thread, whatever that thread holds just then: an `Event` that a
handler sets while the main thread begins to wait for it is locked by that very thread, which then never goes on. The
handler here writes one byte into a pipe, and takes no lock. Source: Python's `signal` documentation, "Execution of
Python signal handlers", and `threading.Event`, whose lock is not re-entrant.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress


def call_when_told_to_end(call: Callable[[], object]) -> None:
    """Call `call` at each SIGTERM or SIGINT from now on; from the main thread only (`ValueError` elsewhere)."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def note(*_: object) -> None:
        with suppress(BlockingIOError):  # a pipe full of signals says it already
            os.write(writing, b".")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    threading.Thread(target=_hear, args=(reading, call), name="signals", daemon=True).start()


def _hear(reading: int, call: Callable[[], object]) -> None:
    while os.read(reading, 1):
        call()

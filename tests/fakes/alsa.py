"""A microphone for the real ALSA library without a kernel that has sound: its `file` plugin reads from a pipe.

What the test writes into the pipe is what is heard. The plugin waits for more when the pipe is empty, like a driver
that hangs; real devices do not wait, since they are opened so. The pace is the test's, never that of a sound card.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from device.hardware.ports import SOUND_RATE_HZ

NAME = "classroom"
_BLOCK_S = 0.02
_CONFIGURATION = """
pcm.{name} {{
  type file
  slave.pcm {{ type null }}
  file "/dev/null"
  infile "{pipe}"
  format "raw"
}}
pcm.gone {{ type hw card 31 }}
"""


class PipedSound:
    """The other end of the pipe."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder / "sound.pipe"
        os.mkfifo(self._pipe)
        self.configuration = folder / "asound.conf"
        self.configuration.write_text(_CONFIGURATION.format(name=NAME, pipe=self._pipe))
        self._descriptor = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        self._over = threading.Event()

    @contextmanager
    def playing(self, sample: bytes) -> Iterator[None]:
        """Write the same sample over and over, about as fast as it would be heard."""
        block = sample * round(SOUND_RATE_HZ * _BLOCK_S)
        over = threading.Event()

        def play() -> None:
            while not over.wait(_BLOCK_S):
                self._write(block)

        thread = threading.Thread(target=play, name="piped-sound")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def release(self) -> None:
        """Feed whoever still waits, so that no thread is left behind, and close the pipe."""
        self._write(bytes(65_536))
        os.close(self._descriptor)

    def _write(self, block: bytes) -> None:
        try:
            os.write(self._descriptor, block)
        except BlockingIOError:
            return  # nobody reads at the moment

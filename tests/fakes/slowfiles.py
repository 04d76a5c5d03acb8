"""A door to a disk whose syncs take their time, as those of memory cards do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from protocol.durable import Files


class SlowFiles(Files):
    """The real file system; the n-th sync, of a file or a folder, takes `delay_s(n)` longer."""

    def __init__(self, delay_s: Callable[[int], float]) -> None:
        self._delay_s = delay_s
        self.syncs = 0

    def sync(self, descriptor: int) -> None:
        """See `Files.sync`."""
        self._hesitate()
        super().sync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """See `Files.sync_folder`."""
        self._hesitate()
        super().sync_folder(path)

    def _hesitate(self) -> None:
        self.syncs += 1
        time.sleep(self._delay_s(self.syncs))

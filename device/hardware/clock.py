"""The unit's real clock: monotonic seconds, the wall clock, and whether the network has set it since boot.

A Pi has no battery clock: until time synchronisation has left its marker, the wall clock is only a guess.
"""

import time
from datetime import UTC, datetime
from pathlib import Path

from device.hardware.ports import Cancel

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TIMESYNC_MARKER = Path("/run/systemd/timesync/synchronized")


class SystemClock:
    """Time from the kernel; `trust_marker` is the file that systemd-timesyncd touches when it has set the clock.

    The boot's name (`boot_id_file`) is read when it is first asked for: a process that only wants to know whether the
    clock is right may have no view of the kernel's settings (`ProcSubset=pid`).
    """

    def __init__(self, *, trust_marker: Path = TIMESYNC_MARKER, boot_id_file: Path = BOOT_ID) -> None:
        self._trust_marker = trust_marker
        self._boot_id_file = boot_id_file
        self._boot_id = ""

    @property
    def boot_id(self) -> str:
        """See `Clock.boot_id`; Linux makes a new one at every boot."""
        if not self._boot_id:
            self._boot_id = self._boot_id_file.read_text().strip()
        return self._boot_id

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`; CLOCK_MONOTONIC is the same for all processes."""
        return time.monotonic()

    def now_at(self) -> datetime:
        """See `Clock.now_at`."""
        return datetime.now(UTC)

    def is_trusted(self) -> bool:
        """See `Clock.is_trusted`."""
        return self._trust_marker.exists()

    def wait_until(self, deadline_s: float, cancel: Cancel) -> bool:
        """See `Clock.wait_until`."""
        remaining_s = deadline_s - time.monotonic()
        return cancel.wait(remaining_s) if remaining_s > 0 else cancel.is_set()

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
    """Time from the kernel; `trust_marker` is the file that systemd-timesyncd touches when it has set the clock."""

    def __init__(self, *, trust_marker: Path = TIMESYNC_MARKER) -> None:
        self._trust_marker = trust_marker
        self._boot_id = BOOT_ID.read_text().strip()

    @property
    def boot_id(self) -> str:
        """See `Clock.boot_id`; Linux makes a new one at every boot."""
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

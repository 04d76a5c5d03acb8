"""Clocks for tests: one that stands until it is moved, one that leaps to what is waited for, one that hurries."""

import threading
import time
from datetime import UTC, datetime, timedelta

from device.hardware.ports import Cancel

BEGAN_AT = datetime(2026, 9, 1, 7, 30, tzinfo=UTC)
_POLL_S = 0.002


class ManualClock:
    """Stands still until `advance`; whoever waits is let go when its deadline has been passed."""

    def __init__(self, *, began_s: float = 1000.0) -> None:
        self._lock = threading.Lock()
        self._began_s = began_s
        self._passed_s = 0.0
        self.trusted = True
        self.boot_id = "00000000-0000-4000-8000-000000000001"

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self._passed_s += seconds

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        with self._lock:
            return self._began_s + self._passed_s

    def now_at(self) -> datetime:
        """See `Clock.now_at`: the wall clock moves with the monotonic one."""
        return BEGAN_AT + timedelta(seconds=self.monotonic_s() - self._began_s)

    def is_trusted(self) -> bool:
        """See `Clock.is_trusted`; set `trusted` to change it."""
        return self.trusted

    def wait_until(self, deadline_s: float, cancel: Cancel) -> bool:
        """See `Clock.wait_until`; looks every few real milliseconds whether the test has moved the clock."""
        while self.monotonic_s() < deadline_s:
            if cancel.wait(_POLL_S):
                return True
        return cancel.is_set()


class LeapingClock(ManualClock):
    """Leaps to every deadline that is waited for, and remembers them: pacing without waiting."""

    def __init__(self, *, began_s: float = 1000.0) -> None:
        super().__init__(began_s=began_s)
        self.deadlines: list[float] = []

    def wait_until(self, deadline_s: float, cancel: Cancel) -> bool:
        """See `Clock.wait_until`; never sleeps."""
        self.deadlines.append(deadline_s)
        self.advance(max(0.0, deadline_s - self.monotonic_s()))
        return cancel.is_set()


class HurriedClock(ManualClock):
    """Runs `speed` times as fast as the machine's own."""

    def __init__(self, speed: float, *, began_s: float = 1000.0) -> None:
        super().__init__(began_s=began_s)
        self.speed = speed
        self._really_began_s = time.monotonic()

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return self._began_s + (time.monotonic() - self._really_began_s) * self.speed

    def wait_until(self, deadline_s: float, cancel: Cancel) -> bool:
        """See `Clock.wait_until`."""
        remaining_s = (deadline_s - self.monotonic_s()) / self.speed
        return cancel.wait(remaining_s) if remaining_s > 0 else cancel.is_set()

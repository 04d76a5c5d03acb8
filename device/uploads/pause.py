"""When something may be tried again. It only counts; what is tried, and what failed, is its user's to know."""

from __future__ import annotations

from device.uploads.plan import Patience
from device.world import World


class Pause:
    """When something may be tried again: at once, or ever later while it keeps failing."""

    def __init__(self, patience: Patience, world: World) -> None:
        self._patience = patience
        self._world = world
        self._failures = 0
        self._until_s = 0.0

    @property
    def left_s(self) -> float:
        """Give the seconds that are still to wait."""
        return max(0.0, self._until_s - self._world.monotonic_s())

    def lengthen(self) -> None:
        """Wait, longer than the last time."""
        self._failures += 1
        self.wait(self._patience.delay_s(self._failures, self._world.jitter()))

    def wait(self, seconds: float) -> None:
        """Wait so long from now."""
        self._until_s = self._world.monotonic_s() + seconds

    def clear(self) -> None:
        """Wait no more, and begin small the next time."""
        self._failures, self._until_s = 0, 0.0

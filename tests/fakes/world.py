"""A world whose time passes only when somebody waits: loops that would sleep for hours are tested in no time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from device.world import World


class FakeWorld:
    """Wall and monotonic time that move together, and a `Stop` whose wait moves them."""

    def __init__(self, now: datetime) -> None:
        self.now_at = now
        self.monotonic_s = 1000.0
        self.waited_s: list[float] = []
        self.stopped = False
        self.on_wait: Callable[[], None] | None = None

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now_at += timedelta(seconds=seconds)
        self.monotonic_s += seconds

    def is_set(self) -> bool:
        """Tell whether the loop shall end."""
        return self.stopped

    def wait(self, timeout: float | None = None) -> bool:
        """Let the time pass that somebody wants to wait, and do what the test wants to happen meanwhile."""
        seconds = timeout or 0.0
        self.waited_s.append(seconds)
        self.advance(seconds)
        if self.on_wait:
            self.on_wait()
        return self.stopped

    @property
    def world(self) -> World:
        """Give it in the form in which the product takes it; jitter is none."""
        return World(now=lambda: self.now_at, monotonic_s=lambda: self.monotonic_s, jitter=lambda: 0.0)

"""Time and chance as the two network processes use them, and what ends their loops; tests bring their own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Stop(Protocol):
    """What ends a loop; `threading.Event` is one. A wait on it is how a loop sleeps."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class World:
    """`now` is aware UTC, `monotonic_s` never jumps, `jitter` gives a number from 0 up to 1."""

    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    jitter: Callable[[], float]


REAL_WORLD = World(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic, jitter=random.random)

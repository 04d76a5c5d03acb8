"""What time it is to the uploader while nobody has set the unit's clock: the controller's, by its answers' `Date`.

A clock that is ahead would otherwise let every lease end before it begins. Only the uploader goes by it, over a
connection that was verified, and all that it decides by it is whether to send; what a press may do is decided by signed
documents alone. Defined in docs/adr/0016-time-without-a-clock-in-tls.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from device.uploads.client import Answer, Door, Request
from device.world import World


class ToldTime:
    """A `Door` that remembers what time the answers that came through it tell."""

    def __init__(self, door: Door, world: World, is_trusted: Callable[[], bool]) -> None:
        self._door = door
        self._world = world
        self._is_trusted = is_trusted
        self._told: tuple[datetime, float] | None = None

    @property
    def world(self) -> World:
        """Give the world with the time as it is believed."""
        return replace(self._world, now=self.now)

    def now(self) -> datetime:
        """Give the clock's time when it is trusted or nothing was told, else what was told and what went by since."""
        if self._told is None or self._is_trusted():
            return self._world.now()
        at, at_s = self._told
        return at + timedelta(seconds=self._world.monotonic_s() - at_s)

    def address_of(self, path: str) -> str:
        """See `Door.address_of`."""
        return self._door.address_of(path)

    def ask(self, request: Request) -> Answer:
        """See `Door.ask`."""
        answer = self._door.ask(request)
        if said_at := answer.said_at:
            self._told = (said_at, self._world.monotonic_s())
        return answer

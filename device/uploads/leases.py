"""The lease in force, as the uploader knows it: the newest verified one that holds now and was not refused.

The agent stores leases that come over MQTT in `state/lease`; the uploader stores those that it asks for itself. Either
way it is verified again here. A permit looks at the file again while bytes flow, so that a newer fence, another rate
or an end is obeyed within a second.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from device.identity import DocumentStore, Held
from device.uploads.delivery import Permit
from device.uploads.parcel import EndedError
from device.uploads.plan import holds
from device.world import World
from protocol.documents import Lease

LOOK_EVERY_S = 0.5  # with a slice of the pacer's waiting: well inside a second


class Leases:
    """Reads the store; remembers only which lease the controller has refused."""

    def __init__(self, store: DocumentStore, world: World) -> None:
        self._store = store
        self._world = world
        self._refused: tuple[int, int] = (0, 0)
        self._shown: tuple[int, int] = (0, 0)
        self._held: Held[Lease] = Held()
        self._look_at_s = 0.0

    def now(self) -> datetime:
        """Give the time: never before what the newest verified document proves, since a unit may have no clock."""
        now, proven = self._world.now(), self._store.newest_instant()
        return max(now, proven) if proven else now

    def current(self, now: datetime) -> Held[Lease]:
        """Give the lease that has not ended at `now`, with its line; an empty one says why there is none."""
        self._held = self._store.load(Lease, now)
        self._look_at_s = self._world.monotonic_s() + LOOK_EVERY_S
        lease = self._held.document
        if lease is None or lease.order > self._refused:
            return self._held
        return Held(reason="the controller has refused the lease that is held")

    def in_force(self) -> bool:
        """Tell whether there is a lease that permits sending now."""
        return self.line_in_force() is not None

    def line_in_force(self) -> bytes | None:
        """Give the signed line of the lease that permits sending now, or None."""
        now = self.now()
        held = self.current(now)
        return held.line if held.document and holds(held.document, now) else None

    def refuse_shown(self) -> None:
        """Do not use the lease that was shown last, nor an older one, again; a newer version of it may come."""
        self._refused = max(self._refused, self._shown)

    def permit(self, held: Held[Lease], *, before: Callable[[], None]) -> Permit:
        """Give the permit to send under a lease that `current` gave, as long as its fence is the newest here.

        `before` is called before each request: a newer version may be fetched there.
        """
        if held.document is None:
            raise EndedError(held.reason)
        fence = held.document.fence

        def show() -> bytes:
            before()
            return self._show(fence)

        return Permit(line=show, rate_bps=lambda: self._newest(fence).rate_bps)

    def _show(self, fence: int) -> bytes:
        """Give the line of the newest version, which a request is about to show."""
        self._shown = self._newest(fence).order
        return self._held.line

    def _newest(self, fence: int) -> Lease:
        """Give the newest version of the lease under `fence`; raise `EndedError` when it holds no more."""
        if self._world.monotonic_s() >= self._look_at_s:
            self.current(self.now())
        newest = self._held.document
        if newest is None or not holds(newest, max(self._world.now(), newest.issued_at)):
            raise EndedError("the lease has ended")
        if newest.fence != fence:
            raise EndedError(f"a lease with fence {newest.fence} has replaced fence {fence}")
        return newest

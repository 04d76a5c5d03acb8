"""What the link gave: how fast bytes were really acknowledged, and what the link gives at the most. Pure.

A piece counts for the link when it came clearly slower than its lease allowed: then the lease was not what held it
back. Time is monotonic and comes in; time in which nothing is sent does not count. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

SLOT_S = 10.0
MEASURED_S = 300.0
LATELY_S = 3600.0
BELOW_ITS_LEASE = 0.9
LEAST_BYTES = 64 * 1024  # of a shorter piece the waiting for the answer says more than the link


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A body that was acknowledged: its bytes, when it began and was answered, and the rate of its lease."""

    size_bytes: int
    began_s: float
    ended_s: float
    lease_bps: int

    @property
    def bps(self) -> int:
        """Give the rate at which it came."""
        return round(self.size_bytes * 8 / max(self.ended_s - self.began_s, 1e-6))


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What was sent in ten seconds: bytes, the time taken, and the best rate of pieces of either kind."""

    number: int
    size_bytes: int = 0
    busy_s: float = 0.0
    link_bps: int = 0
    lease_bps: int = 0
    """The best rate of a piece that its lease held back."""

    def add(self, piece: Piece) -> Slot:
        """Add a piece that was answered in it."""
        added = replace(
            self, size_bytes=self.size_bytes + piece.size_bytes, busy_s=self.busy_s + piece.ended_s - piece.began_s
        )
        if piece.size_bytes < LEAST_BYTES:
            return added
        if piece.bps < BELOW_ITS_LEASE * piece.lease_bps:
            return replace(added, link_bps=max(self.link_bps, piece.bps))
        return replace(added, lease_bps=max(self.lease_bps, piece.bps))


@dataclass(frozen=True)
class Meter:
    """The slots of the last hour of sending, the newest last."""

    slots: tuple[Slot, ...] = ()

    def note(self, piece: Piece) -> Meter:
        """Note a piece that was acknowledged."""
        number = int(piece.ended_s // SLOT_S)
        kept = tuple(slot for slot in self.slots if number - slot.number < LATELY_S / SLOT_S)
        if kept and kept[-1].number == number:
            return Meter((*kept[:-1], kept[-1].add(piece)))
        return Meter((*kept, Slot(number=number).add(piece)))

    @property
    def measured_bps(self) -> int:
        """Give what was really got over the last minutes of sending; 0 before anything was sent."""
        last = tuple(self._last(MEASURED_S))
        busy_s = sum(slot.busy_s for slot in last)
        return round(sum(slot.size_bytes for slot in last) * 8 / busy_s) if busy_s > 0 else 0

    @property
    def link_bps(self) -> int:
        """Give the most that the link gave in the last hour of sending; 0 while only leases have held it back."""
        link = max((slot.link_bps for slot in self.slots), default=0)
        under_lease = max((slot.lease_bps for slot in self.slots), default=0)
        return link if link > under_lease else 0

    def _last(self, seconds: float) -> Iterator[Slot]:
        newest = self.slots[-1].number if self.slots else 0
        return (slot for slot in self.slots if newest - slot.number < seconds / SLOT_S)

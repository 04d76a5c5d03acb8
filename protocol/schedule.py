"""The signed schedule of one unit: in which stretches of time it may ask for leases, weeks ahead.

It holds instants and no rules: holidays, clock changes and the unit's own offset inside a window are worked out by the
controller, so that a unit that hears nobody can follow it. It permits no byte: only a lease does. Defined in
docs/protocol/uploads.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

from protocol.checks import require_at_least
from protocol.documents import Document, Purpose
from protocol.ids import parse_id


class OpeningKind(StrEnum):
    """The school's window, or the allowance by day for units that are switched off in the evening."""

    NIGHT = "night"
    TRICKLE = "trickle"


@dataclass(frozen=True, kw_only=True)
class Opening:
    """A stretch in which the site may send `rate_bps` bits a second altogether; its end is the first instant after."""

    begins_at: datetime
    ends_at: datetime
    rate_bps: int
    kind: OpeningKind = OpeningKind.NIGHT

    def __post_init__(self) -> None:
        """Refuse an end that is not after the beginning, and an opening in which nothing may be sent."""
        require_at_least(1, rate_bps=self.rate_bps)
        if self.ends_at <= self.begins_at:
            raise ValueError(f"the end {self.ends_at} is not after the beginning {self.begins_at}")

    def covers(self, now: datetime) -> bool:
        """Tell whether `now` lies in it."""
        return self.begins_at <= now < self.ends_at


@dataclass(frozen=True, kw_only=True)
class Schedule(Document):
    """The openings of one unit in the order of time, beginning where the unit's own offset puts it."""

    KIND: ClassVar[str] = "schedule"
    SIGNED_FOR: ClassVar[Purpose] = Purpose.LEASE

    device: str
    openings: tuple[Opening, ...]

    def __post_init__(self) -> None:
        """Refuse a device that is no identifier, and openings that overlap or are out of order."""
        super().__post_init__()
        parse_id(self.device, "device")
        for before, after in pairwise(self.openings):
            if after.begins_at < before.ends_at:
                raise ValueError(f"an opening begins at {after.begins_at}, before the one of {before.begins_at} ends")

    def opening_at(self, now: datetime) -> Opening | None:
        """Give the opening that covers `now`, or None while the school's line is closed to the unit."""
        return next((opening for opening in self.openings if opening.covers(now)), None)

    def next_after(self, now: datetime) -> Opening | None:
        """Give the first opening that begins after `now`, or None when the schedule does not reach that far."""
        return next((opening for opening in self.openings if opening.begins_at > now), None)

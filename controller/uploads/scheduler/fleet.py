"""What the scheduler decides by and what it answers: columns, one row a unit, and the line they share.

Columns and not objects: a decision for a hundred thousand units must not take longer than a breath. Pure: who fills
them is controller/uploads/leases.py, or the simulation. Defined in docs/adr/0028-who-sends-and-how-fast.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]

NOT_MEASURED = -1
"""In `measured_bps`: the unit has not yet had its present lease long enough for a measure."""
UNKNOWN_BYTES = 700_000_000
"""What a unit counts with that asks and of which nobody knows how much waits: about one lesson."""


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """The units that can be reached and may deliver, a row each, in an order that is the same at every decision."""

    site: Ints
    """Which row of the line's sites it belongs to."""
    waiting_bytes: Ints
    due_bytes: Ints
    """How much of it must leave before the next school day, so that its card does not fill."""
    link_bps: Ints
    """The most its link gave lately; 0: not known."""
    measured_bps: Ints
    """What it really got under its present lease, or `NOT_MEASURED`."""
    granted_bps: Ints
    """The rate of its present lease; 0: it has none."""
    counted_bps: Ints
    """The rate at which it may be sending until the next decision, whatever is decided now: that of its present lease,
    or of an older and faster one of whose end it cannot have heard. 0 as soon as nothing more can arrive from it."""
    leaves_s: Floats
    """Seconds until it is known to be switched off; infinite: not known."""
    by_day: Flags
    """Whether it may use an allowance by day: somebody needs a lesson today, or its power is cut in the evening."""

    def __len__(self) -> int:
        """Tell how many units there are."""
        return len(self.site)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What the school allows now. A rate of 0 is closed."""

    total_bps: int
    site_bps: Ints
    """For each site; one without a cap of its own has the total."""
    left_s: Floats
    """Seconds until the opening of each site ends; a lease never reaches over it."""
    by_day: Flags
    """Whether the site's opening is an allowance by day."""
    at_a_time: int
    """The most units that may have a lease together."""
    tick_s: float
    """Seconds until the next decision."""


@dataclass(frozen=True, kw_only=True)
class Allocation:
    """The rate of each unit, 0 for none, and why; `bound_s` is the time in which no order could bring everything."""

    rate_bps: Ints
    reason: Ints
    bound_s: float

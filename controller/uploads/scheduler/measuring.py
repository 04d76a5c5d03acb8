"""What a unit made of its lease, by the whole objects that arrived from it. Pure.

Objects are some megabytes each, so that only a rate at which several of them arrive in the time can be judged; one more
than were seen may be under way. Slower leases are not judged: little is lost by them.
"""

from __future__ import annotations

from datetime import timedelta

MEASURED_OVER = timedelta(seconds=60)
OBJECT_BYTES = 8_000_000
"""About one segment of thirty seconds."""
FEWEST_OBJECTS = 4
GREW = 1.1
"""A lease that was raised by more than this is judged from then on."""
NOT_MEASURED = -1


def measure(arrived_bytes: int, *, rate_bps: int, held_for: timedelta) -> int:
    """Give the rate in bit/s at which a unit sent in the last minute, at most, or `NOT_MEASURED`.

    `held_for`: how long its lease has had this rate.
    """
    seconds = MEASURED_OVER.total_seconds()
    if held_for < MEASURED_OVER or rate_bps * seconds / 8 < FEWEST_OBJECTS * OBJECT_BYTES:
        return NOT_MEASURED
    return int((arrived_bytes + OBJECT_BYTES) * 8 / seconds)

"""By about when a recording will be here. Pure: an estimate from what is ahead of it, never a promise.

All that waits on a line is through after the least time that the line needs, and every unit gets its share of that time
(docs/adr/0028-who-sends-and-how-fast.md). Shown to the recording's owner alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True)
class Prospect:
    """What is known of a recording's way.

    `ahead_bytes`: what has to leave its unit until it is done, itself included; of `waiting_bytes` in all. `rate_bps`:
    of its unit's lease, 0 without one. `line_s`: the seconds that the line needs for all that waits on it. `opens_at`,
    `closes_at`: the opening that holds now, or the next one.
    """

    ahead_bytes: int
    waiting_bytes: int
    rate_bps: int
    line_s: float
    opens_at: datetime
    closes_at: datetime


def expected_end(prospect: Prospect, now: datetime) -> datetime | None:
    """Give about when the recording is here; None where it does not fit into this opening, or nothing is ahead."""
    if prospect.ahead_bytes <= 0:
        return None
    ends_at = max(now, prospect.opens_at) + timedelta(seconds=_seconds(prospect, now))
    return ends_at if ends_at <= prospect.closes_at else None


def _seconds(prospect: Prospect, now: datetime) -> float:
    """Give how long it takes from the opening on: at its rate; by its part of the night; or when its turn comes."""
    if prospect.rate_bps:
        return prospect.ahead_bytes * 8 / prospect.rate_bps
    if now < prospect.opens_at:
        return prospect.line_s * prospect.ahead_bytes / max(prospect.ahead_bytes, prospect.waiting_bytes)
    return prospect.line_s

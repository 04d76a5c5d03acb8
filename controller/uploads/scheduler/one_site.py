"""The columns of a school without sites: units that wait, one cap for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.fleet import NOT_MEASURED, UNKNOWN_BYTES, Fleet, Line
from controller.uploads.scheduler.plan import AT_A_TIME, Waiting


def allocate_one_site(
    waiting: Sequence[Waiting], granted_bps: Sequence[int], *, rate_bps: int, left_s: float, tick: timedelta
) -> list[int]:
    """Give the rate of each unit in bit/s; `granted_bps` are those of the leases in force, 0 for none."""
    granted = np.array(granted_bps, np.int64)
    fleet = Fleet(
        site=np.zeros(len(waiting), np.int64),
        waiting_bytes=np.array([unit.waiting_bytes or UNKNOWN_BYTES for unit in waiting], np.int64),
        due_bytes=np.array([unit.due_bytes for unit in waiting], np.int64),
        link_bps=np.array([unit.link_bps for unit in waiting], np.int64),
        measured_bps=np.full(len(waiting), NOT_MEASURED),
        granted_bps=granted,
        counted_bps=granted,
        leaves_s=np.full(len(waiting), np.inf),
        by_day=np.zeros(len(waiting), bool),
    )
    line = Line(
        total_bps=rate_bps,
        site_bps=np.array([rate_bps]),
        left_s=np.array([left_s]),
        by_day=np.array([False]),
        at_a_time=AT_A_TIME,
        tick_s=tick.total_seconds(),
    )
    return [int(rate) for rate in allocate(fleet, line).rate_bps]

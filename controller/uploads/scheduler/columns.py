"""Units and sites as the columns that the allocation decides by. Pure; the one place that turns one into the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

import numpy as np

from controller.uploads.scheduler.allocation import allocate
from controller.uploads.scheduler.fleet import Fleet, Ints, Line
from controller.uploads.scheduler.plan import Limits, Unit


def decide_rates(now: datetime, units: Sequence[Unit], limits: Limits) -> tuple[list[int], list[int]]:
    """Give the rate of each unit in bit/s, 0 for none, and the reason of each."""
    sites = sorted({unit.site for unit in units})
    if not sites:
        return [], []
    line = _line(now, sites, limits)
    found = allocate(_fleet(units, sites, line), line)
    return found.rate_bps.tolist(), found.reason.tolist()


def _fleet(units: Sequence[Unit], sites: Sequence[str], line: Line) -> Fleet:
    number = {site: index for index, site in enumerate(sites)}
    waiting = _column(units, "waiting_bytes")
    may_send = np.array([unit.may_send for unit in units], bool)
    site = np.array([number[unit.site] for unit in units], np.int64)
    leaves = np.array([unit.off_at_night for unit in units], bool) & line.by_day[site]
    return Fleet(
        site=site,
        waiting_bytes=np.where(may_send, waiting, 0),
        due_bytes=_column(units, "due_bytes"),
        link_bps=_column(units, "link_bps"),
        measured_bps=_column(units, "measured_bps"),
        granted_bps=np.array([unit.running.rate_bps if unit.running else 0 for unit in units], np.int64),
        counted_bps=_column(units, "counted_bps"),
        leaves_s=np.where(leaves, line.left_s[site], np.inf),
        by_day=np.array([unit.by_day for unit in units], bool),
    )


def _column(units: Sequence[Unit], name: str) -> Ints:
    return np.fromiter(map(attrgetter(name), units), np.int64, len(units))


def _line(now: datetime, sites: Sequence[str], limits: Limits) -> Line:
    openings = [limits.sites.get(site) for site in sites]
    return Line(
        total_bps=limits.rate_bps,
        site_bps=np.array([opening.rate_bps if opening else 0 for opening in openings], np.int64),
        left_s=np.array([(opening.ends_at - now).total_seconds() if opening else 0.0 for opening in openings]),
        by_day=np.array([bool(opening and opening.by_day) for opening in openings], bool),
        at_a_time=limits.at_a_time,
        tick_s=limits.tick.total_seconds(),
    )

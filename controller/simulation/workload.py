"""A made-up school on one evening: what waits where, behind which links, and what goes wrong in the night.

Pure: the same seed gives the same school. How it is made, and why so, is in docs/adr/0028-who-sends-and-how-fast.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from controller.uploads.scheduler.fleet import Flags, Floats, Ints

LESSON_BYTES = 0.7e9
LESSONS_A_DAY = 6
SLOWEST_BPS, FASTEST_BPS = 2e6, 100e6
DAY_S = 4 * 3600.0
"""How long the allowance by day is open before the power is cut."""
OUTAGES = 2
"""The most outages of one unit in a night."""


class Trouble(StrEnum):
    """What is different from a quiet night."""

    CHURN = "churn"
    CRASH = "crash"
    OVERLOAD = "overload"
    DST = "dst"
    CLOCK = "clock"
    SWITCHED_OFF = "switched-off"
    MIXED_LINKS = "mixed-links"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One evening. Times are seconds since the night opens."""

    seed: int
    site: Ints
    waiting_bytes: Ints
    due_bytes: Ints
    link_bps: Floats
    """What the link really gives, on average."""
    known_bps: Ints
    """What is known of it from the nights before; 0: nothing."""
    wavers: float
    """By how much links differ from one half minute to the next (standard deviation, relative)."""
    away_from_s: Floats
    """When a unit cannot be reached, a row each, `OUTAGES` columns, in order; infinite: no outage."""
    away_to_s: Floats
    clock_ahead_s: Floats
    """By how much a unit's clock is ahead; below 0: behind, which costs nothing, since each lease tells the time."""
    switched_off: Flags
    """Its power is cut at 16:00 and comes back in the morning."""
    site_bps: Ints
    total_bps: int

    def __len__(self) -> int:
        """Tell how many units there are."""
        return len(self.site)


def make_workload(seed: int, *, units: int, sites: int, night_s: float, troubles: frozenset[Trouble]) -> Workload:
    """Make an evening whose bound is 90 % of the night (with `overload` 130 %) and which binds where the seed says."""
    chance = np.random.default_rng(seed)
    # no two sites have the same number of rooms
    site = chance.choice(sites, units, p=_parts(chance, sites)).astype(np.int64)
    lessons = chance.binomial(LESSONS_A_DAY, 0.35 + 0.3 * chance.random(sites)[site])
    waiting = (lessons * LESSON_BYTES * np.clip(chance.normal(1.0, 0.1, units), 0.5, 1.5)).astype(np.int64)
    link = np.exp(chance.uniform(np.log(SLOWEST_BPS), np.log(FASTEST_BPS), units))
    quiet = Workload(
        seed=seed,
        site=site,
        waiting_bytes=waiting,
        due_bytes=_due(chance, waiting, link, night_s),
        link_bps=link,
        known_bps=np.where(chance.random(units) < 0.1, 0, link * chance.normal(1.0, 0.05, units)).astype(np.int64),
        wavers=0.0,
        away_from_s=np.full((units, OUTAGES), np.inf),
        away_to_s=np.full((units, OUTAGES), np.inf),
        clock_ahead_s=np.zeros(units),
        switched_off=np.zeros(units, bool),
        site_bps=np.ones(sites, np.int64),
        total_bps=1,
    )
    capped = _with_caps(chance, quiet, night_s * (1.3 if Trouble.OVERLOAD in troubles else 0.9), night_s)
    return _with_troubles(chance, capped, troubles, night_s)


def _parts(chance: np.random.Generator, sites: int) -> Floats:
    parts: Floats = np.clip(chance.lognormal(0.0, 0.6, sites), 0.2, 5.0)
    parts /= parts.sum()
    return parts


def _due(chance: np.random.Generator, waiting: Ints, link: Floats, night_s: float) -> Ints:
    """One card in eight has no room for another day; what has to go is at most what its link can carry in a night."""
    full = chance.random(len(waiting)) < 0.12
    due = waiting * chance.uniform(0.3, 1.0, len(waiting))
    return np.where(full, np.minimum(due, link * night_s * 0.8 / 8), 0).astype(np.int64)


def _with_caps(chance: np.random.Generator, load: Workload, bound_s: float, night_s: float) -> Workload:
    """Set the caps: by the seed the line binds alone, a tenth of the sites do, or single units behind slow links."""
    bits, sites = load.waiting_bytes * 8.0, len(load.site_bps)
    by_site = np.maximum(np.bincount(load.site, bits, sites), 1e6)
    kind = load.seed % 3
    if kind == 2 and bound_s < night_s:
        bound_s = float((bits / load.link_bps).max())
    line_s = bound_s if kind == 0 else bound_s * 0.93
    busy = chance.uniform(0.4, 0.95, sites)
    if kind == 1:
        busy[chance.permutation(sites)[: max(1, sites // 10)]] = 1.0
    return replace(
        load,
        total_bps=int(bits.sum() / line_s) + 1,
        site_bps=(by_site / (busy * bound_s)).astype(np.int64) + 1,
    )


def _with_troubles(
    chance: np.random.Generator, load: Workload, troubles: frozenset[Trouble], night_s: float
) -> Workload:
    units = len(load)
    if Trouble.CHURN in troubles:
        load = _with_outages(chance, load, night_s)
    if Trouble.CLOCK in troubles:
        load = replace(load, clock_ahead_s=chance.normal(0.0, 30.0, units))
    if Trouble.SWITCHED_OFF in troubles:
        off = chance.random(units) < 0.05
        in_the_day = (load.link_bps * DAY_S * 0.6 / 8).astype(np.int64)
        load = replace(
            load, switched_off=off, due_bytes=np.where(off, np.minimum(load.due_bytes, in_the_day), load.due_bytes)
        )
    if Trouble.MIXED_LINKS in troubles:
        load = replace(load, wavers=0.15, known_bps=np.where(chance.random(units) < 0.5, 0, load.known_bps))
    return load


def _with_outages(chance: np.random.Generator, load: Workload, night_s: float) -> Workload:
    """Give three units in ten one or two outages, a few minutes as a rule; one in thirty comes hours late."""
    units = len(load)
    begins = chance.uniform(0.0, night_s, (units, OUTAGES))
    begins[chance.random((units, OUTAGES)) > 0.2] = np.inf
    lasts = np.clip(chance.exponential(240.0, (units, OUTAGES)), 20.0, 1200.0)
    late = chance.random(units) < 1 / 30
    begins[late, 0], lasts[late, 0] = 0.0, chance.uniform(600.0, night_s * 0.4, np.count_nonzero(late))
    order = np.argsort(begins, axis=1)
    begins, lasts = np.take_along_axis(begins, order, 1), np.take_along_axis(lasts, order, 1)
    begins[:, 1] = np.maximum(begins[:, 1], begins[:, 0] + lasts[:, 0])
    ends = begins + lasts
    return replace(load, away_from_s=begins, away_to_s=ends)

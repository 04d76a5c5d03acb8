"""The figures of a simulated night, as `simulate-night` prints them: all of them against bounds that need no scheduler.

The bound is taken in hindsight: of links as they were on average and of outages as they came, which nobody can know
before. No order of sending whatever could have been faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.simulation.night import Told
from controller.simulation.workload import Workload
from controller.uploads.scheduler.bound import places_bound
from controller.uploads.scheduler.fleet import Floats

MEASURED_UNTIL = 0.9
"""The use of the binding link is measured until this part of the makespan: at the end there is less than it takes."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """The least time in seconds, and what sets it: `line`, the number of a site, or of a unit."""

    seconds: float
    binds: str
    row: int
    places_s: float
    """What places at a time need beside: where it is greater, the bound cannot be reached with so few."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One night in figures; a `makespan_ratio` of None says that the window closed before everything was there."""

    seed: int
    units: int
    sites: int
    binds: str
    bound_s: float
    places_s: float
    makespan_s: float | None
    makespan_ratio: float | None
    link_share: float
    full_disks: int
    left_bytes: int
    over_cap_bps: int
    outside_window_bytes: int
    most_at_a_time: int
    leases: int
    taken_back: int
    decision_p50_ms: float
    decision_p99_ms: float


def measure(told: Told, at_a_time: int) -> Figures:
    """Work out the figures of a night."""
    load, record = told.load, told.record
    night = ~load.switched_off
    bound = hindsight(load, at_a_time)
    left = int(np.ceil(told.world.left_bits.sum() / 8))
    makespan = float(told.world.done_s[night].max()) if not told.world.left_bits[night].any() else None
    decisions = np.array(record.decision_s) * 1000
    return Figures(
        seed=load.seed,
        units=len(load),
        sites=len(load.site_bps),
        binds=bound.binds,
        bound_s=round(bound.seconds, 1),
        places_s=round(bound.places_s, 1),
        makespan_s=None if makespan is None else round(makespan, 1),
        makespan_ratio=None if makespan is None else round(makespan / bound.seconds, 4),
        link_share=round(_share(told, bound, makespan), 4),
        full_disks=_full(told),
        left_bytes=left,
        over_cap_bps=record.over_bps,
        outside_window_bytes=_outside(told),
        most_at_a_time=record.most_at_a_time,
        leases=record.leases,
        taken_back=record.taken_back,
        decision_p50_ms=round(float(np.percentile(decisions, 50)), 2),
        decision_p99_ms=round(float(np.percentile(decisions, 99)), 2),
    )


def hindsight(load: Workload, at_a_time: int) -> Bound:
    """Give the bound for the units that send by night."""
    night = ~load.switched_off
    bits, sites = np.where(night, load.waiting_bytes * 8.0, 0.0), len(load.site_bps)
    caps = np.minimum(np.minimum(load.link_bps, load.site_bps[load.site]), load.total_bps)
    by_unit = _with_outages(load, bits / caps)
    by_site = np.bincount(load.site, bits, sites) / load.site_bps
    by_line = float(bits.sum() / load.total_bps)
    candidates = (
        ("line", by_line, 0),
        ("site", float(by_site.max()), int(by_site.argmax())),
        ("unit", float(by_unit.max()), int(by_unit.argmax())),
    )
    binds, seconds, row = max(candidates, key=lambda each: each[1])
    return Bound(seconds=seconds, binds=binds, row=row, places_s=places_bound(bits, caps, at_a_time))


def _with_outages(load: Workload, needs_s: Floats) -> Floats:
    """Give when a unit that sends as fast as it can is done, if it stops in its outages."""
    done_s = needs_s
    for column in range(load.away_from_s.shape[1]):
        begins, ends = load.away_from_s[:, column], load.away_to_s[:, column]
        hit = (needs_s > 0) & (begins < done_s)
        done_s = done_s + np.where(hit, np.where(hit, ends, 0.0) - np.where(hit, begins, 0.0), 0.0)
    return done_s


def _share(told: Told, bound: Bound, makespan: float | None) -> float:
    """Give how much of what binds was used until 90 % of the makespan, or of the window if it did not suffice."""
    ends = MEASURED_UNTIL * (makespan or told.stretches[-1].ends_s)
    at_s, lasts_s = np.array(told.record.at_s), np.array(told.record.lasts_s)
    within = (at_s >= 0) & (at_s + lasts_s <= ends)
    time_s = float(lasts_s[within].sum())
    sites = np.array(told.record.sent_bits)[within].sum(axis=0)
    if bound.binds == "site":
        return float(sites[bound.row] / (told.load.site_bps[bound.row] * time_s))
    if bound.binds == "unit":
        sent = np.array(told.record.watched_bits)[within].sum()
        here_s = time_s - _away_until(told.load, bound.row, ends)
        return float(sent / (told.load.link_bps[bound.row] * here_s))
    return float(sites.sum() / (told.load.total_bps * time_s))


def _away_until(load: Workload, row: int, ends_s: float) -> float:
    """Give for how many seconds a unit could not be reached until a moment."""
    begins, ends = np.minimum(load.away_from_s[row], ends_s), np.minimum(load.away_to_s[row], ends_s)
    return float((ends - begins).sum())


def _full(told: Told) -> int:
    """Count the cards that what had to leave has not left."""
    load = told.load
    sent = load.waiting_bytes - told.world.left_bits / 8
    return int(np.count_nonzero(load.due_bytes - sent >= 1.0))


def _outside(told: Told) -> int:
    """Count bytes that were sent while no stretch was open."""
    spans = [(stretch.begins_s, stretch.ends_s) for stretch in told.stretches]
    record = told.record
    outside = [
        sent.sum()
        for at, lasts, sent in zip(record.at_s, record.lasts_s, record.sent_bits, strict=True)
        if not any(begins <= at and at + lasts <= ends for begins, ends in spans)
    ]
    return int(sum(outside) / 8)

"""The allocation: how fast each unit may send until the next decision, and why. The room's one entrance.

Pure and deterministic. At no instant do the rates that units may be using add up to more than the cap of a site or of
the whole line: what is lowered counts at its old rate until the next decision, and only what is free now is given out.
Defined in docs/adr/0028-who-sends-and-how-fast.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.uploads.scheduler.bound import line_bounds, places_bound
from controller.uploads.scheduler.choosing import Crowd, choose
from controller.uploads.scheduler.efficiency import sure_bps, usable_bps
from controller.uploads.scheduler.fleet import Allocation, Flags, Fleet, Floats, Ints, Line
from controller.uploads.scheduler.reasons import Reason
from controller.uploads.scheduler.water import pour_line

PRESSED = 0.95
"""From this part of the time left on, what must leave tonight goes before everything else."""
SOON_TICKS = 10
TIGHT = 0.9
"""From this share of its time left on, nothing that the link of a unit may give for a moment must be missed."""
TIGHT_MARGIN = 1.4
WORTH_IT = 1.005
"""A lease is raised only by more than this: each change is a signature and a message."""
ROUNDING = 1e-3
HEARD_S = 2.0
"""How long it takes until a unit sends by a new lease."""


@dataclass(frozen=True)
class _Load:
    """Those who may send: their rows in the fleet, what waits of them in bits, and how the time presses."""

    rows: Ints
    site: Ints
    bits: Floats
    caps: Floats
    sure: Floats
    must: Flags
    time_s: Floats
    bound_s: float

    @property
    def weight(self) -> Floats:
        """Give the rate at which each would have to send to be in time."""
        return self.bits / self.time_s


def allocate(fleet: Fleet, line: Line) -> Allocation:
    """Decide for all units at once."""
    may = _may(fleet, line)
    load = _load(fleet, line, np.flatnonzero(may))
    wanted = np.zeros(len(fleet))
    if len(load.rows):
        chosen = _chosen(load, fleet, line)
        wanted[load.rows[chosen]] = _rates(load, chosen, fleet, line)
    rates = _settle(wanted, fleet, line)
    reason = _reasons(fleet, line, load, wanted=wanted >= 1.0, sends=rates > 0)
    return Allocation(rate_bps=rates, reason=reason, bound_s=load.bound_s)


def _may(fleet: Fleet, line: Line) -> Flags:
    is_open = (line.site_bps > 0) & (line.left_s > 0) & (line.total_bps > 0)
    by_day = ~line.by_day[fleet.site] | fleet.by_day
    return (fleet.waiting_bytes > 0) & is_open[fleet.site] & by_day & (fleet.leaves_s > 0)


def _load(fleet: Fleet, line: Line, rows: Ints) -> _Load:
    """Work out what presses: a unit that leaves early, a window that ends, a card that would fill."""
    site, bits = fleet.site[rows], fleet.waiting_bytes[rows] * 8.0
    site_bps: Floats = np.minimum(line.site_bps, line.total_bps).astype(float)
    usable = usable_bps(fleet)
    caps: Floats = np.minimum(usable[rows], site_bps[site])
    bounds = line_bounds(site, bits, site_bps=site_bps, total_bps=line.total_bps)
    sure = np.minimum(sure_bps(fleet, usable)[rows], site_bps[site])
    ends_s = np.minimum(line.left_s[site], fleet.leaves_s[rows])
    bound_s = float(max(bounds.max(initial=0.0), (bits / caps).max(initial=0.0)))
    horizon = max(bound_s, places_bound(bits, caps, line.at_a_time), line.tick_s)
    due = np.minimum(fleet.due_bytes[rows] * 8.0, bits)
    time_s = np.minimum(horizon, ends_s)
    pressed = bounds[site] >= PRESSED * ends_s
    # by day all go who may, but where the allowance is too small for all, who has time until tomorrow waits
    wished = line.by_day[site] & ~np.isfinite(fleet.leaves_s[rows])
    goes = np.where(pressed, due > 0, line.by_day[site])
    return _Load(
        rows=rows,
        site=site,
        bits=np.where(pressed & goes & ~wished, due, bits),
        caps=np.where(bits / sure >= TIGHT * time_s, np.minimum(caps * TIGHT_MARGIN, site_bps[site]), caps),
        sure=sure,
        must=goes | wished,
        time_s=time_s,
        bound_s=bound_s,
    )


def _chosen(load: _Load, fleet: Fleet, line: Line) -> Flags:
    sites = len(line.site_bps)
    crowd = Crowd(
        site=load.site,
        share=np.minimum(load.bits / load.sure / load.time_s, 1.0),
        speed=_until_next(load, line),
        holds=fleet.granted_bps[load.rows] > 0,
        must=load.must,
    )
    need = np.minimum(np.bincount(load.site, load.weight, sites), line.site_bps)
    return choose(crowd, need, line.at_a_time)


def _until_next(load: _Load, line: Line) -> Floats:
    """Give what each can use until the next decision: one that has little left needs less than its link gives."""
    enough: Floats = load.bits / max(line.tick_s - HEARD_S, 1.0)
    return np.minimum(load.caps, enough)


def _rates(load: _Load, chosen: Flags, fleet: Fleet, line: Line) -> Floats:
    """Fill in layers, each only as far as the ones before it left room."""
    site, caps, held = load.site[chosen], load.caps[chosen], fleet.granted_bps[load.rows[chosen]]
    weight, useful = load.weight[chosen], _until_next(load, line)[chosen]
    kept, ends_soon = _even(np.minimum(held, caps), load.bits[chosen], line.tick_s)
    useful = np.where(ends_soon, np.minimum(kept, useful), useful)
    new = np.where(held == 0, useful, 0.0)
    cap = line.site_bps.astype(float)
    need = np.minimum(np.bincount(load.site, load.weight, len(cap)), cap)
    layers = (
        (np.where(load.must[chosen], useful, 0.0), cap),  # who must go
        (np.minimum(weight, caps), cap),  # everybody what is needed to be in time
        (kept, need),  # each site what all its units need to be in time, also those whose turn comes later
        (useful, need),
        (kept, cap),  # who has more keeps it, for a change costs half a minute
        (new, cap),  # what became free goes to who comes new
        (useful, cap),  # and then to whoever can use it until the next decision,
        (caps, cap),  # or at all
    )
    rates = np.zeros(len(site))
    for most, until in layers:
        room: Floats = until - np.bincount(site, rates, len(cap))
        more = np.maximum(most - rates, 0.0)
        rates += pour_line(site, weight, more, site_room=room, total=line.total_bps - rates.sum())
    return rates


def _even(held: Floats, bits: Floats, tick_s: float) -> tuple[Floats, Flags]:
    """Slow down a little who ends soon, so that it is done just before a decision and leaves no hole behind.

    Lowering costs what is taken off, for one tick; the earlier it is done the less that is. Tell who ends soon, too.
    """
    ticks = np.ceil(bits / np.maximum(held, 1.0) / tick_s)
    ends_soon: Flags = (held > 0) & (ticks <= SOON_TICKS)
    even = bits / np.maximum(ticks * tick_s - HEARD_S, 1.0)
    return np.where(ends_soon, np.minimum(held, even), held), ends_soon


def _settle(wanted: Floats, fleet: Fleet, line: Line) -> Ints:
    """Lower what is to be lowered; raise by what is free while everything still counts at its old rate."""
    rates: Ints = np.minimum(np.floor(wanted + ROUNDING).astype(np.int64), fleet.counted_bps)
    more = np.flatnonzero(wanted >= fleet.counted_bps * WORTH_IT + 1.0)
    if not len(more):
        return rates
    site, raised = fleet.site[more], wanted[more] - fleet.counted_bps[more]
    site_free = line.site_bps - _sums(fleet.site, fleet.counted_bps, len(line.site_bps))
    free = line.total_bps - int(fleet.counted_bps.sum())
    given = pour_line(site, raised, raised, site_room=site_free.astype(float), total=float(free))
    rates[more] += _whole(given, site, np.maximum(site_free, 0), max(free, 0))
    return rates


def _whole(given: Floats, site: Ints, site_free: Ints, free: int) -> Ints:
    """Round down to whole bits a second, and take back what rounding in the sums could have given too much."""
    whole: Ints = np.floor(given + ROUNDING).astype(np.int64)
    for number in np.flatnonzero(_sums(site, whole, len(site_free)) > site_free):
        _take_back(whole, np.flatnonzero(site == number), int(site_free[number]))
    _take_back(whole, np.arange(len(whole)), free)
    return whole


def _take_back(whole: Ints, rows: Ints, most: int) -> None:
    """Bring the sum of some rows down to `most`, from the greatest on."""
    excess = int(whole[rows].sum()) - most
    for row in rows[np.argsort(-whole[rows], kind="stable")] if excess > 0 else ():
        taken = min(excess, int(whole[row]))
        whole[row] -= taken
        excess -= taken


def _sums(site: Ints, values: Ints, sites: int) -> Ints:
    """Sum whole numbers by site, exactly below 2**53."""
    sums: Ints = np.bincount(site, values, sites).astype(np.int64)
    return sums


def _reasons(fleet: Fleet, line: Line, load: _Load, *, wanted: Flags, sends: Flags) -> Ints:
    """Say why for each unit; the first reason that fits."""
    must = np.zeros(len(fleet), bool)
    must[load.rows] = load.must
    waits = fleet.waiting_bytes > 0
    day = line.by_day[fleet.site]
    closed = (line.site_bps[fleet.site] == 0) | (line.left_s[fleet.site] <= 0) | (line.total_bps == 0)
    pressed = np.zeros(len(line.site_bps), bool)
    pressed[fleet.site[must & ~day]] = True
    return np.select(
        [~waits, closed, day & ~fleet.by_day, sends & day, sends & must, sends, wanted],
        [
            Reason.NOTHING_WAITS,
            Reason.CLOSED,
            Reason.NOT_BY_DAY,
            Reason.SENDS_TODAY,
            Reason.SENDS_DUE,
            Reason.SENDS,
            Reason.ROOM_FROM_NEXT,
        ],
        np.where(pressed[fleet.site] & ~must, Reason.DUE_FIRST, Reason.TURN_COMES),
    ).astype(np.int64)

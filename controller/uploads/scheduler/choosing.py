"""Who may send at the same time, when not all may: the longest first, among as many quick ones as keep the line full.

Pure. A unit's *share* is the part of the time left in which it needs a place: 1 means now and without a break. Who has
a lease keeps it; only a unit that can wait no longer takes the place of one that can. Why this order, and how near it
comes to the best, is in docs/adr/0028-who-sends-and-how-fast.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from controller.uploads.scheduler.fleet import Flags, Floats, Ints
from controller.uploads.scheduler.water import pour, ranks

CANNOT_WAIT = 0.97
CAN_WAIT = 0.85
LEAST_SPARE, MOST_SPARE = 1.05, 1.5
"""How much more the chosen units could send than the line takes: the more of them are quick, the less of a hole one
leaves that is done; where places are scarce, slow ones have to come early instead."""
RESERVE = 0.05
"""Which part of the places is kept for sites whose quick units are done while slow ones hold their places."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """The units that have something to send and may, a row each."""

    site: Ints
    share: Floats
    speed: Floats
    """What it could send until the next decision, bit/s."""
    holds: Flags
    """It has a lease."""
    must: Flags
    """It goes before all others."""


def choose(crowd: Crowd, need: Floats, at_a_time: int) -> Flags:
    """Choose at most `at_a_time` units; `need` is the rate in bit/s at which each site has to send to be in time."""
    if len(crowd.site) <= at_a_time:
        return np.ones(len(crowd.site), bool)
    need = need * np.clip(at_a_time / max(float(crowd.share.sum()), 1.0), LEAST_SPARE, MOST_SPARE)
    places = _places(crowd, len(need), at_a_time - int(at_a_time * RESERVE))
    kept = _keep(crowd, places, at_a_time)
    free = _free(places, kept, crowd.site, at_a_time)
    chosen = kept | _newcomers(crowd, ~kept & (free[crowd.site] > 0), free, _missing(crowd, kept, need))
    left = at_a_time - int(np.count_nonzero(chosen))
    return chosen | _stand_ins(crowd, ~chosen, _missing(crowd, chosen, need), left)


def _missing(crowd: Crowd, chosen: Flags, need: Floats) -> Floats:
    """Give the rate by which the chosen units of each site are too slow."""
    missing: Floats = need - np.bincount(crowd.site[chosen], crowd.speed[chosen], len(need))
    return missing


def _stand_ins(crowd: Crowd, waits: Flags, missing: Floats, places: int) -> Flags:
    """Choose for the places in reserve: the quickest of sites that would not be in time, until they are."""
    rows = np.flatnonzero(waits & (missing[crowd.site] > 0))
    rank = ranks(crowd.site[rows], -crowd.speed[rows], -crowd.share[rows])
    rows = rows[np.lexsort((rank, crowd.site[rows]))]
    speed, site = crowd.speed[rows], crowd.site[rows]
    until = np.concatenate(([0.0], np.cumsum(speed)))
    before = until[:-1] - until[np.searchsorted(site, site)]
    wanted = rows[before < missing[site]]
    chosen = np.zeros(len(waits), bool)
    chosen[wanted[np.argsort(-missing[crowd.site[wanted]], kind="stable")[: max(places, 0)]]] = True
    return chosen


def _places(crowd: Crowd, sites: int, at_a_time: int) -> Ints:
    """Deal the places out to the sites by the time that their units need them, nowhere more than there are units."""
    there = np.bincount(crowd.site, minlength=sites).astype(float)
    needed = np.maximum(np.bincount(crowd.site, crowd.share, sites), 1e-9)
    dealt = pour(np.zeros(sites, np.int64), needed, there, np.array([float(at_a_time)]))
    steps = np.floor(np.concatenate(([0.0], np.cumsum(dealt))) + 0.5).astype(np.int64)
    places: Ints = steps[1:] - steps[:-1]
    return places


def _keep(crowd: Crowd, places: Ints, at_a_time: int) -> Flags:
    """Keep who has a lease, but for those who give their place to a unit of their site that can wait no longer."""
    hurries = ~crowd.holds & (crowd.must | (crowd.share >= CANNOT_WAIT))
    yields = crowd.holds & ~crowd.must & (crowd.share < CAN_WAIT)
    sites = len(places)
    held = np.bincount(crowd.site[crowd.holds], minlength=sites)
    lacking = np.bincount(crowd.site[hurries], minlength=sites) - np.maximum(places - held, 0)
    rows = np.flatnonzero(yields)
    rank = ranks(crowd.site[rows], crowd.share[rows])
    kept: Flags = crowd.holds.copy()
    kept[rows[rank < lacking[crowd.site[rows]]]] = False
    if np.count_nonzero(kept) > at_a_time:
        kept &= ranks(np.zeros(len(kept), np.int64), ~kept, ~crowd.must, -crowd.share) < at_a_time
    return kept


def _free(places: Ints, kept: Flags, site: Ints, at_a_time: int) -> Ints:
    """Tell how many more may be chosen at each site; where places are held beyond a site's, the others go short."""
    wanted: Ints = np.maximum(places - np.bincount(site[kept], minlength=len(places)), 0)
    left = at_a_time - np.count_nonzero(kept)
    if wanted.sum() <= left:
        return wanted
    steps = np.floor(np.concatenate(([0.0], np.cumsum(wanted))) * (left / wanted.sum())).astype(np.int64)
    free: Ints = steps[1:] - steps[:-1]
    return free


def _newcomers(crowd: Crowd, waits: Flags, free: Ints, missing: Floats) -> Flags:
    """Choose for the free places: as many as possible by who needs longest, the rest by who fills the line best."""
    rows = np.flatnonzero(waits)
    site, speed = crowd.site[rows], crowd.speed[rows]
    by_need = ranks(site, ~crowd.must[rows], -crowd.share[rows])
    by_speed = ranks(site, -speed, by_need)
    near = np.flatnonzero(np.minimum(by_need, by_speed) < free[site])
    near = near[np.lexsort((by_speed[near], site[near]))]
    ahead = _Ahead(rows[near], site[near], speed[near], by_need[near])
    chosen = np.zeros(len(waits), bool)
    chosen[ahead.rows[ahead.pick(_most_by_need(ahead, free, missing), free)]] = True
    return chosen


@dataclass(frozen=True)
class _Ahead:
    """Those who come into question, sorted by site and speed, with their number in the order of need."""

    rows: Ints
    site: Ints
    speed: Floats
    by_need: Ints

    def pick(self, by_need: Ints, free: Ints) -> Flags:
        """Pick the first `by_need` of each site in the order of need, and fill its places up with the quickest."""
        needy = self.by_need < by_need[self.site]
        quick = np.cumsum(~needy)
        before = np.concatenate(([0], quick))[np.searchsorted(self.site, self.site)]
        picked: Flags = needy | (quick - before <= (free - by_need)[self.site])
        return picked


def _most_by_need(ahead: _Ahead, free: Ints, missing: Floats) -> Ints:
    """Find for each site, by halving, how many places can go by need while the line still becomes full."""
    low, high = np.zeros(len(free), np.int64), free.copy()
    while np.any(low < high):
        middle = (low + high + 1) // 2
        picked = ahead.pick(middle, free)
        full = np.bincount(ahead.site[picked], ahead.speed[picked], len(free)) >= missing
        low, high = np.where(full, middle, low), np.where(full, high, middle - 1)
    return low

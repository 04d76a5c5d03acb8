"""Weighted water-filling: what flows is shared in proportion to weights, and nobody is given more than fits.

Pure. A group's members rise together, each as fast as its weight says, until it is full or the group's room is used up:
`min(cap, level · weight)`, with the one level at which the sum is the room. Nothing that could be used is left over.
"""

from __future__ import annotations

import numpy as np

from controller.uploads.scheduler.fleet import Flags, Floats, Ints


def pour(group: Ints, weight: Floats, cap: Floats, room: Floats) -> Floats:
    """Share the room of each group among its members; weights are positive, caps and room at least 0."""
    level = _levels(group, weight, cap, np.maximum(room, 0.0))
    return np.minimum(cap, level[group] * weight)


def _levels(group: Ints, weight: Floats, cap: Floats, room: Floats) -> Floats:
    """Give the level of each group: infinite where everybody is full before the room is used up."""
    full_at = cap / weight
    order = np.lexsort((full_at, _narrow(group)))
    of, weights, caps = group[order], weight[order], cap[order]
    first = np.searchsorted(of, np.arange(len(room)))
    full_before = _before(caps, first, of)
    still_rising = np.bincount(of, weights, len(room))[of] - _before(weights, first, of)
    level = (room[of] - full_before) / np.maximum(still_rising, weights)
    found = np.flatnonzero(level <= full_at[order])[::-1]
    levels = np.full(len(room), np.inf)
    levels[of[found]] = level[found]  # of several the last one is kept: the lowest of its group
    return levels


def _before(values: Floats, first: Ints, of: Ints) -> Floats:
    """Sum, for each row of sorted groups, what stands before it in its own group."""
    until = np.concatenate(([0.0], np.cumsum(values)))
    return until[:-1] - until[first[of]]


def pour_line(group: Ints, weight: Floats, cap: Floats, *, site_room: Floats, total: float) -> Floats:
    """Share a line among sites by the weight of their members, and each site's share among its members."""
    sites = len(site_room)
    wanted = np.minimum(np.maximum(site_room, 0.0), np.bincount(group, cap, sites))
    heavy = np.maximum(np.bincount(group, weight, sites), 1e-9)
    share = pour(np.zeros(sites, np.int64), heavy, wanted, np.array([total]))
    return pour(group, weight, cap, share)


def ranks(group: Ints, *keys: Floats | Ints | Flags) -> Ints:
    """Number the rows of each group from 0, ascending by the keys (the first counts most), then by their order."""
    order = np.lexsort((*reversed(keys), _narrow(group)))
    of, place = group[order], np.arange(len(group))
    is_first = np.concatenate(([True], of[1:] != of[:-1])) if len(of) else np.zeros(0, bool)
    rank = np.empty(len(group), np.int64)
    rank[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    return rank


def _narrow(group: Ints) -> Ints:
    """Give groups in as few bytes as hold them: numpy sorts 16 bits by radix, twenty times as fast."""
    return group.astype(np.min_scalar_type(int(group.max(initial=0))))

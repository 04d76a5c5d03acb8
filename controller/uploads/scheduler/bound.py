"""The least time in which a line could bring what waits, whatever the order.

Pure. `max(Σb/C, max over sites Σb/C_site, max over units b/c)`, and with at most K units at a time also `Σ(b/c)/K`; the
proof, and when it can be reached, is in docs/adr/0028-who-sends-and-how-fast.md.
"""

from __future__ import annotations

import numpy as np

from controller.uploads.scheduler.fleet import Floats, Ints


def line_bounds(site: Ints, bits: Floats, *, site_bps: Floats, total_bps: float) -> Floats:
    """Give for each site the seconds that its own cap, or the whole line, needs at least."""
    by_site: Floats = np.bincount(site, bits, len(site_bps)) / np.maximum(site_bps, 1.0)
    slowest: Floats = np.maximum(by_site, bits.sum() / max(total_bps, 1.0))
    return slowest


def lower_bound(site: Ints, bits: Floats, caps: Floats, *, site_bps: Floats, total_bps: float) -> float:
    """Give the bound in seconds; `caps` are the units' links in bit/s, above 0."""
    if not len(bits):
        return 0.0
    lines = line_bounds(site, bits, site_bps=site_bps, total_bps=total_bps)
    return float(max(lines.max(), (bits / caps).max()))


def places_bound(bits: Floats, caps: Floats, at_a_time: int) -> float:
    """Give the seconds that `at_a_time` places need at least, each used at the full speed of its unit."""
    return float((bits / caps).sum() / at_a_time)

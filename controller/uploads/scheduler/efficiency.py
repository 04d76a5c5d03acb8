"""How fast a unit can be thought to send: by what its link gave lately, and by what it makes of its present lease.

Pure. A unit that leaves part of its lease unused is counted with what it used and a margin, and the rest is lent to
others; one that used all of it may prove more. Nothing here was typed in by anybody.
"""

from __future__ import annotations

import numpy as np

from controller.uploads.scheduler.fleet import NOT_MEASURED, Fleet, Floats

FIRST_GUESS_BPS = 20e6
"""What an unknown link is thought to give: an ordinary classroom's. It proves more, or less, within a few decisions."""
LEAST_BPS = 256e3
"""What a unit is granted that makes nothing of its lease, so that it is noticed when it can send again."""
USED_UP = 0.985
MARGIN = 1.02
PROVES = 1.5


def usable_bps(fleet: Fleet) -> Floats:
    """Give what each unit could use, in bit/s."""
    known = np.where(fleet.link_bps > 0, fleet.link_bps * MARGIN, FIRST_GUESS_BPS)
    measured = (fleet.measured_bps > NOT_MEASURED) & (fleet.granted_bps > 0)
    used_up = fleet.measured_bps >= fleet.granted_bps * USED_UP
    lags = np.maximum(fleet.measured_bps * MARGIN, LEAST_BPS)
    proves = np.maximum(known, fleet.granted_bps * PROVES)
    return np.where(measured, np.where(used_up, proves, lags), np.maximum(known, LEAST_BPS))

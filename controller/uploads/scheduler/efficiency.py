"""How fast a unit can be thought to send: by what its link gave lately, and by what it makes of its present lease.

Pure. A unit that leaves part of its lease unused is counted with what it used and a little more, and the rest is lent
to others; one that used all of it may prove more. Nothing here was typed in by anybody.
"""

from __future__ import annotations

import numpy as np

from controller.uploads.scheduler.fleet import NOT_MEASURED, Fleet, Floats, Ints

FIRST_GUESS_BPS = 20e6
"""What an unknown link is thought to give: an ordinary classroom's. It proves more, or less, within a few decisions."""
SLOWEST_GUESS_BPS = 2e6
"""What an unknown link is feared to give, when it is asked who has to begin early."""
RELIED_ON = 0.9
LEAST_BPS = 256e3
"""What a unit is granted that makes nothing of its lease, so that it is noticed when it can send again."""
LAGS = 0.98
"""Below this part of its lease it was the link that was slow, and not a pause between two requests."""
USED_UP = 0.998
MARGIN = 1.003
SILENT = 0.75
TOGETHER = 0.2
FEWEST_TOGETHER = 10
"""Where a fifth of at least ten known links gave less than three quarters at once, it was not the links."""
PROVES = 1.5
OUTGROWS = 1.25


def usable_bps(fleet: Fleet) -> Floats:
    """Give what each unit could use, in bit/s."""
    known = np.where(fleet.link_bps > 0, fleet.link_bps * MARGIN, FIRST_GUESS_BPS)
    measured = (fleet.measured_bps > NOT_MEASURED) & (fleet.granted_bps > 0) & ~_was_gone(fleet)
    lags = measured & (fleet.measured_bps < fleet.granted_bps * LAGS)
    proves = measured & ~lags & (fleet.link_bps == 0)
    outgrows = measured & (fleet.measured_bps >= fleet.granted_bps * USED_UP) & (fleet.granted_bps >= fleet.link_bps)
    usable = np.where(lags, fleet.measured_bps * MARGIN, known)
    usable = np.where(proves, np.maximum(known, fleet.granted_bps * PROVES), usable)
    usable = np.where(outgrows, np.maximum(usable, fleet.granted_bps * OUTGROWS), usable)
    return np.maximum(usable, LEAST_BPS)


def _was_gone(fleet: Fleet) -> bool:
    """Tell whether the controller was away while it was measured: so many links do not fail at once."""
    judged = (fleet.measured_bps > NOT_MEASURED) & (fleet.granted_bps > 0) & (fleet.link_bps > 0)
    silent = judged & (fleet.measured_bps < np.minimum(fleet.granted_bps, fleet.link_bps) * SILENT)
    units = int(np.count_nonzero(judged))
    return units >= FEWEST_TOGETHER and int(np.count_nonzero(silent)) >= units * TOGETHER


def sure_bps(fleet: Fleet, usable: Floats) -> Floats:
    """Give the speed on which a unit can be relied: of a link that does not carry anything now less than was known."""
    proved = np.maximum(fleet.measured_bps, SLOWEST_GUESS_BPS)
    known = np.where(fleet.granted_bps > 0, usable, usable * RELIED_ON)
    return np.where(fleet.link_bps > 0, known, np.minimum(usable, proved))


def learn_links(link_bps: Ints, measured_bps: Ints, granted_bps: Ints) -> Ints:
    """Give what is known of the links after a measure: a lease that was used up says only that a link is not slower.

    So an unknown link stays unknown (0) while its lease and not the link was the limit.
    """
    lags = (measured_bps > 0) & (measured_bps < granted_bps * LAGS)
    known = np.where(link_bps > 0, np.maximum(link_bps, measured_bps), 0)
    return np.where(lags, measured_bps, known)

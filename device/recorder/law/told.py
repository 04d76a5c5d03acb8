"""What IT is told of a state: every code that stands in the way of the next press, none of which hides another.

Pure; machine.py reports whenever this changes, whatever rule changed it. Codes: docs/hardware/health.md.
"""

from __future__ import annotations

from device.recorder.law.condition import STUCK
from device.recorder.law.running import STALLED
from device.recorder.states import Phase, State


def reasons(state: State) -> tuple[str, ...]:
    """Give what failed in a recording, a stuck button, and why the unit may not record, in this order."""
    failed = state.fault or (STALLED if state.phase is Phase.STALLED else "")
    codes = (failed, STUCK if state.stuck else "", state.unfit)
    return tuple(dict.fromkeys(code for code in codes if code))

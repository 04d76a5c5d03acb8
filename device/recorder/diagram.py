"""Draws the recorder's law for people: docs/state-machine.md, out of the tables that the recorder runs by.

`python -m device.recorder.diagram` prints the page; a test compares it with the one in docs. Decides nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from device.recorder.machine import PHASES, TABLE, Rule, stay
from device.recorder.recovery import BOOT_TABLE
from device.recorder.states import Kind, Phase

HEAD = """# The recorder's states

This page is generated from the tables in `device/recorder/machine.py` and `device/recorder/recovery.py`:
`python -m device.recorder.diagram > docs/state-machine.md`. A test keeps it current.

The machine is a pure function: `step(state, event)` gives the next state and the effects, and the recorder's loop then
writes the checkpoint to the disk, and only then performs the effects. Time is inside the event.

What holds on every path (`tests/machine`):

- The recording pattern is shown before the camera is started, and a pattern that may mean recording is shown as long as
  the camera may run.
- The camera is started only after a consent decision that allows it, for this recording and this boot of the process.
- A stop is always reached: nothing that fails to answer keeps the machine waiting for longer than its limits.
- No state waits for the network: there is no event that could come from one.

Decisions that the table alone does not explain:

- *Back to back.* A press while the last recording is being put away is kept, and consent is asked for it as soon as
  the last line is written. Sealing the end takes a fraction of a second; starting at once would need two open
  recordings for that fraction.
- *A camera that fails* gets a new take, twice in a recording; then the recording is closed as a fault. *A disk that
  fails* ends the recording: what was durable stays, the torn segment gets its `recovered` line.
- *Seats that must be checked* are a refusal in this release: a permission that depends on a check that the unit cannot
  make yet is none.
- *A fault stays* on the lamp until the next press, so that it is not overlooked; the press tries again.
- *Two taps* are one bookmark: this release has no pause.
"""


def render() -> str:
    """Give the whole page."""
    parts = (HEAD, _diagram(), _table(), _boot_table())
    return "\n".join(parts)


def _diagram() -> str:
    lines = ["## The way a recording takes", "", "```mermaid", "stateDiagram-v2", "    [*] --> booting"]
    lines += [f"    {source.value} --> {target.value}: {words}" for source, target, words in _edges()]
    return "\n".join([*lines, "    off --> [*]", "```", ""])


def _edges() -> Iterator[tuple[Phase, Phase, str]]:
    """Give each pair of phases once, with the events that lead from one to the other."""
    for at, source in enumerate(PHASES):
        for target in PHASES:
            kinds = [kind.value for kind, row in TABLE.items() if target in row[at].leads_to and target is not source]
            if kinds:
                yield source, target, ", ".join(kinds)


def _table() -> str:
    head = ["event", *(phase.value for phase in PHASES)]
    lines = ["## What each event means in each phase", "", _row(head), _row(["---"] * len(head))]
    lines += [_row([f"`{kind.value}`", *(_cell(rule) for rule in TABLE[kind])]) for kind in Kind]
    return "\n".join([*lines, ""])


def _cell(rule: Rule) -> str:
    if rule is stay:
        return ""
    arrow = " / ".join(phase.value for phase in rule.leads_to)
    return f"{rule.words} → *{arrow}*" if arrow else rule.words


def _boot_table() -> str:
    head = ["last known phase", "process restarted, same boot", "another boot"]
    lines = ["## What a restart means for the recording that was open", "", _row(head), _row(["---"] * 3)]
    lines += [_row([phase.value, *(fate.value for fate in fates)]) for phase, fates in BOOT_TABLE.items()]
    return "\n".join([*lines, "", "Every other open recording is closed as interrupted.", ""])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(render())

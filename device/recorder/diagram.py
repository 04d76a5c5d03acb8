"""Draws the recorder's law for people: docs/state-machine.md, out of the tables that the recorder runs by.

`python -m device.recorder.diagram` prints the page; a test compares it with the one in docs. Decides nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from device.recorder.law.rule import Rule
from device.recorder.machine import TABLE
from device.recorder.recovery import BOOT_TABLE
from device.recorder.states import Kind, Phase

HEAD = """# The recorder's states

This page is generated from the tables in `device/recorder/machine.py` and `device/recorder/recovery.py`, and from the
rules in `device/recorder/law/`:
`python -m device.recorder.diagram > docs/state-machine.md`. A test keeps it current.

The machine is a pure function: `step(state, event)` gives the next state and the effects, and the recorder's loop then
writes the checkpoint to the disk, and only then performs the effects. Time is inside the event.

What holds on every path (`tests/machine`):

- The recording pattern is shown before the camera is started, and a pattern that may mean recording is shown as long as
  the camera may run.
- The camera is started only after a consent decision that allows it, for this recording and this boot of the process.
- A stop is always reached: nothing that fails to answer keeps the machine waiting for longer than its limits.
- No state waits for the network: there is no event that could come from one.

What the hand means (`device/recorder/gestures.py`; every time is a setting in `[timings]` of `device.toml`):

| gesture | when | meaning |
| --- | --- | --- |
| press | ready, or after a fault or a power cut | ask consent, start; taps in the first 3 s are nervous ones |
| press | while a recording is put away | the next lesson, as soon as that is done |
| hold 2 to 5 s, on release | seats must be checked | they are: start. A second press never passes |
| tap | recording | bookmark this moment |
| two taps | recording | pause |
| tap | paused | ask consent, go on |
| hold 2 to 5 s, on release | recording, paused, camera lost | stop and keep; from 2 s on the lamp says *let go* |
| hold 5 to 6 s | recording, paused, camera lost | nothing; the lamp says *let go or hold on* |
| hold 6 to 10 s, on release | recording, paused, camera lost | stop and discard; the owner can undo it for some hours |
| hold over 10 s | any | a stuck button: a fault; a recording goes on |

A contact counts when it has rested for 30 ms; a hold counts only if it began while the recording lived.

Decisions that the table alone does not explain:

- *Back to back.* A press while the last recording is being put away is answered at the lamp at once and kept; consent
  is asked for it as soon as the last line is written. Two open recordings at a time are not worth what they would
  save: [ADR 15](adr/0015-one-recording-at-a-time.md).
- *A camera that fails, or gives nothing for 15 s,* is tried again with a new take as long as the recording lives, after
  1, 2, 4 … 30 s; the lamp says fault until sealed bytes are durable again. Only the hand, the bell, consent, the limit
  or a shutdown end the recording. Then the fault stays at the lamp. *A disk that fails* ends the recording: what was
  durable stays, the torn segment gets its `recovered` line.
- *A pause* ends the take: the camera is stopped, and the manifest says so. Going on is a press like any other: consent
  is asked, the room hears it. It counts when the finger lets go, since a hold means stop in a pause, too. Its limit and
  the recording's count from their own lines in the manifest, so that a restart of the process lengthens neither.
- *Seats that must be checked* are confirmed by a hold of two seconds, on release: the lamp asks for it from the press
  on, so that it may be this press, held, or a later one. Then consent is asked again, with the number of seats that
  were confirmed. A second press never passes, and neither does a hold of more than five seconds.
- *A fault stays* on the lamp until the next press, so that it is not overlooked; the press tries again. What asks for a
  press, a fault or a recording that a power cut ended, outlasts shutdowns, power cuts and being unfit: the lamp says
  *look at the page* after every start until the press comes.
- *What IT is told* hides nothing: the fault that nobody has answered, a stuck button and what makes the unit unfit
  stand side by side in `recorder/status`, and change there when they change, in a recording too. What only a recording
  can cause leaves the unit on the next school day (`device/health/report.py`).
- *A button that fails* is a fault and ends nothing. *A lamp that fails* ends the process: no recording without a true
  lamp. *Microphone, buzzer, journal and status* may fail: each is told, none ends a recording.
- *Shutdown.* SIGTERM stops and keeps, seals and closes, then the process leaves: a few flushes of the disk, and
  `hang_s` (30 s) for each of two steps at the most. The button of a Pi 5 needs no rule of its own: with
  `HandlePowerKey=poweroff` the shutdown sends SIGTERM. A `TimeoutStopSec` of 75 s is always enough; what is killed
  before that is recovered at the next start.
"""

FOOT = (
    "Every other open recording is closed as interrupted. Once the lamp asks for a press it asks again after every",
    "start, until the press comes.",
    "",
    "A process that gives up waiting (a phase that hangs) leaves the phase that hung as the last known one: the",
    "restart treats it like a kill in that phase. *off* is written by an orderly leave only, after the last line.",
)


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
    for source, rules in TABLE.items():
        for target in Phase:
            kinds = [kind.value for kind in Kind if kind in rules and target in rules[kind].leads_to]
            if kinds and target is not source:
                yield source, target, ", ".join(kinds)


def _table() -> str:
    lines = ["## What each event means in each phase", "", "An event that a phase does not name changes nothing there."]
    for phase in Phase:
        lines += ["", f"### {phase.value}", "", *_rules_of(phase)]
    return "\n".join([*lines, ""])


def _rules_of(phase: Phase) -> list[str]:
    rules = TABLE[phase]
    if not rules:
        return ["Nothing means anything any more: the process ends."]
    rows = [_row([f"`{kind.value}`", *_cells(rules[kind])]) for kind in Kind if kind in rules]
    return [_row(["event", "meaning", "may lead to"]), _row(["---"] * 3), *rows]


def _cells(rule: Rule) -> tuple[str, str]:
    return rule.words, ", ".join(phase.value for phase in rule.leads_to)


def _boot_table() -> str:
    head = ["last known phase", "process restarted, same boot", "another boot"]
    lines = ["## What a restart means for the recording that was open", "", _row(head), _row(["---"] * 3)]
    lines += [_row([phase.value, *(fate.value for fate in fates)]) for phase, fates in BOOT_TABLE.items()]
    return "\n".join([*lines, "", *FOOT, ""])


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(render())

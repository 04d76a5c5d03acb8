"""The rules by which a recording ends: bell, consent, shutdown; its last take, its last line, what comes after.

Pure. A stop is always reached: whatever does not answer is given up on after a time.
"""

from __future__ import annotations

from dataclasses import replace

from device.recorder.effects import Show
from device.recorder.law.asking import ask
from device.recorder.law.rule import Step, rule
from device.recorder.law.running import TAKE_FAULTS
from device.recorder.law.ways import close, end, fail, forget, give_up_after, leave, rest
from device.recorder.states import Event, Phase, State, TakeEnd
from protocol.manifest import CloseReason
from protocol.room import lamp as patterns


@rule("consent was withdrawn: stop and keep", Phase.STOPPING, Phase.CLOSING)
def forbid(state: State, _event: Event) -> Step:
    """P3: a change that forbids stops a running recording."""
    return end(state, CloseReason.CONSENT)


@rule("the lesson is over: stop and keep", Phase.STOPPING, Phase.CLOSING)
def ring(state: State, _event: Event) -> Step:
    """The bell of the snapshot, its margin included."""
    return end(state, CloseReason.BELL)


@rule("stop and keep, then leave", Phase.STOPPING, Phase.CLOSING, Phase.OFF)
def wind_up(state: State, _event: Event) -> Step:
    """A shutdown ends a recording well."""
    after = replace(state, leaving=True)
    return end(after, CloseReason.STOPPED) if state.recording else leave(after)


@rule("leave when it is put away")
def later(state: State, _event: Event) -> Step:
    """What is being put away is put away first."""
    return replace(state, leaving=True, wanted=False), ()


@rule("leave", Phase.OFF)
def go(state: State, _event: Event) -> Step:
    """Nothing is being recorded."""
    return leave(state)


@rule("understood: the next lesson starts when this one is put away")
def keep(state: State, event: Event) -> Step:
    """Back to back: the press is answered at once and asks consent as soon as the last line is written."""
    if state.leaving:
        return state, ()
    return replace(state, wanted=True, asked_s=event.since_s), (Show(patterns.STARTING),)


@rule("write the last line", Phase.CLOSING)
def seal(state: State, event: Event) -> Step:
    """A discard stays one also when the disk failed under its end: it was the teacher's word."""
    over, reason = replace(state, takes=False), state.reason or CloseReason.STOPPED
    if event.cause is TakeEnd.DISK_FAILED and reason is not CloseReason.DISCARDED:
        return close(replace(over, fault=TAKE_FAULTS[event.cause]), CloseReason.FAULT)
    return close(over, reason)


@rule("put away", Phase.READY, Phase.INTERRUPTED, Phase.UNFIT, Phase.ASKING, Phase.FAULT, Phase.OFF)
def done(state: State, event: Event) -> Step:
    """A fault stays at the lamp, a refusal is said once more, a press that waited is answered."""
    if state.wanted and not state.leaving:
        return ask(forget(state), event)
    if state.reason is CloseReason.FAULT or state.fault:
        return fail(state, state.fault or "recording_failed")
    after, effects = rest(state)
    if state.reason is CloseReason.CONSENT and after.phase is not Phase.OFF:
        return after, (*effects, Show(patterns.REFUSED))
    return after, effects


@rule("could not be put away", Phase.FAULT, Phase.OFF)
def botch(state: State, event: Event) -> Step:
    """It is tried again from time to time."""
    return fail(state, event.reason)


@rule("30 s: it hangs", Phase.OFF)
def hang(state: State, event: Event) -> Step:
    """Nothing that does not answer is waited for without end."""
    return give_up_after(state, event.at_s - state.entered_s)

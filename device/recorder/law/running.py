"""The rules while a recording lives: bookmarks, holds, pauses, the watch over durable bytes, a camera that is lost.

Pure. What ends a recording leads to law/ending.py.
"""

from __future__ import annotations

from dataclasses import replace

from device.hardware.ports import Tune
from device.recorder.effects import Ask, Chirp, Note, Show, StartTake, StopTake
from device.recorder.law.rule import Step, rule
from device.recorder.law.ways import close, end, give_up_after, lasting
from device.recorder.states import Event, Hold, Phase, State, TakeEnd
from protocol.manifest import CloseReason, EventName
from protocol.room import lamp as patterns

STALLED = "nothing_durable"
TAKE_FAULTS = {TakeEnd.CAMERA_FAILED: "camera_failed", TakeEnd.DISK_FAILED: "disk_failed"}
HOLD_PATTERNS = {
    Hold.KEEP: patterns.LET_GO,
    Hold.NOTHING: patterns.LET_GO_OR_HOLD_ON,
    Hold.DISCARD: patterns.DISCARD_ON_RELEASE,
}
STOPS = (Phase.STOPPING, Phase.CLOSING, Phase.OFF)
MEANT = {Hold.KEEP: CloseReason.STOPPED, Hold.DISCARD: CloseReason.DISCARDED}


# ---- the hand -------------------------------------------------------------------------------------------------------


@rule("bookmark this moment (not in the first 3 s)")
def mark(state: State, event: Event) -> Step:
    """The lamp blinks back."""
    if _is_nervous(state, event):
        return state, ()
    return state, (Show(patterns.BOOKMARK), Note(EventName.BOOKMARK, event.since_s))


@rule("show what letting go would mean")
def hint(state: State, event: Event) -> Step:
    """A hold counts only if it began while the recording lived."""
    return state, (Show(HOLD_PATTERNS[event.hold]),) if event.since_s >= state.began_s else ()


@rule("stop and keep, stop and discard, or go on", Phase.STOPPING, Phase.CLOSING)
def let_go(state: State, event: Event) -> Step:
    """Holds mean something on release."""
    meant = MEANT.get(event.hold)
    if event.since_s < state.began_s or meant is None:
        return state, (Show(lasting(state)),)
    return end(state, meant)


@rule("pause: the camera is stopped (not in the first 3 s)", Phase.PAUSED)
def pause(state: State, event: Event) -> Step:
    """The camera stops before anything else is done; then lamp, room and manifest are told."""
    if _is_nervous(state, event):
        return state, ()
    runs = state.phase is not Phase.LOST
    after = replace(state, phase=Phase.PAUSED, paused=True, wanted=False, paused_s=event.at_s, heard_s=event.at_s)
    said = (Show(lasting(after)), Note(EventName.PAUSE, event.since_s))
    return after, (StopTake(), Chirp(Tune.STOP), *said) if runs else said


@rule("go on: ask consent again", Phase.ASKING)
def resume(state: State, _event: Event) -> Step:
    """Going on is a press like any other; while the last take is still being sealed it is remembered."""
    if state.takes:
        return replace(state, wanted=True), (Show(patterns.STARTING),)
    return replace(state, phase=Phase.ASKING, wanted=False), (Ask(state.recording),)


# ---- the watch ------------------------------------------------------------------------------------------------------


@rule("sealed bytes are durable", Phase.RECORDING)
def live(state: State, event: Event) -> Step:
    """Ends a stall, and whatever had been wrong with the camera."""
    after = replace(state, phase=Phase.RECORDING, durable_s=event.at_s, tries=0, fault="")
    if state.phase is Phase.STALLED:
        return after, (Show(lasting(after)),)
    return after, ()


@rule("the sound is silent or too loud: warn")
def hush(state: State, event: Event) -> Step:
    """The recording goes on."""
    after = replace(state, sound=event.reason or "silent")
    return after, (Show(lasting(after)),)


@rule("the sound is good again")
def hear(state: State, _event: Event) -> Step:
    """Take the warning back."""
    after = replace(state, sound="")
    return after, (Show(lasting(after)),)


@rule("3 s without durable bytes, or the limit", Phase.STALLED, Phase.STOPPING)
def watch(state: State, event: Event) -> Step:
    """P1: the lamp says fault as soon as nothing new is safe."""
    if _is_too_long(state, event):
        return end(state, CloseReason.LIMIT)
    if event.at_s - state.durable_s < state.limits.stale_s:
        return state, ()
    after = replace(state, phase=Phase.STALLED)
    return after, (Show(lasting(after)),)


@rule("12 s more: stop this take, try another; or the limit", Phase.LOST, Phase.STOPPING)
def wait(state: State, event: Event) -> Step:
    """A camera that says nothing is treated like one that says that it is broken."""
    if _is_too_long(state, event):
        return end(state, CloseReason.LIMIT)
    if event.at_s - state.entered_s < state.limits.hopeless_s:
        return state, ()
    return replace(state, phase=Phase.LOST, tries=state.tries + 1, fault=STALLED), (StopTake(), Show(patterns.FAULT))


@rule("after 1, 2, 4 … 30 s a new take; or the limit; a take that does not end: it hangs", *STOPS, Phase.STALLED)
def try_again(state: State, event: Event) -> Step:
    """Again and again while the recording lives; the fault stays at the lamp until bytes are durable."""
    waited_s = event.at_s - state.entered_s
    if _is_too_long(state, event):
        return end(state, CloseReason.LIMIT)
    if state.takes:
        return give_up_after(state, waited_s)
    if waited_s < _retry_after_s(state):
        return state, ()
    after = replace(state, phase=Phase.STALLED, takes=True, sound="")
    return after, (Show(lasting(after)), StartTake())


@rule("a reminder each minute; 30 min, or the limit: stop and keep; a take that does not end: it hangs", *STOPS)
def remind(state: State, event: Event) -> Step:
    """A pause that everybody has forgotten ends the recording, never goes on with it."""
    waited_s = event.at_s - state.entered_s
    if _is_too_long(state, event) or event.at_s - state.paused_s >= state.limits.pause_s:
        return end(state, CloseReason.LIMIT)
    if state.takes and waited_s >= state.limits.hang_s:
        return give_up_after(state, waited_s)
    if event.at_s - state.heard_s < state.limits.remind_s:
        return state, ()
    return replace(state, heard_s=event.at_s), (Show(lasting(state)), Chirp(Tune.REMIND))


# ---- the end of a take ----------------------------------------------------------------------------------------------


@rule("over: keep it; camera fault: it is lost; disk fault: close", Phase.LOST, Phase.CLOSING)
def finish(state: State, event: Event) -> Step:
    """Only the camera may fail without ending the recording."""
    over = replace(state, takes=False)
    if event.cause is not TakeEnd.CAMERA_FAILED:
        return _close_for(over, event.cause)
    after = replace(over, phase=Phase.LOST, tries=state.tries + 1, fault=TAKE_FAULTS[event.cause])
    return after, (Show(lasting(after)),)


@rule("the take has ended: try again soon; over or disk fault: close", Phase.CLOSING)
def lapse(state: State, event: Event) -> Step:
    """The take that was stopped because it gave nothing."""
    over = replace(state, takes=False)
    return _close_for(over, event.cause) if event.cause in (TakeEnd.FINISHED, TakeEnd.DISK_FAILED) else (over, ())


@rule("the take has ended: paused, or go on if that was asked for; disk fault: close", Phase.ASKING, Phase.CLOSING)
def hold_on(state: State, event: Event) -> Step:
    """What the camera had captured before the pause is sealed."""
    over = replace(state, takes=False)
    if event.cause is TakeEnd.DISK_FAILED:
        return _close_for(over, event.cause)
    return resume(over, event) if state.wanted else (over, ())


def _close_for(state: State, cause: TakeEnd) -> Step:
    fault = TAKE_FAULTS.get(cause, "")
    return close(replace(state, fault=fault), CloseReason.FAULT if fault else CloseReason.STOPPED)


def _retry_after_s(state: State) -> float:
    limits = state.limits
    return min(limits.retry_max_s, limits.retry_min_s * 2.0 ** min(state.tries - 1, 20))


def _is_nervous(state: State, event: Event) -> bool:
    return event.since_s - state.began_s < state.limits.settle_s


def _is_too_long(state: State, event: Event) -> bool:
    return event.at_s - state.pressed_s >= state.limits.recording_s

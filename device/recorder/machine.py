"""The recorder's law: `step(state, event)` gives the next state and the effects, for every pair of the two.

Pure and total: the one table below says for each event what it means in each phase; time is inside the event, effects
are data. It decides everything and does nothing. docs/state-machine.md is generated from the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from device.hardware.ports import Tune
from device.recorder.states import (
    Ask,
    Begin,
    Bookmark,
    Chirp,
    Close,
    Effect,
    Event,
    Exit,
    GiveUp,
    Hold,
    Kind,
    Phase,
    Report,
    Resume,
    Show,
    StartTake,
    State,
    StopTake,
    TakeEnd,
)
from protocol.manifest import CloseReason
from protocol.room import lamp as patterns
from protocol.room.lamp import LampPattern

Step = tuple[State, tuple[Effect, ...]]
SETUP_REASONS = ("no_keyring", "no_recipients", "no_policy")
STALLED = "nothing_durable"
STUCK = "button_stuck"
TAKE_FAULTS = {TakeEnd.CAMERA_FAILED: "camera_failed", TakeEnd.DISK_FAILED: "disk_failed"}
HOLD_PATTERNS = {
    Hold.KEEP: patterns.LET_GO,
    Hold.NOTHING: patterns.LET_GO_OR_HOLD_ON,
    Hold.DISCARD: patterns.DISCARD_ON_RELEASE,
}


@dataclass(frozen=True)
class Rule:
    """One entry of the table: its words for the documents, where it may lead (nowhere: it stays), and what it does."""

    words: str
    leads_to: tuple[Phase, ...]
    apply: Callable[[State, Event], Step]


def _rule(words: str, *leads_to: Phase) -> Callable[[Callable[[State, Event], Step]], Rule]:
    return lambda apply: Rule(words, leads_to, apply)


def step(state: State, event: Event) -> Step:
    """Give what `event` makes of `state`, and what is to be done in the world, in this order."""
    after, effects = TABLE[event.kind][PHASES.index(state.phase)].apply(state, event)
    if after.phase is not state.phase:
        after = replace(after, entered_s=event.at_s)
    return after, effects


def may_record(state: State) -> bool:
    """Tell whether the camera may be running in this state."""
    return state.phase in (Phase.RECORDING, Phase.STALLED, Phase.STOPPING)


@_rule("nothing")
def stay(state: State, _event: Event) -> Step:
    return state, ()


@_rule("look around", Phase.READY, Phase.INTERRUPTED, Phase.ASKING)
def boot(state: State, event: Event) -> Step:
    if event.recording:
        return replace(state, phase=Phase.ASKING, recording=event.recording), (Ask(event.recording),)
    if event.interrupted:
        return replace(state, phase=Phase.INTERRUPTED), (Show(patterns.LOOK_AT_PAGE), Report(state.unfit))
    return _rest(state)


@_rule("ask consent", Phase.ASKING, Phase.UNFIT)
def ask(state: State, event: Event) -> Step:
    if state.unfit:
        after, effects = _rest(state)
        return after, (*effects, *deny.apply(after, event)[1])
    return replace(state, phase=Phase.ASKING, wanted=False), (Ask(),)


@_rule("remember the press")
def keep(state: State, _event: Event) -> Step:
    return replace(state, wanted=True), ()


@_rule("refuse: the unit is unfit")
def deny(state: State, _event: Event) -> Step:
    return state, (Show(patterns.REFUSED),)


@_rule("allowed: make the keys", Phase.PREPARING, Phase.READY, Phase.UNFIT, Phase.CLOSING)
def allow(state: State, event: Event) -> Step:
    permit = event.permit
    if permit is None or not permit.allowed:
        return refuse.apply(state, event)
    after = replace(state, phase=Phase.PREPARING, permit=permit)
    begin = Resume(state.recording, permit) if state.recording else Begin(permit)
    return after, (Show(patterns.STARTING), begin)


@_rule("refused", Phase.READY, Phase.UNFIT, Phase.CLOSING)
def refuse(state: State, _event: Event) -> Step:
    if state.recording:
        after, effects = _close(state, CloseReason.CONSENT)
        return after, (*effects, Show(patterns.REFUSED))
    after, effects = _rest(state)
    return after, (*effects, Show(patterns.REFUSED))


@_rule("recording pattern, then the camera", Phase.RECORDING, Phase.CLOSING)
def begin(state: State, event: Event) -> Step:
    after = replace(state, recording=event.recording, pressed_s=event.since_s)
    if state.leaving:
        return _close(after, CloseReason.STOPPED)
    after = replace(after, phase=Phase.RECORDING, began_s=event.at_s, durable_s=event.at_s, camera_faults=0, sound="")
    return after, (Show(patterns.RECORDING), Chirp(Tune.START), StartTake())


@_rule("could not be begun, or gone on with", Phase.FAULT, Phase.CLOSING, Phase.OFF)
def abort(state: State, event: Event) -> Step:
    if state.recording:
        return _close(state, CloseReason.FAULT)
    return _fail(state, event.reason)


@_rule("bookmark this moment (not in the first 3 s)")
def mark(state: State, event: Event) -> Step:
    if event.since_s - state.began_s < state.limits.settle_s:
        return state, ()
    return state, (Show(patterns.BOOKMARK), Bookmark(event.since_s))


@_rule("show what letting go would mean")
def hint(state: State, event: Event) -> Step:
    if event.since_s < state.began_s:
        return state, ()
    return state, (Show(HOLD_PATTERNS[event.hold]),)


@_rule("stop and keep, stop and discard, or go on", Phase.STOPPING)
def let_go(state: State, event: Event) -> Step:
    meant = {Hold.KEEP: CloseReason.STOPPED, Hold.DISCARD: CloseReason.DISCARDED}.get(event.hold)
    if event.since_s < state.began_s or meant is None:
        return state, (Show(_running_pattern(state)),)
    return _stop(state, meant)


@_rule("stuck button: fault, a recording goes on")
def jam(state: State, _event: Event) -> Step:
    return replace(state, stuck=True), (Show(patterns.FAULT), Report(STUCK))


@_rule("the button is free again")
def free(state: State, _event: Event) -> Step:
    after = replace(state, stuck=False)
    return after, (Show(_pattern(after)), Report(after.unfit))


@_rule("remember: stuck")
def stick(state: State, _event: Event) -> Step:
    return replace(state, stuck=True), ()


@_rule("remember: free")
def loose(state: State, _event: Event) -> Step:
    return replace(state, stuck=False), ()


@_rule("sealed bytes are durable", Phase.RECORDING)
def live(state: State, event: Event) -> Step:
    after = replace(state, phase=Phase.RECORDING, durable_s=event.at_s)
    if state.phase is Phase.STALLED:
        return after, (Show(_running_pattern(after)), Report(state.unfit))
    return after, ()


@_rule("the sound is silent or too loud: warn")
def hush(state: State, event: Event) -> Step:
    after = replace(state, sound=event.reason or "silent")
    return after, (Show(_running_pattern(after)),)


@_rule("the sound is good again")
def hear(state: State, _event: Event) -> Step:
    after = replace(state, sound="")
    return after, (Show(_running_pattern(after)),)


@_rule("3 s without durable bytes, or the limit", Phase.STALLED, Phase.STOPPING)
def watch(state: State, event: Event) -> Step:
    if event.at_s - state.pressed_s >= state.limits.recording_s:
        return _stop(state, CloseReason.LIMIT)
    if event.at_s - state.durable_s >= state.limits.stale_s:
        return replace(state, phase=Phase.STALLED), (Show(patterns.FAULT), Report(STALLED))
    return state, ()


@_rule("15 s without durable bytes, or the limit", Phase.STOPPING)
def wait(state: State, event: Event) -> Step:
    if event.at_s - state.pressed_s >= state.limits.recording_s:
        return _stop(state, CloseReason.LIMIT)
    if event.at_s - state.durable_s >= state.limits.hopeless_s:
        return _stop(replace(state, fault=STALLED), CloseReason.FAULT)
    return state, ()


@_rule("30 s: it hangs", Phase.OFF)
def hang(state: State, event: Event) -> Step:
    if event.at_s - state.entered_s < state.limits.hang_s:
        return state, ()
    after = replace(state, phase=Phase.OFF)
    return after, (Show(patterns.FAULT), GiveUp(f"{state.phase.value} for {state.limits.hang_s:g} s"))


@_rule("over: keep it; camera fault: once more", Phase.RECORDING, Phase.CLOSING)
def finish(state: State, event: Event) -> Step:
    if event.cause is TakeEnd.CAMERA_FAILED and state.camera_faults < state.limits.camera_restarts:
        after = replace(state, phase=Phase.RECORDING, camera_faults=state.camera_faults + 1, sound="")
        return after, (Show(_running_pattern(after)), StartTake())
    fault = TAKE_FAULTS.get(event.cause, "")
    after, effects = _close(replace(state, fault=fault), CloseReason.FAULT if fault else CloseReason.STOPPED)
    return after, (Show(patterns.SEALING), Chirp(Tune.STOP), *effects)


@_rule("write the last line", Phase.CLOSING)
def seal(state: State, event: Event) -> Step:
    reason = state.reason or CloseReason.STOPPED
    if event.cause is TakeEnd.DISK_FAILED and reason is not CloseReason.DISCARDED:
        state, reason = replace(state, fault=TAKE_FAULTS[event.cause]), CloseReason.FAULT
    after, effects = _close(state, reason)
    return after, (Chirp(Tune.STOP), *effects)


@_rule("put away", Phase.READY, Phase.UNFIT, Phase.ASKING, Phase.FAULT, Phase.OFF)
def done(state: State, event: Event) -> Step:
    if state.wanted and not state.leaving:
        return ask.apply(_forget(state), event)
    if state.reason is CloseReason.FAULT:
        return _fail(state, state.fault or "recording_failed")
    return _rest(_forget(state))


@_rule("could not be put away", Phase.FAULT, Phase.OFF)
def botch(state: State, event: Event) -> Step:
    return _fail(state, event.reason)


@_rule("fit again", Phase.READY)
def fit(state: State, _event: Event) -> Step:
    return _rest(replace(state, unfit=""))


@_rule("unfit to record", Phase.UNFIT)
def unfit(state: State, event: Event) -> Step:
    return _rest(replace(state, unfit=event.reason or "unknown"))


@_rule("remember: fit")
def okay(state: State, _event: Event) -> Step:
    return replace(state, unfit=""), ()


@_rule("remember: unfit")
def note(state: State, event: Event) -> Step:
    return replace(state, unfit=event.reason or "unknown"), ()


@_rule("consent was withdrawn: stop", Phase.STOPPING)
def forbid(state: State, _event: Event) -> Step:
    return _stop(state, CloseReason.CONSENT)


@_rule("stop and keep, then leave", Phase.STOPPING)
def windup(state: State, _event: Event) -> Step:
    return _stop(replace(state, leaving=True), CloseReason.STOPPED)


@_rule("leave when it is put away")
def later(state: State, _event: Event) -> Step:
    return replace(state, leaving=True), ()


@_rule("leave", Phase.OFF)
def leave(state: State, _event: Event) -> Step:
    return _leave(state)


def _rest(state: State) -> Step:
    """Settle where nothing is recorded: off, unfit or ready."""
    if state.leaving:
        return _leave(state)
    after = replace(state, phase=Phase.UNFIT if state.unfit else Phase.READY)
    return after, (Show(_pattern(after)), Report(state.unfit))


def _fail(state: State, reason: str) -> Step:
    if state.leaving:
        return _leave(state)
    after = replace(_forget(state), phase=Phase.FAULT)
    return after, (Show(patterns.FAULT), Report(reason))


def _leave(state: State) -> Step:
    return replace(_forget(state), phase=Phase.OFF), (Show(patterns.DARK), Exit())


def _stop(state: State, reason: CloseReason) -> Step:
    """The lamp goes on saying that it records until the camera has stopped."""
    return replace(state, phase=Phase.STOPPING, reason=reason), (StopTake(), Show(patterns.SEALING))


def _close(state: State, reason: CloseReason) -> Step:
    return replace(state, phase=Phase.CLOSING, reason=reason), (Close(state.recording, reason),)


def _forget(state: State) -> State:
    return replace(state, recording="", permit=None, reason=None, wanted=False, fault="")


def _running_pattern(state: State) -> LampPattern:
    """A fault beats a warning about the sound, and that beats all being well."""
    if state.stuck or state.phase is Phase.STALLED:
        return patterns.FAULT
    return patterns.SOUND_WARNING if state.sound else patterns.RECORDING


def _pattern(state: State) -> LampPattern:
    """Give the lasting pattern of a state."""
    if state.phase in (Phase.RECORDING, Phase.STALLED):
        return _running_pattern(state)
    if state.phase is Phase.UNFIT:
        return patterns.NOT_SET_UP if state.unfit in SETUP_REASONS else patterns.FAULT
    if state.phase is Phase.INTERRUPTED:
        return patterns.LOOK_AT_PAGE
    return patterns.FAULT if state.stuck or state.phase is Phase.FAULT else patterns.READY


PHASES = tuple(Phase)
____ = stay

# One row an event, one column a phase: the whole law. `____` means that the event changes nothing there.
# fmt: off
TABLE: dict[Kind, tuple[Rule, ...]] = {
    #                 BOOT    READY   INTERR  UNFIT   ASK     PREPAR  RECORD  STALL   STOP    CLOSE   FAULT   OFF
    Kind.BOOTED:     (boot,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____),
    Kind.PRESS:      (____,   ask,    ask,    deny,   ____,   ____,   ____,   ____,   keep,   keep,   ask,    ____),
    Kind.TAP:        (____,   ____,   ____,   ____,   ____,   ____,   mark,   mark,   ____,   ____,   ____,   ____),
    Kind.HOLDING:    (____,   ____,   ____,   ____,   ____,   ____,   hint,   hint,   ____,   ____,   ____,   ____),
    Kind.RELEASED:   (____,   ____,   ____,   ____,   ____,   ____,   let_go, let_go, ____,   ____,   ____,   ____),
    Kind.STUCK:      (stick,  jam,    jam,    jam,    stick,  stick,  jam,    jam,    stick,  stick,  jam,    ____),
    Kind.FREED:      (loose,  free,   free,   free,   loose,  loose,  free,   free,   loose,  loose,  free,   ____),
    Kind.ALLOWED:    (____,   ____,   ____,   ____,   allow,  ____,   ____,   ____,   ____,   ____,   ____,   ____),
    Kind.REFUSED:    (____,   ____,   ____,   ____,   refuse, ____,   ____,   ____,   ____,   ____,   ____,   ____),
    Kind.BEGUN:      (____,   ____,   ____,   ____,   ____,   begin,  ____,   ____,   ____,   ____,   ____,   ____),
    Kind.NOT_BEGUN:  (____,   ____,   ____,   ____,   ____,   abort,  ____,   ____,   ____,   ____,   ____,   ____),
    Kind.DURABLE:    (____,   ____,   ____,   ____,   ____,   ____,   live,   live,   ____,   ____,   ____,   ____),
    Kind.SOUND_BAD:  (____,   ____,   ____,   ____,   ____,   ____,   hush,   hush,   ____,   ____,   ____,   ____),
    Kind.SOUND_GOOD: (____,   ____,   ____,   ____,   ____,   ____,   hear,   hear,   ____,   ____,   ____,   ____),
    Kind.TAKE_ENDED: (____,   ____,   ____,   ____,   ____,   ____,   finish, finish, seal,   ____,   ____,   ____),
    Kind.CLOSED:     (____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   done,   ____,   ____),
    Kind.NOT_CLOSED: (____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   ____,   botch,  ____,   ____),
    Kind.FIT:        (okay,   ____,   ____,   fit,    okay,   okay,   okay,   okay,   okay,   okay,   okay,   ____),
    Kind.UNFIT:      (note,   unfit,  unfit,  unfit,  note,   note,   note,   note,   note,   note,   note,   ____),
    Kind.FORBIDDEN:  (____,   ____,   ____,   ____,   ____,   ____,   forbid, forbid, ____,   ____,   ____,   ____),
    Kind.TERMINATE:  (leave,  leave,  leave,  leave,  leave,  later,  windup, windup, later,  later,  leave,  ____),
    Kind.TICK:       (____,   ____,   ____,   ____,   hang,   hang,   watch,  wait,   hang,   hang,   ____,   ____),
}
# fmt: on

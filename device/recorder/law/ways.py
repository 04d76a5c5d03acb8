"""The ways that rules share: come to rest, fail, leave, end a recording; and which lasting pattern a state shows.

Pure. Every way gives the next state and what is to be done for it, in this order.
"""

from __future__ import annotations

from dataclasses import replace

from device.hardware.ports import Tune
from device.recorder.effects import Chirp, Close, Exit, GiveUp, Show, StopTake
from device.recorder.law.rule import Step
from device.recorder.states import Phase, State
from protocol.manifest import CloseReason
from protocol.room import lamp as patterns
from protocol.room.lamp import LampPattern

UNSAID = "unknown"
"""Of a failure that came without its reason: whoever is told must see that there was one."""
SETUP_REASONS = ("no_keyring", "no_recipients", "no_policy", "unit_retired")
_LASTING = {
    Phase.INTERRUPTED: patterns.LOOK_AT_PAGE,
    Phase.SEATS: patterns.CHECK_SEATS,
    Phase.PAUSED: patterns.PAUSED,
    Phase.LOST: patterns.FAULT,
    Phase.STALLED: patterns.FAULT,
    Phase.FAULT: patterns.FAULT,
}


def lasting(state: State) -> LampPattern:
    """Give the lasting pattern of a state; a fault beats a warning about the sound, and that beats all being well."""
    if state.phase is Phase.UNFIT and state.unfit in SETUP_REASONS:
        return patterns.NOT_SET_UP
    if state.stuck or state.phase is Phase.UNFIT:
        return patterns.FAULT
    if state.phase is Phase.RECORDING:
        return patterns.SOUND_WARNING if state.sound else patterns.RECORDING
    return _LASTING.get(state.phase, patterns.READY)


def rest(state: State) -> Step:
    """Settle where nothing is recorded: off, unfit, ready, or asking for the press that has not come yet."""
    if state.leaving:
        return leave(state)
    settled = Phase.INTERRUPTED if state.unanswered else Phase.READY
    after = replace(forget(state), phase=Phase.UNFIT if state.unfit else settled)
    return after, (Show(lasting(after)),)


def fail(state: State, reason: str) -> Step:
    """Settle with a fault at the lamp, which stays until the next press; a restart in between does not forget it."""
    told = replace(state, unanswered=True)
    if state.leaving:
        return leave(told)
    return replace(forget(told), phase=Phase.FAULT, fault=reason or UNSAID), (Show(patterns.FAULT),)


def leave(state: State) -> Step:
    """End the process in order; nothing is being recorded."""
    return replace(forget(state), phase=Phase.OFF), (Show(patterns.DARK), Exit())


def end(state: State, reason: CloseReason) -> Step:
    """End the recording: first the take, if there is one; the lamp says so when the camera has stopped."""
    over = replace(state, reason=reason, wanted=False)
    if not state.takes:
        return close(over, reason)
    return replace(over, phase=Phase.STOPPING), (StopTake(), Show(patterns.SEALING))


def close(state: State, reason: CloseReason) -> Step:
    """Write the recording's last line; no take is there any more."""
    after = replace(state, phase=Phase.CLOSING, reason=reason)
    shown = patterns.STARTING if state.wanted else patterns.SEALING
    return after, (Show(shown), Chirp(Tune.STOP), Close(state.recording, reason))


def give_up_after(state: State, waited_s: float) -> Step:
    """End the process as failed when something has not answered for too long: a restart frees and recovers.

    What is remembered is the phase that hung: the restart finds the recording as a kill in that phase would leave it.
    """
    if waited_s < state.limits.hang_s:
        return state, ()
    reason = f"{state.phase.value} for {state.limits.hang_s:g} s"
    return replace(state, phase=Phase.OFF, gave_up=state.phase), (Show(patterns.FAULT), GiveUp(reason))


def forget(state: State) -> State:
    """Know of no recording any more."""
    return replace(
        state, recording="", permit=None, reason=None, wanted=False, fault="", takes=False, paused=False, sound=""
    )

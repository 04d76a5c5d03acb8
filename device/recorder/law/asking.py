"""The rules from a press to a running camera: consent, the check of the seats, keys, the first take. Pure."""

from __future__ import annotations

from dataclasses import replace

from device.hardware.ports import Tune
from device.recorder.effects import Ask, Begin, Chirp, Note, Resume, Show, StartTake
from device.recorder.law.rule import Step, rule
from device.recorder.law.ways import close, fail, lasting, rest
from device.recorder.states import Event, Hold, Kind, Phase, State
from protocol.manifest import CloseReason, EventName
from protocol.room import lamp as patterns


@rule("look around", Phase.READY, Phase.UNFIT, Phase.INTERRUPTED, Phase.ASKING, Phase.PAUSED)
def boot(state: State, event: Event) -> Step:
    """A recording goes on after a restart of the process, paused when it was; else the lamp says how the unit is."""
    state = replace(state, unanswered=event.interrupted)
    if event.recording and event.paused:
        after = replace(state, phase=Phase.PAUSED, recording=event.recording, paused=True)
        after = replace(after, pressed_s=event.since_s, paused_s=event.paused_s, heard_s=event.at_s)
        return after, (Show(patterns.PAUSED),)
    if event.recording:
        return replace(state, phase=Phase.ASKING, recording=event.recording), (Ask(event.recording),)
    if event.interrupted:
        return replace(state, phase=Phase.INTERRUPTED), (Show(patterns.LOOK_AT_PAGE),)
    return rest(state)


@rule("ask consent", Phase.ASKING, Phase.UNFIT)
def ask(state: State, event: Event) -> Step:
    """Consent is asked before every press, unless the unit could not record anyway; what asked for one is answered."""
    state = replace(state, unanswered=False, fault="")
    if state.unfit:
        after, effects = rest(state)
        return after, (*effects, *deny(after, event)[1])
    asked_s = event.since_s if event.kind is Kind.PRESS else state.asked_s
    return replace(state, phase=Phase.ASKING, wanted=False, asked_s=asked_s), (Ask(),)


@rule("refuse: the unit is unfit")
def deny(state: State, _event: Event) -> Step:
    """Answer the hand."""
    return state, (Show(patterns.REFUSED),)


@rule("allowed: make the keys", Phase.PREPARING, Phase.READY, Phase.UNFIT, Phase.CLOSING, Phase.OFF)
def allow(state: State, event: Event) -> Step:
    """Only a permit that says so allows."""
    permit = event.permit
    if permit is None or not permit.allowed:
        return refuse(state, event)
    after = replace(state, phase=Phase.PREPARING, permit=permit)
    begin = Resume(state.recording, permit) if state.recording else Begin(permit)
    return after, (Show(patterns.STARTING), begin)


@rule("refused", Phase.READY, Phase.UNFIT, Phase.CLOSING, Phase.OFF)
def refuse(state: State, _event: Event) -> Step:
    """A recording that may not go on is kept and closed."""
    after, effects = close(state, CloseReason.CONSENT) if state.recording else rest(state)
    return after, (*effects, Show(patterns.REFUSED)) if after.phase is not Phase.OFF else effects


@rule("seats must be checked first", Phase.SEATS, Phase.READY, Phase.UNFIT, Phase.CLOSING, Phase.OFF)
def require_seats(state: State, event: Event) -> Step:
    """Wait for a hand that says so; a recording for which nobody did cannot go on."""
    if state.recording or state.leaving or event.permit is None:
        return refuse(state, event)
    after = replace(state, phase=Phase.SEATS, permit=event.permit)
    return after, (Show(lasting(after)),)


@rule("at 2 s: let go to say that the seats are checked")
def hint_seats(state: State, event: Event) -> Step:
    """Only a hold that is not older than the press which asked counts."""
    if event.since_s < state.asked_s:
        return state, ()
    return state, (Show(patterns.SEATS_CHECKED if event.hold is Hold.KEEP else lasting(state)),)


@rule("held 2 to 5 s: the seats are checked, ask again", Phase.ASKING)
def confirm(state: State, event: Event) -> Step:
    """What is confirmed is the number of seats that the decision named; the snapshot may be a newer one by now."""
    if event.since_s < state.asked_s or event.hold is not Hold.KEEP or state.permit is None:
        return state, (Show(lasting(state)),)
    checked = state.permit.seats
    return replace(state, phase=Phase.ASKING, permit=None), (Ask(checked=checked),)


@rule("60 s: nobody said so", Phase.READY)
def give_up_seats(state: State, event: Event) -> Step:
    """The question does not wait for whoever comes next."""
    return rest(state) if event.at_s - state.entered_s >= state.limits.seats_s else (state, ())


@rule("recording pattern, then the camera", Phase.RECORDING, Phase.CLOSING)
def begin(state: State, event: Event) -> Step:
    """The recording begins, or goes on."""
    after = replace(state, recording=event.recording, pressed_s=event.since_s)
    if state.leaving:
        return close(after, CloseReason.STOPPED)
    went_on = (Note(EventName.RESUME, event.at_s),) if state.paused else ()
    after = replace(after, phase=Phase.RECORDING, began_s=event.at_s, durable_s=event.at_s)
    after = replace(after, takes=True, tries=0, paused=False, sound="", fault="")
    return after, (Show(lasting(after)), Chirp(Tune.START), StartTake(), *went_on)


@rule("could not be begun, or gone on with", Phase.FAULT, Phase.CLOSING, Phase.OFF)
def abort(state: State, event: Event) -> Step:
    """What was recorded before is kept."""
    if state.recording:
        return close(replace(state, fault=event.reason), CloseReason.FAULT)
    return fail(state, event.reason)

"""The rules about the unit itself: fit or unfit to record, a button that is stuck, a unit that is looked for. Pure."""

from __future__ import annotations

from dataclasses import replace

from device.recorder.effects import Show
from device.recorder.law.rule import Step, rule
from device.recorder.law.ways import UNSAID, lasting, rest
from device.recorder.states import Event, Phase, State
from protocol.room import lamp as patterns

STUCK = "button_stuck"


@rule("fit again", Phase.READY, Phase.INTERRUPTED)
def fit(state: State, _event: Event) -> Step:
    """Nothing keeps a press from recording any more."""
    return rest(replace(state, unfit=""))


@rule("unfit to record", Phase.UNFIT)
def unfit(state: State, event: Event) -> Step:
    """A press could not record now."""
    return rest(replace(state, unfit=event.reason or UNSAID))


@rule("remember: fit")
def okay(state: State, _event: Event) -> Step:
    """It matters when this is over."""
    return replace(state, unfit=""), ()


@rule("remember: unfit")
def note(state: State, event: Event) -> Step:
    """It matters when this is over."""
    return replace(state, unfit=event.reason or UNSAID), ()


@rule("stuck button: fault, a recording goes on")
def jam(state: State, _event: Event) -> Step:
    """Held over ten seconds, or a pin that cannot be read."""
    return replace(state, stuck=True), (Show(patterns.FAULT),)


@rule("the button is free again")
def free(state: State, _event: Event) -> Step:
    """Show again what there is to show."""
    after = replace(state, stuck=False)
    return after, (Show(lasting(after)),)


@rule("remember: stuck")
def stick(state: State, _event: Event) -> Step:
    """It is shown when this is over."""
    return replace(state, stuck=True), ()


@rule("remember: free")
def loose(state: State, _event: Event) -> Step:
    """Nothing is shown of it."""
    return replace(state, stuck=False), ()


@rule("blink for ten seconds: IT looks for this unit")
def blink(state: State, _event: Event) -> Step:
    """A passing pattern: a press that comes meanwhile is answered at once, and what lasts comes back after it."""
    return state, (Show(patterns.IDENTIFY),)

"""The recorder's law: `step(state, event)` gives the next state and the effects, for every pair of the two.

Pure and total: the one table below names for each phase the rules of the events that mean something in it; every other
event changes nothing there. Time is inside the event, effects are data. It decides everything and does nothing. What a
rule does stands in device/recorder/law; docs/state-machine.md is generated from the table.
"""

from __future__ import annotations

from dataclasses import replace

from device.recorder.effects import Report
from device.recorder.law.asking import (
    abort,
    allow,
    ask,
    begin,
    boot,
    confirm,
    deny,
    give_up_seats,
    hint_seats,
    refuse,
    require_seats,
)
from device.recorder.law.condition import blink, fit, free, jam, loose, note, okay, stick, unfit
from device.recorder.law.ending import botch, done, forbid, go, hang, keep, later, ring, seal, wind_up
from device.recorder.law.rule import Rule, Step, stay
from device.recorder.law.running import (
    finish,
    hear,
    hint,
    hold_on,
    hush,
    lapse,
    let_go,
    live,
    mark,
    pause,
    remind,
    resume,
    try_again,
    wait,
    watch,
)
from device.recorder.law.told import reasons
from device.recorder.states import Event, Kind, Phase, State

Rules = dict[Kind, Rule]

REMEMBERED: Rules = {Kind.FIT: okay, Kind.UNFIT: note, Kind.STUCK: stick, Kind.FREED: loose}
AT_REST: Rules = {
    Kind.PRESS: ask,
    Kind.STUCK: jam,
    Kind.FREED: free,
    Kind.UNFIT: unfit,
    Kind.IDENTIFY: blink,
    Kind.TERMINATE: go,
}
LIVING: Rules = {
    Kind.HOLDING: hint,
    Kind.RELEASED: let_go,
    Kind.STUCK: jam,
    Kind.FREED: free,
    Kind.FIT: okay,
    Kind.UNFIT: note,
    Kind.FORBIDDEN: forbid,
    Kind.BELL: ring,
    Kind.TERMINATE: wind_up,
}
ROLLING: Rules = LIVING | {
    Kind.TAP: mark,
    Kind.DOUBLE_TAP: pause,
    Kind.DURABLE: live,
    Kind.SOUND_BAD: hush,
    Kind.SOUND_GOOD: hear,
    Kind.TAKE_ENDED: finish,
}

TABLE: dict[Phase, Rules] = {
    Phase.BOOTING: REMEMBERED | {Kind.BOOTED: boot, Kind.TERMINATE: go},
    # nothing is recorded
    Phase.READY: AT_REST,
    Phase.INTERRUPTED: AT_REST,
    Phase.FAULT: AT_REST | {Kind.FIT: okay, Kind.UNFIT: note},
    Phase.UNFIT: AT_REST | {Kind.PRESS: deny, Kind.FIT: fit},
    # a press is being answered
    Phase.ASKING: REMEMBERED
    | {
        Kind.ALLOWED: allow,
        Kind.UNCHECKED: require_seats,
        Kind.REFUSED: refuse,
        Kind.TICK: hang,
        Kind.TERMINATE: wind_up,
    },
    Phase.SEATS: {
        Kind.HOLDING: hint_seats,
        Kind.RELEASED: confirm,
        Kind.STUCK: jam,
        Kind.FREED: free,
        Kind.FIT: okay,
        Kind.UNFIT: unfit,
        Kind.TICK: give_up_seats,
        Kind.TERMINATE: go,
    },
    Phase.PREPARING: REMEMBERED | {Kind.BEGUN: begin, Kind.NOT_BEGUN: abort, Kind.TICK: hang, Kind.TERMINATE: later},
    # a recording lives
    Phase.RECORDING: ROLLING | {Kind.TICK: watch},
    Phase.STALLED: ROLLING | {Kind.TICK: wait},
    Phase.LOST: LIVING | {Kind.DOUBLE_TAP: pause, Kind.TAKE_ENDED: lapse, Kind.TICK: try_again},
    Phase.PAUSED: LIVING | {Kind.TAP: resume, Kind.DOUBLE_TAP: resume, Kind.TAKE_ENDED: hold_on, Kind.TICK: remind},
    # it is put away
    Phase.STOPPING: REMEMBERED | {Kind.PRESS: keep, Kind.TAKE_ENDED: seal, Kind.TICK: hang, Kind.TERMINATE: later},
    Phase.CLOSING: REMEMBERED
    | {Kind.PRESS: keep, Kind.CLOSED: done, Kind.NOT_CLOSED: botch, Kind.TICK: hang, Kind.TERMINATE: later},
    Phase.OFF: {},
}


def rule_at(phase: Phase, kind: Kind) -> Rule:
    """Give the rule of an event in a phase; `stay` where the table names none."""
    return TABLE[phase].get(kind, stay)


def step(state: State, event: Event) -> Step:
    """Give what `event` makes of `state`, and what is to be done in the world, in this order."""
    after, effects = rule_at(state.phase, event.kind)(state, event)
    if after.phase is not state.phase:
        after = replace(after, entered_s=event.at_s)
    told = reasons(after)
    if told != reasons(state) and after.phase is not Phase.OFF:
        effects = (*effects, Report(told))
    return after, effects

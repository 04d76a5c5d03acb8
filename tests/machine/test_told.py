"""What the recorder can report, by its law and the codes of its rooms, and what of that leaves the unit at once."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given

import device.recorder
from device.health.report import MEANINGS
from device.masking.veil import IMPOSSIBLE
from device.recorder.effects import Report
from device.recorder.fitness import SPOOL_DAMAGED, TAIL_RECOVERED
from device.recorder.machine import step
from device.recorder.permission import MASK_CHANGED
from device.recorder.states import Event, Kind, Phase, State, TakeEnd
from tests.machine.walks import ALLOWED, BOOT, LAW, TO_RECORDING, World, walks

CODE = re.compile(r"[a-z]+(_[a-z]+)+")
AT_REST = {
    "unit_retired",
    "no_keyring",
    "no_recipients",
    "no_policy",
    "card_read_only",
    "spool_not_writable",
    "button_stuck",
}
"""What is as true of a unit that never records, and so may be told the moment it is so."""
BESIDE_THE_REASON = {SPOOL_DAMAGED, TAIL_RECOVERED, MASK_CHANGED, IMPOSSIBLE}  # the latter refuse a press alone
STEPS = 3


def _events(recording: str) -> list[Event]:
    """Everything that can happen, long after the last thing did; what comes with a reason comes without one here."""
    return [
        Event(kind=kind, at_s=100.0, permit=ALLOWED, recording=recording, cause=cause)
        for kind in Kind
        for cause in (TakeEnd if kind is Kind.TAKE_ENDED else (TakeEnd.STOPPED,))
    ]


def _reported(begun: Iterable[State], events: list[Event]) -> set[str]:
    """Give what the law reports by itself within some steps from these states."""
    reported: set[str] = set()
    states = set(begun)
    for _ in range(STEPS):
        steps = [step(state, event) for state in states for event in events]
        told = [effect.reasons for _, effects in steps for effect in effects if isinstance(effect, Report)]
        reported |= {code for reasons in told for code in reasons}
        states = {after for after, _ in steps}
    return reported - {"unknown"}


def _reported_of_recordings() -> set[str]:
    living = [State(phase=phase, recording="recording-1", permit=ALLOWED, takes=True) for phase in Phase]
    return _reported(living, _events("recording-1"))


def _reported_at_rest() -> set[str]:
    """The same of a unit that nobody presses: no event of a recording comes."""
    calm = {Kind.BOOTED, Kind.FIT, Kind.UNFIT, Kind.STUCK, Kind.FREED, Kind.TICK}
    return _reported([State()], [event for event in _events("") if event.kind in calm])


def _codes_of_the_rooms() -> set[str]:
    """Every code that a module of the recorder names: what comes into the law from outside with an event."""
    found = pkgutil.walk_packages(device.recorder.__path__, "device.recorder.")
    modules = [importlib.import_module(each.name) for each in found]
    named = (value for module in modules for name, value in vars(module).items() if name.isupper())
    return {value for value in named if type(value) is str and CODE.fullmatch(value)} - BESIDE_THE_REASON


def test_the_law_reports_what_fails_in_a_recording() -> None:
    """The search is not empty-handed: it finds the faults of camera, card and watch, and the button at rest."""
    assert {"camera_failed", "disk_failed", "nothing_durable", "recording_failed"} < _reported_of_recordings()
    assert _reported_at_rest() == {"button_stuck"}
    assert {"disk_full", "spool_failed", "no_policy", "no_recipients"} < _codes_of_the_rooms()


def test_nothing_that_is_told_at_once_depends_on_a_recording() -> None:
    """P7: what the recorder says and a unit at rest cannot say waits for the next school day, a new code too."""
    everything = _reported_of_recordings() | _reported_at_rest() | _codes_of_the_rooms()
    assert everything - set(MEANINGS) == set()
    at_once = {code for code in everything if not MEANINGS[code].revealing}
    assert at_once == AT_REST
    assert at_once & (_reported_of_recordings() - _reported_at_rest()) == set()


@LAW
@given(walks)
@example([*TO_RECORDING[1:], Event(kind=Kind.TAKE_ENDED, at_s=1.0), Event(kind=Kind.NOT_CLOSED, at_s=1.0)])
def test_no_reason_hides_another(walk: list[Event]) -> None:
    """What was reported last names every thing that stands in the way of the next press, however they came."""
    world, told = World(), tuple[str, ...]()
    for event in (BOOT, *walk):
        world.take(event)
        for effect in world.last:
            told = effect.reasons if isinstance(effect, Report) else told
        state = world.state
        if state.phase is not Phase.OFF:
            assert {state.unfit, "button_stuck" if state.stuck else ""} - {""} <= set(told)
            assert bool(told) or state.phase not in (Phase.FAULT, Phase.UNFIT)


def test_fault_at_the_lamp_and_a_missing_permission_are_both_told() -> None:
    """A fault that nobody has answered hides neither a policy that is gone nor a stuck button; a press answers it."""
    state = State(phase=Phase.PREPARING)
    told = []
    for kind, reason in (
        (Kind.NOT_BEGUN, "spool_failed"),
        (Kind.UNFIT, "no_policy"),
        (Kind.STUCK, ""),
        (Kind.FREED, ""),
        (Kind.PRESS, ""),
        (Kind.FIT, ""),
    ):
        state, effects = step(state, Event(kind=kind, at_s=1.0, reason=reason))
        told += [effect.reasons for effect in effects if isinstance(effect, Report)]
    assert told == [
        ("spool_failed",),
        ("spool_failed", "no_policy"),
        ("spool_failed", "button_stuck", "no_policy"),
        ("spool_failed", "no_policy"),
        ("no_policy",),
        (),
    ]


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.OFF])
def test_what_is_true_at_rest_is_told_in_every_phase_at_once(phase: Phase) -> None:
    """P7: a permission that runs out in mid-lesson is told then, for a delay would tell when the lesson ended."""
    state = State(phase=phase, recording="recording-1", permit=ALLOWED, takes=True)
    _, effects = step(state, Event(kind=Kind.UNFIT, at_s=1.0, reason="no_policy"))
    (told,) = [effect.reasons for effect in effects if isinstance(effect, Report)]
    assert told[-1] == "no_policy"

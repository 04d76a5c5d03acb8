"""The table itself: whole, honest about where its rules lead, and drawn as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from device.recorder.diagram import render
from device.recorder.law.rule import stay
from device.recorder.machine import TABLE, rule_at, step
from device.recorder.recovery import BOOT_TABLE, Fate, plan_boot
from device.recorder.states import Checkpoint, Event, Kind, Phase, State
from protocol.manifest import CloseReason
from tests.fakes.clock import BEGAN_AT
from tests.machine.walks import ALLOWED, LAW, World, happenings, walks

PAGE = Path(__file__).parents[2] / "docs" / "state-machine.md"
DISCARDED = CloseReason.DISCARDED


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("phase", Phase)
def test_every_pair_of_phase_and_event_has_a_rule(phase: Phase, kind: Kind) -> None:
    """The machine is total: each of the pairs gives a state and effects, and leads only where its rule says."""
    state = State(phase=phase, recording="recording-1", permit=ALLOWED)
    event = Event(kind=kind, at_s=100.0, permit=ALLOWED, recording="recording-2")
    after, effects = step(state, event)
    rule = rule_at(phase, kind)
    assert after.phase is phase or after.phase in rule.leads_to
    assert isinstance(effects, tuple)


@LAW
@given(walks, happenings)
def test_rules_lead_only_where_they_say(walk: list[Event], last: Event) -> None:
    """What the diagram is drawn from is what happens, on every path."""
    world = World()
    for event in (Event(kind=Kind.BOOTED, at_s=0.0), *walk, last):
        before = world.state.phase
        world.take(event)
        after = world.state.phase
        assert after is before or after in rule_at(before, event.kind).leads_to


def test_table_names_each_phase_and_gives_each_event_a_meaning_somewhere() -> None:
    """One literal, no phase left out, no event that nobody listens to, and no rule that does nothing."""
    assert set(TABLE) == set(Phase)
    assert {kind for rules in TABLE.values() for kind in rules} == set(Kind)
    assert stay not in {rule for rules in TABLE.values() for rule in rules.values()}


def test_nothing_waits_without_end() -> None:
    """Every phase that waits for an answer, for a hand or for a camera listens to the clock."""
    at_rest = {Phase.BOOTING, Phase.READY, Phase.INTERRUPTED, Phase.UNFIT, Phase.FAULT, Phase.OFF}
    assert {phase for phase in Phase if Kind.TICK not in TABLE[phase]} == at_rest


def test_page_is_the_one_that_the_tables_draw() -> None:
    """docs/state-machine.md is current: `python -m device.recorder.diagram > docs/state-machine.md`."""
    assert PAGE.read_text("utf-8") == render()


def _checkpoint(phase: Phase, *, reason: CloseReason | None = None) -> Checkpoint:
    return Checkpoint(phase=phase, boot="boot-1", wall_at=BEGAN_AT, recording="recording-1", reason=reason)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_boot_table_knows_every_phase(phase: Phase, boot: str) -> None:
    """Whatever the journal's last phase, an open recording either goes on or gets its last line."""
    plan = plan_boot(_checkpoint(phase), boot=boot, open_recordings=("recording-1",))
    assert (plan.resume == "recording-1") != (plan.close != ())


@pytest.mark.parametrize("phase", Phase)
def test_no_recording_goes_on_after_another_boot(phase: Phase) -> None:
    """After a power cut nothing is captured without a press: only a restart of the process goes on by itself."""
    assert BOOT_TABLE[phase][1] is not Fate.RESUME


def test_stop_that_was_cut_off_keeps_its_reason() -> None:
    """A discard that a power cut interrupted is a discard afterwards, and asks for no press."""
    plan = plan_boot(_checkpoint(Phase.STOPPING, reason=DISCARDED), boot="boot-2", open_recordings=("recording-1",))
    assert plan.close == (("recording-1", DISCARDED),)
    assert not plan.interrupted


def test_recording_that_the_journal_does_not_know_is_interrupted() -> None:
    """At most the journal's own recording goes on; every other open one is closed as interrupted."""
    plan = plan_boot(_checkpoint(Phase.RECORDING), boot="boot-1", open_recordings=("recording-0", "recording-1"))
    assert plan.resume == "recording-1"
    assert plan.close == (("recording-0", CloseReason.INTERRUPTED),)


def test_without_a_journal_every_open_recording_is_interrupted() -> None:
    """A journal that is missing or unreadable never makes a camera run."""
    plan = plan_boot(None, boot="boot-1", open_recordings=("recording-1",))
    assert plan.resume == ""
    assert plan.interrupted

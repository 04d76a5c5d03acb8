"""The table itself: whole, honest about where its rules lead, and drawn as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from device.recorder.diagram import render
from device.recorder.law.rule import stay
from device.recorder.machine import TABLE, rule_at, step
from device.recorder.recovery import BOOT_TABLE, BootPlan, Fate, checkpoint_of, plan_boot
from device.recorder.states import Checkpoint, Event, Kind, Phase, State
from protocol.manifest import CloseReason
from protocol.room import lamp as patterns
from tests.fakes.clock import BEGAN_AT
from tests.machine.walks import ALLOWED, BOOT, LAW, World, happenings, walks

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


def _start(world: World, boot: str, *, open_recordings: tuple[str, ...] = ()) -> World:
    """Start again with what the journal kept of `world`."""
    checkpoint = checkpoint_of(world.state, boot="boot-1", wall_at=BEGAN_AT)
    plan = plan_boot(checkpoint, boot=boot, open_recordings=open_recordings)
    again = World()
    again.take(Event(kind=Kind.BOOTED, at_s=0.0, recording=plan.resume, interrupted=plan.interrupted))
    return again


CUT = Event(kind=Kind.BOOTED, at_s=0.0, interrupted=True)
NOTHING_HAPPENED: tuple[Event, ...] = ()
SHUT_DOWN = (Event(kind=Kind.TERMINATE, at_s=1.0),)
UNFIT = (Event(kind=Kind.UNFIT, at_s=1.0, reason="disk_full"),)
UNFIT_AND_FIT = (*UNFIT, Event(kind=Kind.FIT, at_s=1.0))


@pytest.mark.parametrize("meanwhile", [NOTHING_HAPPENED, SHUT_DOWN, UNFIT, UNFIT_AND_FIT, (*UNFIT, *SHUT_DOWN)])
@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_lamp_asks_for_a_press_until_there_is_one(boot: str, meanwhile: tuple[Event, ...]) -> None:
    """After a power cut every start says so again, however often the unit was shut down, cut off or unfit."""
    world = World()
    world.follow((CUT, *meanwhile))
    again = _start(world, boot)
    assert again.lamp == patterns.LOOK_AT_PAGE
    once_more = _start(again, "boot-3")
    assert once_more.lamp == patterns.LOOK_AT_PAGE
    once_more.take(Event(kind=Kind.PRESS, at_s=1.0, since_s=0.1))
    assert _start(once_more, boot).lamp == patterns.READY


def test_unit_that_is_fit_again_still_asks_for_the_press() -> None:
    """A card that was full for a while does not answer for the teacher."""
    world = World()
    world.follow((CUT, *UNFIT_AND_FIT))
    assert (world.state.phase, world.lamp) == (Phase.INTERRUPTED, patterns.LOOK_AT_PAGE)


def test_fault_that_nobody_has_seen_outlasts_a_restart() -> None:
    """What stays at the lamp until the next press is not forgotten by a shutdown in between."""
    world = World()
    refused = Event(kind=Kind.NOT_BEGUN, at_s=0.1, reason="spool_failed")
    press = Event(kind=Kind.PRESS, at_s=1.0, since_s=0.1)
    world.follow((BOOT, press, Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED), refused, *SHUT_DOWN))
    assert _start(world, "boot-2").lamp == patterns.LOOK_AT_PAGE


def test_start_that_was_cut_before_it_could_ask_asks_at_the_next() -> None:
    """The recording was closed and the checkpoint not written yet: the journal's recording is no longer open."""
    plan = plan_boot(_checkpoint(Phase.RECORDING), boot="boot-2", open_recordings=())
    assert plan == BootPlan(interrupted=True)


def test_stop_that_was_cut_after_its_last_line_asks_for_nothing() -> None:
    """A recording that was put away as it should be is no power cut's."""
    assert plan_boot(_checkpoint(Phase.CLOSING, reason=DISCARDED), boot="boot-2", open_recordings=()) == BootPlan()


HANGING = {
    Phase.ASKING: Fate.RESUME,
    Phase.PREPARING: Fate.RESUME,
    Phase.LOST: Fate.RESUME,
    Phase.PAUSED: Fate.PAUSE,
    Phase.STOPPING: Fate.COMPLETE,
    Phase.CLOSING: Fate.COMPLETE,
}


@pytest.mark.parametrize("phase", HANGING)
def test_giving_up_leaves_what_a_kill_would_have_left(phase: Phase) -> None:
    """A restart recovers the recording of a process that gave up waiting: it goes on, stays paused, or is put away."""
    fate = HANGING[phase]
    reason = DISCARDED if fate is Fate.COMPLETE else None
    hung = State(phase=phase, recording="recording-1", takes=True, reason=reason)
    after, _ = step(hung, Event(kind=Kind.TICK, at_s=31.0))
    assert after.phase is Phase.OFF
    checkpoint = checkpoint_of(after, boot="boot-1", wall_at=BEGAN_AT)
    plan = plan_boot(checkpoint, boot="boot-1", open_recordings=("recording-1",))
    closed = (("recording-1", DISCARDED),)
    assert (
        plan
        == {
            Fate.RESUME: BootPlan(resume="recording-1"),
            Fate.PAUSE: BootPlan(resume="recording-1", paused=True),
            Fate.COMPLETE: BootPlan(close=closed),
        }[fate]
    )


@LAW
@given(walks)
def test_orderly_leave_knows_of_no_recording(walk: list[Event]) -> None:
    """Only giving up leaves a recording behind, and then the checkpoint names the phase that hung."""
    world = World()
    world.follow((BOOT, *walk))
    checkpoint = checkpoint_of(world.state, boot="boot-1", wall_at=BEGAN_AT)
    assert checkpoint.phase is not Phase.OFF or checkpoint.recording is None


@pytest.mark.parametrize("phase", [Phase.RECORDING, Phase.PAUSED])
def test_recording_that_the_disk_refuses_does_not_go_on(phase: Phase) -> None:
    """What could not be brought into order is closed as soon as the disk lets it be, and the lamp asks."""
    plan = plan_boot(_checkpoint(phase), boot="boot-1", open_recordings=(), refused=("recording-1",))
    assert plan == BootPlan(close=(("recording-1", CloseReason.INTERRUPTED),), interrupted=True)


def test_stop_that_the_disk_refuses_keeps_its_reason() -> None:
    """A discard stays one, however long its last line has to wait."""
    stopping = _checkpoint(Phase.STOPPING, reason=DISCARDED)
    plan = plan_boot(stopping, boot="boot-1", open_recordings=(), refused=("recording-1",))
    assert plan == BootPlan(close=(("recording-1", DISCARDED),))

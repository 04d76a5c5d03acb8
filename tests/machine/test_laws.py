"""The laws of the recorder's machine, on random walks that also hold what cannot happen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from device.hardware.ports import Tune
from device.recorder.effects import Ask, Begin, Chirp, Exit, Note, Resume, Show, StartTake
from device.recorder.law.running import let_go
from device.recorder.machine import TABLE
from device.recorder.states import Event, Hold, Kind, Phase, TakeEnd
from protocol.manifest import CloseReason, EventName
from protocol.room import lamp as patterns
from tests.machine.walks import ALLOWED, BOOT, LAW, World, recording_world, walks

RESTING = (Phase.READY, Phase.INTERRUPTED, Phase.UNFIT, Phase.FAULT, Phase.OFF)


@LAW
@given(walks)
def test_lamp_shows_recording_whenever_the_camera_runs(walk: list[Event]) -> None:
    """P1: on no path does the camera run while the lamp shows a pattern that means that nothing is recorded."""
    world = World()
    world.take(BOOT)
    for event in walk:
        world.take(event)
        assert not world.camera or world.lamp.may_record, (event, world.lamp.name)


@LAW
@given(walks)
def test_recording_pattern_comes_before_a_recordings_first_take(walk: list[Event]) -> None:
    """P1: what the lamp is told last before the camera's start is the recording pattern, or a fault that stands."""
    world = World()
    world.take(BOOT)
    for event in walk:
        world.take(event)
        if StartTake() in world.last:
            shown = [each.pattern for each in world.last[: world.last.index(StartTake())] if isinstance(each, Show)]
            assert shown[-1:] in ([patterns.RECORDING], [patterns.FAULT])


@LAW
@given(walks)
def test_camera_never_starts_without_an_allowing_decision(walk: list[Event]) -> None:
    """P3: every start of the camera follows an answer that allows it, which a question of this process asked for."""
    world = World()
    world.take(BOOT)
    asked = allowed = False
    for event in walk:
        before = world.state.phase
        world.take(event)
        if before is Phase.ASKING and event.kind in (Kind.ALLOWED, Kind.UNCHECKED, Kind.REFUSED):
            allowed = asked and event.kind is Kind.ALLOWED and event.permit is not None and event.permit.allowed
        asked = asked or any(isinstance(effect, Ask) for effect in world.last)
        if StartTake() in world.last:
            assert allowed
        if world.state.phase in (*RESTING, Phase.PAUSED):
            asked = allowed = False


@LAW
@given(walks)
def test_keys_are_made_only_for_an_allowing_decision(walk: list[Event]) -> None:
    """Begin and Resume carry the permit that allowed them."""
    world = World()
    for event in (BOOT, *walk):
        world.take(event)
        assert all(effect.permit.allowed for effect in world.last if isinstance(effect, Begin | Resume))


@LAW
@given(walks)
def test_silence_of_everything_ends_in_a_resting_phase(walk: list[Event]) -> None:
    """No phase waits for an answer for ever: with ticks alone, every state settles and the camera stands still."""
    world = World()
    world.follow((BOOT, *walk))
    for _ in range(200):
        world.take(Event(kind=Kind.TICK, at_s=20.0))
    assert world.state.phase in (*RESTING, Phase.BOOTING)
    assert not world.camera


@LAW
@given(walks)
def test_stop_is_always_reached_by_letting_go(walk: list[Event]) -> None:
    """From every state in which the camera may run, a hold that began in it and the take's end close the recording."""
    world = World()
    world.follow((BOOT, *walk))
    if TABLE[world.state.phase].get(Kind.RELEASED) is not let_go:  # no recording lives
        return
    world.take(Event(kind=Kind.RELEASED, at_s=5.0, since_s=2.5, hold=Hold.KEEP))
    assert not world.camera
    if world.state.phase is Phase.STOPPING:
        world.take(Event(kind=Kind.TAKE_ENDED, at_s=0.1))
    assert world.state.phase is Phase.CLOSING
    world.take(Event(kind=Kind.CLOSED, at_s=0.1))
    assert world.state.phase in (*RESTING, Phase.ASKING)


@LAW
@given(walks)
def test_termination_is_always_reached(walk: list[Event]) -> None:
    """After TERMINATE a fair world leads to the end of the process, and no camera is started on the way."""
    world = World()
    world.follow((BOOT, *walk))
    world.take(Event(kind=Kind.TERMINATE, at_s=0.1))
    already = len(world.performed)
    for kind in (Kind.BEGUN, Kind.TAKE_ENDED, Kind.CLOSED):
        world.take(Event(kind=kind, at_s=0.1, recording="recording-1"))
    assert world.has_left
    assert StartTake() not in world.performed[already:]


@LAW
@given(walks)
def test_recording_that_was_begun_is_closed_under_its_name_or_left_to_recovery(walk: list[Event]) -> None:
    """A recording is closed under the name under which it began; one that is not closed leaves by giving up."""
    world = World()
    world.take(BOOT)
    begun = ""
    for event in walk:
        before = world.state.phase
        world.take(event)
        if before is Phase.PREPARING and event.kind is Kind.BEGUN:
            begun = event.recording
        for close in world.last:
            if hasattr(close, "recording") and close in world.closed and begun:
                assert close.recording == begun


@LAW
@given(st.floats(0.0, 2.99), st.sampled_from((Kind.TAP,)))
def test_tap_right_after_the_start_is_ignored(after_s: float, kind: Kind) -> None:
    """Nervous presses in the first three seconds are no bookmarks."""
    world = recording_world(Event(kind=kind, at_s=after_s, since_s=0.0))
    assert world.last == ()


@LAW
@given(st.floats(0.01, 30), st.sampled_from((Hold.KEEP, Hold.DISCARD)))
def test_hold_that_began_before_the_recording_ends_nothing(before_s: float, hold: Hold) -> None:
    """A hold counts only if it began in the recording: a finger that stays on the button stops nothing."""
    world = recording_world(Event(kind=Kind.RELEASED, at_s=4.0, since_s=4.0 + before_s, hold=hold))
    assert world.state.phase is Phase.RECORDING


@LAW
@given(walks)
def test_dark_lamp_means_that_nothing_is_recorded(walk: list[Event]) -> None:
    """Whenever the machine lets the lamp go dark, the camera stands still."""
    world = World()
    for event in (BOOT, *walk):
        world.take(event)
        assert world.lamp is not patterns.DARK or not world.camera


def test_discard_closes_as_discarded() -> None:
    """Letting go between six and ten seconds discards: the reason stands in the last line."""
    world = recording_world(
        Event(kind=Kind.RELEASED, at_s=20.0, since_s=7.0, hold=Hold.DISCARD), Event(kind=Kind.TAKE_ENDED, at_s=0.1)
    )
    assert [close.reason for close in world.closed] == [CloseReason.DISCARDED]


def test_letting_go_between_keep_and_discard_does_nothing() -> None:
    """From five to six seconds nothing is meant: the recording goes on under its pattern."""
    world = recording_world(Event(kind=Kind.RELEASED, at_s=9.0, since_s=5.5, hold=Hold.NOTHING))
    assert world.state.phase is Phase.RECORDING
    assert world.lamp is patterns.RECORDING


def test_three_seconds_without_durable_bytes_are_a_fault_that_new_bytes_end() -> None:
    """P1: the lamp becomes a fault after three seconds without durable sealed bytes, and recovers with them."""
    world = recording_world(Event(kind=Kind.TICK, at_s=2.9))
    assert world.lamp is patterns.RECORDING
    world.take(Event(kind=Kind.TICK, at_s=0.2))
    assert world.lamp is patterns.FAULT
    world.take(Event(kind=Kind.DURABLE, at_s=0.1))
    assert world.lamp is patterns.RECORDING


def test_limit_counts_from_the_recordings_own_beginning() -> None:
    """A recording that goes on after a restart is limited by when it began, not by when it was taken up."""
    world = World()
    world.follow(
        (
            Event(kind=Kind.BOOTED, at_s=7000.0, recording="recording-1"),
            Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED),
            Event(kind=Kind.BEGUN, at_s=0.1, recording="recording-1", since_s=7000.0),
            Event(kind=Kind.TICK, at_s=201.0),
        )
    )
    assert world.state.phase is Phase.STOPPING
    assert world.state.reason is CloseReason.LIMIT


def test_footage_that_is_over_is_kept() -> None:
    """A replayed film that ends is stopped and kept."""
    world = recording_world(Event(kind=Kind.TAKE_ENDED, at_s=5.0, cause=TakeEnd.FINISHED))
    assert [close.reason for close in world.closed] == [CloseReason.STOPPED]


def test_disk_that_fails_closes_as_a_fault_and_the_lamp_says_so_until_the_next_press() -> None:
    """A full disk ends the recording; the lamp keeps the fault, also when the unit is fit again."""
    world = recording_world(
        Event(kind=Kind.TAKE_ENDED, at_s=5.0, cause=TakeEnd.DISK_FAILED),
        Event(kind=Kind.CLOSED, at_s=0.1),
        Event(kind=Kind.FIT, at_s=5.0),
    )
    assert [close.reason for close in world.closed] == [CloseReason.FAULT]
    assert world.lamp is patterns.FAULT
    world.take(Event(kind=Kind.PRESS, at_s=1.0))
    assert world.state.phase is Phase.ASKING


def test_press_while_the_last_recording_is_put_away_is_answered_and_kept() -> None:
    """Back to back: the lamp says at once that the press was understood; consent is asked after the last line."""
    stop = Event(kind=Kind.RELEASED, at_s=9.0, since_s=3.0, hold=Hold.KEEP)
    world = recording_world(stop, Event(kind=Kind.PRESS, at_s=0.2))
    assert world.lamp is patterns.STARTING
    world.take(Event(kind=Kind.TAKE_ENDED, at_s=0.2))
    assert world.lamp is patterns.STARTING
    world.take(Event(kind=Kind.CLOSED, at_s=0.1))
    assert world.last == (Ask(),)


def test_withdrawn_consent_stops_a_running_recording() -> None:
    """P3: a change that forbids stops the camera at once, and the last line says why."""
    world = recording_world(Event(kind=Kind.FORBIDDEN, at_s=60.0))
    assert not world.camera
    world.take(Event(kind=Kind.TAKE_ENDED, at_s=0.1))
    assert [close.reason for close in world.closed] == [CloseReason.CONSENT]


def test_refused_press_shows_it_and_makes_no_keys() -> None:
    """A refusal is shown at the lamp; nothing is begun."""
    world = World()
    world.follow((BOOT, Event(kind=Kind.PRESS, at_s=1.0), Event(kind=Kind.REFUSED, at_s=0.1)))
    assert Show(patterns.REFUSED) in world.last
    assert world.state.phase is Phase.READY
    assert not any(isinstance(effect, Begin) for effect in world.performed)


def test_stuck_button_is_a_fault_while_the_recording_goes_on() -> None:
    """Held over ten seconds: the lamp says fault, the camera runs on, and letting go restores the pattern."""
    world = recording_world(Event(kind=Kind.DURABLE, at_s=11.0), Event(kind=Kind.STUCK, at_s=0.1))
    assert world.lamp is patterns.FAULT
    assert world.camera
    world.take(Event(kind=Kind.FREED, at_s=1.0))
    assert world.lamp is patterns.RECORDING


def test_orderly_end_closes_the_recording_before_the_process_leaves() -> None:
    """SIGTERM while recording: stopped and kept, sealed, closed, then the process ends."""
    world = recording_world(
        Event(kind=Kind.TERMINATE, at_s=10.0), Event(kind=Kind.TAKE_ENDED, at_s=0.1), Event(kind=Kind.CLOSED, at_s=0.1)
    )
    assert [close.reason for close in world.closed] == [CloseReason.STOPPED]
    assert world.last == (Show(patterns.DARK), Exit())


def test_unfit_unit_denies_a_press() -> None:
    """A full card refuses to record: the press is answered at the lamp and asks nothing."""
    world = World()
    world.follow((BOOT, Event(kind=Kind.UNFIT, at_s=0.1, reason="disk_full"), Event(kind=Kind.PRESS, at_s=1.0)))
    assert world.last == (Show(patterns.REFUSED),)
    assert world.lamp is patterns.FAULT


def test_bad_sound_is_a_warning_until_it_is_good_again() -> None:
    """Silence or clipping is shown at the lamp while the recording goes on, and taken back."""
    world = recording_world(Event(kind=Kind.SOUND_BAD, at_s=1.0, reason="clipping"))
    assert world.lamp is patterns.SOUND_WARNING
    assert world.camera
    world.take(Event(kind=Kind.SOUND_GOOD, at_s=1.0))
    assert world.lamp is patterns.RECORDING


def test_fault_beats_the_warning_about_the_sound() -> None:
    """While nothing becomes durable the lamp says fault, whatever the sound does; then the warning is back."""
    stalled = Event(kind=Kind.TICK, at_s=3.1)
    world = recording_world(stalled, Event(kind=Kind.SOUND_BAD, at_s=0.1, reason="silent"))
    assert world.lamp is patterns.FAULT
    world.take(Event(kind=Kind.DURABLE, at_s=0.1))
    assert world.lamp is patterns.SOUND_WARNING


def test_room_hears_start_and_stop() -> None:
    """One chirp when the recording begins, one when the camera has stopped, and none between."""
    world = recording_world(
        Event(kind=Kind.DURABLE, at_s=1.0),
        Event(kind=Kind.RELEASED, at_s=5.0, since_s=2.5, hold=Hold.KEEP),
        Event(kind=Kind.TAKE_ENDED, at_s=0.1),
        Event(kind=Kind.CLOSED, at_s=0.1),
    )
    assert [effect.tune for effect in world.performed if isinstance(effect, Chirp)] == [Tune.START, Tune.STOP]


def test_bookmark_is_of_the_moment_at_which_the_finger_came_down() -> None:
    """A tap is certain only when no second one has followed; the bookmark must not lie that much later."""
    world = recording_world(Event(kind=Kind.TAP, at_s=10.0, since_s=0.5))
    assert world.last == (Show(patterns.BOOKMARK), Note(EventName.BOOKMARK, world.now_s - 0.5))

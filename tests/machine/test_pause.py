"""The law of pauses and of a camera that is lost: the recording lives while nothing is captured."""

from __future__ import annotations

from hypothesis import given

from device.hardware.ports import Tune
from device.recorder.effects import Ask, Chirp, GiveUp, Note, Show, StartTake, StopTake
from device.recorder.states import Event, Hold, Kind, Phase, TakeEnd
from protocol.manifest import CloseReason, EventName
from protocol.room import lamp as patterns
from tests.machine.walks import ALLOWED, BOOT, LAW, REFUSED, World, recording_world, walks

DOUBLE_TAP = Event(kind=Kind.DOUBLE_TAP, at_s=10.0, since_s=0.5)
TAP = Event(kind=Kind.TAP, at_s=10.0, since_s=0.5)
ENDED = Event(kind=Kind.TAKE_ENDED, at_s=0.1)
FAILED = Event(kind=Kind.TAKE_ENDED, at_s=0.1, cause=TakeEnd.CAMERA_FAILED)
TICK = Event(kind=Kind.TICK, at_s=1.0)
KEEP = Event(kind=Kind.RELEASED, at_s=5.0, since_s=2.5, hold=Hold.KEEP)
CLOSED = Event(kind=Kind.CLOSED, at_s=0.1)
GO_ON = (
    Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED),
    Event(kind=Kind.BEGUN, at_s=0.1, recording="recording-1", since_s=12.0),
)


def _notes(world: World) -> list[EventName]:
    return [effect.name for effect in world.performed if isinstance(effect, Note)]


def _tunes(world: World) -> list[Tune]:
    return [effect.tune for effect in world.performed if isinstance(effect, Chirp)]


@LAW
@given(walks)
def test_nothing_is_captured_in_a_pause(walk: list[Event]) -> None:
    """On no path does the camera run in a pause, or start without the press that ends it."""
    world = World()
    for event in (BOOT, *walk):
        world.take(event)
        assert world.state.phase is not Phase.PAUSED or not world.camera


@LAW
@given(walks)
def test_take_is_known_as_long_as_its_writer_may_write(walk: list[Event]) -> None:
    """A new take begins, and the last line is written, only after the one before has said that it ended."""
    world, writing = World(), False
    for event in (BOOT, *walk):
        closed = len(world.closed)
        world.take(event)
        writing = writing and event.kind is not Kind.TAKE_ENDED
        if len(world.closed) > closed or StartTake() in world.last:
            assert not writing, event
        writing = writing or StartTake() in world.last


def test_double_tap_pauses_and_says_so_everywhere() -> None:
    """The camera stops before anything is said; then the room hears it, the lamp and the manifest say it."""
    world = recording_world(DOUBLE_TAP)
    kinds = [type(effect) for effect in world.last]
    assert kinds == [StopTake, Chirp, Show, Note]
    assert world.lamp is patterns.PAUSED
    assert _notes(world) == [EventName.PAUSE]
    assert _tunes(world) == [Tune.START, Tune.STOP]


def test_double_tap_right_after_the_start_is_ignored() -> None:
    """Nervous presses in the first three seconds pause nothing."""
    world = recording_world(Event(kind=Kind.DOUBLE_TAP, at_s=2.9, since_s=0.5))
    assert world.state.phase is Phase.RECORDING


def test_press_goes_on_with_the_recording_after_consent_was_asked() -> None:
    """P3: going on asks consent again; the gap ends in the manifest, and the same recording goes on."""
    world = recording_world(DOUBLE_TAP, ENDED, TAP)
    assert world.last == (Ask("recording-1"),)
    world.follow(GO_ON)
    assert world.camera
    assert world.lamp is patterns.RECORDING
    assert _notes(world) == [EventName.PAUSE, EventName.RESUME]
    assert _tunes(world) == [Tune.START, Tune.STOP, Tune.START]


def test_press_in_a_pause_that_has_just_begun_is_remembered() -> None:
    """While the take before the pause is still being sealed, the press is answered and waits for it."""
    world = recording_world(DOUBLE_TAP, Event(kind=Kind.TAP, at_s=0.5, since_s=0.1))
    assert world.lamp is patterns.STARTING
    world.take(ENDED)
    assert world.last == (Ask("recording-1"),)


def test_refusal_in_a_pause_keeps_and_closes_the_recording() -> None:
    """P3: what may not go on ends; what was recorded stays, and the hand is told."""
    world = recording_world(DOUBLE_TAP, ENDED, TAP, Event(kind=Kind.REFUSED, at_s=0.1, permit=REFUSED))
    assert [close.reason for close in world.closed] == [CloseReason.CONSENT]
    world.take(CLOSED)
    assert world.last[-1] == Show(patterns.REFUSED)


def test_hold_in_a_pause_stops_and_keeps_or_discards() -> None:
    """Holds mean in a pause what they mean while recording."""
    for hold, reason in ((Hold.KEEP, CloseReason.STOPPED), (Hold.DISCARD, CloseReason.DISCARDED)):
        world = recording_world(DOUBLE_TAP, ENDED, Event(kind=Kind.RELEASED, at_s=9.0, since_s=7.0, hold=hold))
        assert [close.reason for close in world.closed] == [reason]


def test_hold_while_the_pause_still_seals_waits_for_the_take() -> None:
    """The last line is written when the take has ended, not before."""
    world = recording_world(DOUBLE_TAP, KEEP)
    assert world.closed == []
    world.take(ENDED)
    assert [close.reason for close in world.closed] == [CloseReason.STOPPED]


def test_pause_is_heard_each_minute() -> None:
    """A pause reminds once a minute, so that nobody believes that it records, or that it is over."""
    world = recording_world(DOUBLE_TAP, ENDED, *[TICK] * 185)
    assert _tunes(world).count(Tune.REMIND) == 3
    assert world.lamp is patterns.PAUSED


def test_forgotten_pause_is_kept_and_closed() -> None:
    """After the longest pause the recording is closed as it is; it never goes on by itself."""
    world = recording_world(DOUBLE_TAP, ENDED, Event(kind=Kind.TICK, at_s=1801.0))
    assert [close.reason for close in world.closed] == [CloseReason.LIMIT]


def test_restart_does_not_make_a_pause_longer() -> None:
    """The longest pause counts from its beginning, however often the process was restarted in it."""
    world = World()
    paused_s = 1000.0
    booted = Event(kind=Kind.BOOTED, at_s=2000.0, recording="recording-1", paused=True, paused_s=paused_s, since_s=1500)
    world.take(booted)
    world.take(Event(kind=Kind.TICK, at_s=799.0))
    assert world.closed == []
    world.take(Event(kind=Kind.TICK, at_s=1.0))
    assert [close.reason for close in world.closed] == [CloseReason.LIMIT]


def test_bell_and_consent_end_a_pause() -> None:
    """A paused recording ends with its lesson, and with its consent."""
    for kind, reason in ((Kind.BELL, CloseReason.BELL), (Kind.FORBIDDEN, CloseReason.CONSENT)):
        world = recording_world(DOUBLE_TAP, ENDED, Event(kind=kind, at_s=1.0))
        assert [close.reason for close in world.closed] == [reason]


def test_restart_in_a_pause_stays_paused() -> None:
    """After a crash within one boot the pause goes on: no camera, no consent question, the pattern, and a press."""
    world = World()
    world.take(Event(kind=Kind.BOOTED, at_s=50.0, recording="recording-1", paused=True, since_s=40.0))
    assert world.lamp is patterns.PAUSED
    world.take(TAP)
    assert world.last == (Ask("recording-1"),)
    world.follow(GO_ON)
    assert world.camera
    assert _notes(world) == [EventName.RESUME]


def test_bell_stops_and_keeps() -> None:
    """The lesson is over: camera off, sealed, closed as ended by the bell."""
    world = recording_world(Event(kind=Kind.BELL, at_s=60.0), ENDED, CLOSED)
    assert [close.reason for close in world.closed] == [CloseReason.BELL]
    assert world.state.phase is Phase.READY


def test_camera_that_fails_is_tried_again_as_long_as_the_recording_lives() -> None:
    """P1: the lamp says fault at once; takes are tried after 1, 2, 4 … 30 s, and bytes make it a recording again."""
    world = recording_world(FAILED)
    assert (world.state.phase, world.lamp, world.camera) == (Phase.LOST, patterns.FAULT, False)
    waits = []
    for _ in range(8):
        before_s = world.now_s
        while not world.camera:
            world.take(Event(kind=Kind.TICK, at_s=0.25))
        waits.append(round(world.now_s - before_s))
        world.take(FAILED)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert world.closed == []
    world.follow([TICK] * 30)
    assert world.camera
    world.take(Event(kind=Kind.DURABLE, at_s=0.5))
    assert (world.state.phase, world.lamp) == (Phase.RECORDING, patterns.RECORDING)


def test_camera_that_gives_nothing_gets_a_new_take() -> None:
    """A stalled camera is a fault within 3 s, and is stopped and started anew after 15."""
    world = recording_world(*[TICK] * 15)
    assert (world.state.phase, world.camera) == (Phase.LOST, False)
    world.follow((ENDED, TICK))
    assert world.camera
    assert world.lamp is patterns.FAULT


def test_take_that_does_not_end_is_freed_by_a_restart() -> None:
    """A writer that hangs is given up on, in a pause and with a lost camera alike; recovery goes on with it."""
    for events in ([*[TICK] * 15, *[TICK] * 31], [DOUBLE_TAP, *[TICK] * 31]):
        world = recording_world(*events)
        assert any(isinstance(effect, GiveUp) for effect in world.performed), world.state


def test_lost_camera_ends_with_hand_bell_limit_and_shutdown() -> None:
    """Whatever ends a recording ends one whose camera is lost, and the fault stays at the lamp afterwards."""
    ends = {
        CloseReason.STOPPED: KEEP,
        CloseReason.DISCARDED: Event(kind=Kind.RELEASED, at_s=9.0, since_s=7.0, hold=Hold.DISCARD),
        CloseReason.BELL: Event(kind=Kind.BELL, at_s=1.0),
        CloseReason.CONSENT: Event(kind=Kind.FORBIDDEN, at_s=1.0),
        CloseReason.LIMIT: Event(kind=Kind.TICK, at_s=7200.0),
    }
    for reason, event in ends.items():
        world = recording_world(FAILED, event, CLOSED)
        assert [close.reason for close in world.closed] == [reason]
        assert world.lamp is patterns.FAULT
    world = recording_world(FAILED, Event(kind=Kind.TERMINATE, at_s=1.0), CLOSED)
    assert world.has_left


def test_lost_camera_can_be_paused() -> None:
    """A teacher who pauses while the camera is lost gets a pause, and a new try at its end."""
    world = recording_world(FAILED, DOUBLE_TAP, TAP, *GO_ON)
    assert world.camera
    assert world.lamp is patterns.RECORDING


def test_disk_that_fails_in_a_pause_closes_as_a_fault() -> None:
    """The end of the take before the pause could not be sealed: the recording is closed with what is durable."""
    world = recording_world(DOUBLE_TAP, Event(kind=Kind.TAKE_ENDED, at_s=0.1, cause=TakeEnd.DISK_FAILED))
    assert [close.reason for close in world.closed] == [CloseReason.FAULT]


def test_camera_that_came_back_starts_with_a_clean_slate() -> None:
    """After durable bytes the next failure is tried again after a second, and the end of the lesson is no fault."""
    back = Event(kind=Kind.DURABLE, at_s=0.5)
    world = recording_world(FAILED, TICK, FAILED, TICK, TICK, FAILED, *[TICK] * 4, back, FAILED)
    assert not world.camera
    world.take(TICK)
    assert world.camera
    world.follow((back, KEEP, ENDED, CLOSED))
    assert world.state.phase is Phase.READY

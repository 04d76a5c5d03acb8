"""The law of the seats: a press is not enough where somebody has to look who is in the picture."""

from __future__ import annotations

import pytest
from hypothesis import given

from device.recorder.effects import Ask, Begin, Chirp, StartTake
from device.recorder.states import Event, Hold, Kind, Phase
from protocol.manifest import CloseReason
from protocol.room import lamp as patterns
from tests.machine.walks import ALLOWED, BOOT, LAW, UNCHECKED, World, recording_world, walks

PRESS = Event(kind=Kind.PRESS, at_s=1.0)
ASKED = (BOOT, PRESS, Event(kind=Kind.UNCHECKED, at_s=0.1, permit=UNCHECKED))
CONFIRM = Event(kind=Kind.RELEASED, at_s=5.0, since_s=3.0, hold=Hold.KEEP)


def _asked(*more: Event) -> World:
    world = World()
    world.follow((*ASKED, *more))
    return world


@LAW
@given(walks)
def test_no_camera_starts_out_of_the_question_for_the_seats(walk: list[Event]) -> None:
    """From the question the only way to a camera is a hold no older than its press, and consent asked again."""
    world, confirmed = _asked(), False
    asked_s = world.state.asked_s
    for event in walk:
        before = world.state.phase
        world.take(event)
        held = event.kind is Kind.RELEASED and event.hold is Hold.KEEP and world.now_s - event.since_s >= asked_s
        confirmed = confirmed or before is not Phase.SEATS or held
        assert confirmed or StartTake() not in world.last
        if before is Phase.SEATS and world.state.phase is Phase.ASKING:
            assert held


def test_lamp_asks_for_the_seats_and_nothing_is_begun() -> None:
    """The answer to the press is the pattern that asks; no keys, no camera, no sound."""
    world = _asked()
    assert world.lamp is patterns.CHECK_SEATS
    assert not any(isinstance(effect, Begin | StartTake | Chirp) for effect in world.performed)


@pytest.mark.parametrize("kind", [Kind.PRESS, Kind.TAP, Kind.DOUBLE_TAP])
def test_second_press_never_passes(kind: Kind) -> None:
    """Pressing again, once or twice, is no answer."""
    world = _asked(*[Event(kind=kind, at_s=1.0, since_s=0.1)] * 3)
    assert (world.state.phase, world.last) == (Phase.SEATS, ())


def test_hold_says_that_the_seats_are_checked_and_consent_is_asked_again() -> None:
    """What is confirmed is the number of seats that the snapshot named; then the recording begins like any other."""
    world = _asked(Event(kind=Kind.HOLDING, at_s=2.0, since_s=1.9, hold=Hold.KEEP))
    assert world.lamp is patterns.SEATS_CHECKED
    world.take(CONFIRM)
    assert world.last == (Ask(checked=2),)
    world.take(Event(kind=Kind.ALLOWED, at_s=0.1, permit=ALLOWED))
    assert any(isinstance(effect, Begin) for effect in world.last)


def test_press_that_is_held_confirms_too() -> None:
    """A teacher who knows presses and holds on: the lamp asks from the press on, and says when to let go."""
    world = _asked(Event(kind=Kind.HOLDING, at_s=1.9, since_s=2.0, hold=Hold.KEEP))
    assert world.lamp is patterns.SEATS_CHECKED
    world.take(Event(kind=Kind.RELEASED, at_s=1.0, since_s=3.0, hold=Hold.KEEP))
    assert world.last == (Ask(checked=2),)


def test_hold_that_is_older_than_the_press_confirms_nothing() -> None:
    """A hold counts only if it began with the question or later."""
    world = _asked(Event(kind=Kind.RELEASED, at_s=1.0, since_s=4.0, hold=Hold.KEEP))
    assert (world.state.phase, world.lamp) == (Phase.SEATS, patterns.CHECK_SEATS)


@pytest.mark.parametrize("hold", [Hold.NOTHING, Hold.DISCARD])
def test_longer_hold_confirms_nothing(hold: Hold) -> None:
    """A school bag on the button starts no recording."""
    world = _asked(Event(kind=Kind.RELEASED, at_s=9.0, since_s=8.0, hold=hold))
    assert world.state.phase is Phase.SEATS


def test_newer_snapshot_may_ask_again() -> None:
    """P3: when the seats are more by the time of the answer, the question is asked anew."""
    world = _asked(CONFIRM, Event(kind=Kind.UNCHECKED, at_s=0.1, permit=UNCHECKED))
    assert world.state.phase is Phase.SEATS


def test_question_ends_by_itself() -> None:
    """After a minute nobody's press waits any more."""
    world = _asked(Event(kind=Kind.TICK, at_s=59.0))
    assert world.state.phase is Phase.SEATS
    world.take(Event(kind=Kind.TICK, at_s=1.1))
    assert (world.state.phase, world.lamp) == (Phase.READY, patterns.READY)


def test_recording_that_would_need_a_check_to_go_on_is_closed() -> None:
    """P3: seats that nobody checked at its beginning cannot be answered for in its middle."""
    world = recording_world(
        Event(kind=Kind.DOUBLE_TAP, at_s=9.0),
        Event(kind=Kind.TAKE_ENDED, at_s=0.1),
        Event(kind=Kind.TAP, at_s=1.0),
        Event(kind=Kind.UNCHECKED, at_s=0.1, permit=UNCHECKED),
    )
    assert [close.reason for close in world.closed] == [CloseReason.CONSENT]

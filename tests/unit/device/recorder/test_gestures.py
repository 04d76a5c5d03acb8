"""The gesture table, row by row, bounce and lost time included; and that nothing can break it."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hardware.ports import ButtonEdge
from device.recorder.gestures import (
    DoubleTapped,
    Gesture,
    GestureState,
    GestureTimings,
    HoldMark,
    HoldReached,
    HoldReleased,
    Pressed,
    Tapped,
    Tick,
    next_deadline,
    step,
)

TIMINGS = GestureTimings()
SETTLED_S = TIMINGS.debounce_s + 0.001


def down(at_s: float) -> ButtonEdge:
    """The contact closes."""
    return ButtonEdge(down=True, at_s=at_s)


def up(at_s: float) -> ButtonEdge:
    """The contact opens."""
    return ButtonEdge(down=False, at_s=at_s)


def play(*events: ButtonEdge | Tick) -> list[Gesture]:
    """Feed events and return all gestures."""
    return run(GestureState(TIMINGS), events)[1]


def run(state: GestureState, events: Iterable[ButtonEdge | Tick]) -> tuple[GestureState, list[Gesture]]:
    """Feed events to a state."""
    found: list[Gesture] = []
    for event in events:
        state, gestures = step(state, event)
        found += gestures
    return state, found


def test_press_is_certain_once_the_contact_rests() -> None:
    """A press is told after the debounce time, not at its release, and says when it began."""
    state, nothing = step(GestureState(TIMINGS), down(1.0))
    assert nothing == ()
    assert next_deadline(state) == pytest.approx(1.03)
    assert step(state, Tick(1.03))[1] == (Pressed(1.0),)


def test_tap_is_certain_when_no_second_one_follows() -> None:
    """A short press is a tap after the double-tap window, with the time of the press for the bookmark."""
    assert play(down(1.0), up(1.1), Tick(1.4)) == [Pressed(1.0)]
    assert play(down(1.0), up(1.1), Tick(1.6)) == [Pressed(1.0), Tapped(1.0, 1.1)]


def test_two_taps_in_time_are_a_double_tap() -> None:
    """The second press begins within the window after the first release."""
    assert play(down(1.0), up(1.1), down(1.4), up(1.5), Tick(3)) == [Pressed(1.0), Pressed(1.4), DoubleTapped(1.0, 1.5)]


def test_two_taps_apart_are_two_taps() -> None:
    """A second press after the window is a tap of its own."""
    found = play(down(1.0), up(1.1), down(1.7), up(1.8), Tick(3))
    assert found == [Pressed(1.0), Tapped(1.0, 1.1), Pressed(1.7), Tapped(1.7, 1.8)]


def test_press_at_the_end_of_the_window_still_counts() -> None:
    """The window is measured from contact to contact; debouncing the second press does not shorten it."""
    found = play(down(1.0), up(1.1), down(1.495), up(1.6), Tick(3))
    assert found[-1] == DoubleTapped(1.0, 1.6)


def test_triple_tap_is_a_double_tap_and_a_tap() -> None:
    """Three quick taps never make two double taps."""
    found = play(down(1.0), up(1.1), down(1.3), up(1.4), down(1.6), up(1.7), Tick(3))
    assert [type(gesture) for gesture in found] == [Pressed, Pressed, DoubleTapped, Pressed, Tapped]


@pytest.mark.parametrize(
    ("held_s", "mark"),
    [
        (2.0, HoldMark.LET_GO),
        (4.9, HoldMark.LET_GO),
        (5.0, HoldMark.LET_GO_OR_HOLD_ON),
        (5.9, HoldMark.LET_GO_OR_HOLD_ON),
        (6.0, HoldMark.DISCARD_ON_RELEASE),
        (9.9, HoldMark.DISCARD_ON_RELEASE),
        (10.0, HoldMark.STUCK),
        (3600.0, HoldMark.STUCK),
    ],
)
def test_hold_means_what_its_length_says(held_s: float, mark: HoldMark) -> None:
    """On release: 2 to 5 s stops, to 6 s nothing, to 10 s discards, longer is a stuck button."""
    began_s = 64.0
    found = play(down(began_s), up(began_s + held_s), Tick(began_s + held_s + 1))
    assert found[-1] == HoldReleased(mark, began_s, began_s + held_s)


def test_hold_just_under_two_seconds_is_a_tap() -> None:
    """Slow hands tap too: everything shorter than the stop is a tap."""
    assert play(down(1.0), up(2.995), Tick(4)) == [Pressed(1.0), Tapped(1.0, 2.995)]


def test_release_just_before_a_mark_does_not_reach_it() -> None:
    """While an open contact is being debounced, the marks of the hold do not pass."""
    assert HoldReached(HoldMark.LET_GO, 1.0) not in play(down(1.0), up(2.99), Tick(3.01), Tick(3.5))


def test_marks_are_told_while_the_button_is_down() -> None:
    """The lamp can answer at 2, 5, 6 and 10 s; the deadlines say when to look."""
    state, _ = run(GestureState(TIMINGS), [down(1.0), Tick(1.03)])
    reached = []
    while (deadline_s := next_deadline(state)) is not None:
        state, gestures = step(state, Tick(deadline_s))
        reached += [(deadline_s, gesture) for gesture in gestures]
    assert reached == [
        (3.0, HoldReached(HoldMark.LET_GO, 1.0)),
        (6.0, HoldReached(HoldMark.LET_GO_OR_HOLD_ON, 1.0)),
        (7.0, HoldReached(HoldMark.DISCARD_ON_RELEASE, 1.0)),
        (11.0, HoldReached(HoldMark.STUCK, 1.0)),
    ]


def test_late_tick_tells_everything_in_order() -> None:
    """A process that was held up for a minute still learns every mark, once, and in order."""
    found = play(down(1.0), Tick(61.0))
    assert found == [Pressed(1.0), *(HoldReached(mark, 1.0) for mark in HoldMark)]


def test_tap_before_a_hold_stays_a_tap() -> None:
    """Tap, then hold: the tap is told when the second press turns out to be a hold."""
    found = play(down(1.0), up(1.1), down(1.3), Tick(3.4), up(4.0), Tick(5))
    assert found == [
        Pressed(1.0),
        Pressed(1.3),
        Tapped(1.0, 1.1),
        HoldReached(HoldMark.LET_GO, 1.3),
        HoldReleased(HoldMark.LET_GO, 1.3, 4.0),
    ]


def test_bouncing_contact_is_one_press() -> None:
    """Ten edges within some milliseconds, on both ends, are one tap."""
    bounce = [ButtonEdge(down=number % 2 == 0, at_s=1.0 + number / 500) for number in range(9)]
    release = [ButtonEdge(down=number % 2 == 1, at_s=1.2 + number / 500) for number in range(9)]
    found = play(*bounce, Tick(1.1), *release, Tick(2))
    assert [type(gesture) for gesture in found] == [Pressed, Tapped]


def test_spike_is_no_press() -> None:
    """A pulse shorter than the debounce time, such as a cable picks up, means nothing."""
    assert play(down(1.0), up(1.01), Tick(2.0)) == []


def test_short_gap_in_a_hold_does_not_end_it() -> None:
    """A contact that opens for ten milliseconds in a hold is still held."""
    found = play(down(1.0), Tick(2.0), up(2.5), down(2.51), Tick(4.0), up(4.5), Tick(5.0))
    assert found[-1] == HoldReleased(HoldMark.LET_GO, 1.0, 4.5)


def test_repeated_edges_do_no_harm() -> None:
    """The pin is read again while it is held; hearing the same twice changes nothing."""
    once = play(down(1.0), up(4.0), Tick(5))
    assert play(down(1.0), down(1.5), down(2.7), up(4.0), up(4.01), Tick(5)) == once


def test_missed_release_is_caught_by_reading_the_pin() -> None:
    """When the release edge was lost, an edge made from reading the pin ends the hold."""
    found = play(down(1.0), Tick(3.2), up(3.5), Tick(4))
    assert found[-1] == HoldReleased(HoldMark.LET_GO, 1.0, 3.5)


def test_time_that_goes_backwards_does_no_harm() -> None:
    """Edges of two threads may arrive in the wrong order; nothing is raised and the press is kept."""
    found = play(down(5.0), Tick(5.1), up(4.9), Tick(6.0))
    assert [type(gesture) for gesture in found] == [Pressed, Tapped]


@pytest.mark.parametrize(
    "wrong",
    [
        {"debounce_s": 0.0},
        {"debounce_s": 0.5},
        {"double_tap_s": 2.5},
        {"stop_from_s": 5.0},
        {"discard_from_s": 4.0},
        {"stuck_from_s": 6.0},
    ],
)
def test_timings_in_the_wrong_order_are_refused(wrong: dict[str, float]) -> None:
    """A setting that would make a gesture impossible is refused with the whole order."""
    with pytest.raises(ValueError, match="must rise"):
        GestureTimings(**wrong)


EVENTS = st.lists(
    st.builds(ButtonEdge, st.booleans(), st.floats(0, 100)) | st.builds(Tick, st.floats(0, 100)), max_size=40
)


@given(EVENTS)
def test_any_sequence_makes_sense(events: list[ButtonEdge | Tick]) -> None:
    """Whatever comes: no exception, each press told before what became of it, and no gesture without a press."""
    state, found = run(GestureState(TIMINGS), events)
    presses = {gesture.began_s for gesture in found if isinstance(gesture, Pressed)}
    assert all(gesture.began_s in presses for gesture in found)
    assert next_deadline(state) is None or next_deadline(state) > state.now_s - 1e-9


@given(EVENTS.map(lambda events: sorted(events, key=lambda event: event.at_s)))
def test_ticks_in_between_change_nothing(events: list[ButtonEdge | Tick]) -> None:
    """Whether the clock ticks at each deadline or only with the next edge, the same gestures come in the same order."""
    eager: list[Gesture] = []
    state = GestureState(TIMINGS)
    for event in events:
        while (deadline_s := next_deadline(state)) is not None and deadline_s <= event.at_s:
            state, gestures = step(state, Tick(deadline_s))
            eager += gestures
        state, gestures = step(state, event)
        eager += gestures
    assert run(GestureState(TIMINGS), events)[1] == eager

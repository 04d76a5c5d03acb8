"""What the hand means: debounce, and gestures out of timestamped edges of the button.

Pure and total: `step` takes an edge or a tick of the clock and gives a new state and what became certain. It knows
no recording: whether a tap is a bookmark or a nervous press is `machine.py`'s to say, for which every gesture tells
when its press began (`began_s`): a gesture counts only in a state that was entered before that. Seconds are
monotonic. The table of gestures is docs/state-machine.md's.
"""

from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from device.hardware.ports import ButtonEdge


@dataclass(frozen=True, slots=True)
class GestureTimings:
    """Seconds, as settings for hands that need other ones.

    `debounce_s`: a contact must rest that long to count. `double_tap_s`: from the first release to the second press.
    Released within `stop_from_s`: a tap; up to `nothing_from_s`: stop; up to `discard_from_s`: nothing; up to
    `stuck_from_s`: discard; held longer: a stuck button. Raises ValueError unless these rise in that order.
    """

    debounce_s: float = 0.03
    double_tap_s: float = 0.4
    stop_from_s: float = 2.0
    nothing_from_s: float = 5.0
    discard_from_s: float = 6.0
    stuck_from_s: float = 10.0

    def __post_init__(self) -> None:
        order = (
            0.0,
            self.debounce_s,
            self.double_tap_s,
            self.stop_from_s,
            self.nothing_from_s,
            self.discard_from_s,
            self.stuck_from_s,
        )
        if any(not earlier < later for earlier, later in pairwise(order)):
            raise ValueError(
                "gesture timings must rise: 0 < debounce_s < double_tap_s < stop_from_s < nothing_from_s "
                f"< discard_from_s < stuck_from_s, got {order[1:]}"
            )


class HoldMark(Enum):
    """A moment in a long hold, in order; the lamp answers each."""

    LET_GO = "let go"
    LET_GO_OR_HOLD_ON = "let go or hold on"
    DISCARD_ON_RELEASE = "let go to discard"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button went down and stayed down; given at once, before anybody knows what it will become."""

    began_s: float


@dataclass(frozen=True, slots=True)
class Tapped:
    """One short press, and no second one followed in time."""

    began_s: float
    released_s: float


@dataclass(frozen=True, slots=True)
class DoubleTapped:
    """Two short presses; `began_s` is the first one's beginning."""

    began_s: float
    released_s: float


@dataclass(frozen=True, slots=True)
class HoldReached:
    """The button is still down and a mark has passed."""

    mark: HoldMark
    began_s: float


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """Let go after a hold; `mark` is the last one that had passed: LET_GO means stop, DISCARD_ON_RELEASE discard.

    LET_GO_OR_HOLD_ON means nothing, and STUCK that the button works again.
    """

    mark: HoldMark
    began_s: float
    released_s: float


Gesture = Pressed | Tapped | DoubleTapped | HoldReached | HoldReleased


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened at the button until `at_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class _Tap:
    began_s: float
    released_s: float


@dataclass(frozen=True, slots=True)
class GestureState:
    """Everything remembered of the button.

    `raw_down` since `raw_since_s` is what the contact last said; `down` is what is believed. `began_s` is the
    beginning of the present press, `marks` how many of its hold marks have passed, `waiting` a tap that may become a
    double one.
    """

    timings: GestureTimings
    raw_down: bool = False
    raw_since_s: float = 0.0
    down: bool = False
    began_s: float = 0.0
    marks: int = 0
    waiting: _Tap | None = None
    now_s: float = 0.0


_MARKS = tuple(HoldMark)


def step(state: GestureState, event: ButtonEdge | Tick) -> tuple[GestureState, tuple[Gesture, ...]]:
    """Take the next edge or tick; return the new state and the gestures that are certain now.

    Total: an edge that says what was known, or a time that lies before the last one, does no harm. A late tick gives
    everything that its delay held back, in order.
    """
    at_s = max(event.at_s, state.now_s)
    gestures: list[Gesture] = []
    while (due_s := next_deadline(state)) is not None and due_s <= at_s:
        state, certain = _pass_deadline(replace(state, now_s=max(due_s, state.now_s)))
        gestures += certain
    state = replace(state, now_s=at_s)
    if isinstance(event, ButtonEdge) and event.down != state.raw_down:
        state = replace(state, raw_down=event.down, raw_since_s=at_s)
    return state, tuple(gestures)


def next_deadline(state: GestureState) -> float | None:
    """The monotonic second at which a Tick is wanted; None while nothing is pending."""
    deadlines = []
    if state.raw_down != state.down:
        deadlines.append(state.raw_since_s + state.timings.debounce_s)
    if state.waiting is not None and not state.down:
        deadlines.append(_double_tap_end(state, state.waiting))
    if state.down and state.raw_down and state.marks < len(_MARKS):
        deadlines.append(_mark_s(state, state.marks))
    return min(deadlines, default=None)


def _pass_deadline(state: GestureState) -> tuple[GestureState, tuple[Gesture, ...]]:
    """One deadline is now. A resting contact is looked at first: it says when the press or release really was."""
    settled = state.raw_down != state.down and state.raw_since_s + state.timings.debounce_s <= state.now_s
    if settled and state.raw_down:
        return _press(state)
    if settled:
        return _release(state)
    if state.down:
        return _reach_mark(state)
    return _give_up_waiting(state)


def _press(state: GestureState) -> tuple[GestureState, tuple[Gesture, ...]]:
    began_s = state.raw_since_s
    return replace(state, down=True, began_s=began_s, marks=0), (Pressed(began_s),)


def _release(state: GestureState) -> tuple[GestureState, tuple[Gesture, ...]]:
    released_s = state.raw_since_s
    up = replace(state, down=False, marks=0)
    if state.marks:
        return up, (HoldReleased(_MARKS[state.marks - 1], state.began_s, released_s),)
    if state.waiting is not None:
        return replace(up, waiting=None), (DoubleTapped(state.waiting.began_s, released_s),)
    return replace(up, waiting=_Tap(state.began_s, released_s)), ()


def _reach_mark(state: GestureState) -> tuple[GestureState, tuple[Gesture, ...]]:
    """A second press that becomes a hold leaves the first one a tap of its own."""
    reached = HoldReached(_MARKS[state.marks], state.began_s)
    held = replace(state, marks=state.marks + 1, waiting=None)
    if state.waiting is None:
        return held, (reached,)
    return held, (Tapped(state.waiting.began_s, state.waiting.released_s), reached)


def _give_up_waiting(state: GestureState) -> tuple[GestureState, tuple[Gesture, ...]]:
    tap = state.waiting
    alone = replace(state, waiting=None)
    return (alone, ()) if tap is None else (alone, (Tapped(tap.began_s, tap.released_s),))


def _double_tap_end(state: GestureState, tap: _Tap) -> float:
    """The window, and as long as a second press that began inside it needs to be believed."""
    return tap.released_s + state.timings.double_tap_s + state.timings.debounce_s


def _mark_s(state: GestureState, mark: int) -> float:
    timings = state.timings
    after_s = (timings.stop_from_s, timings.nothing_from_s, timings.discard_from_s, timings.stuck_from_s)[mark]
    return state.began_s + after_s

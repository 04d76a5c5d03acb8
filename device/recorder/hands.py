"""From edges of the button to events of the machine: debounce and gestures, fed with time and with a second look.

An edge may be lost, so the pin is read again while a press is believed. A button that cannot be read, also while it
rests (a keyboard that was pulled out), is a stuck one.
What a gesture means is the machine's to say.
"""

from __future__ import annotations

import logging

from device.hardware.ports import Button, ButtonEdge, ButtonFault, Clock
from device.recorder import gestures
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
)
from device.recorder.states import Event, Hold, Kind

log = logging.getLogger(__name__)
_HOLDS = {
    HoldMark.LET_GO: Hold.KEEP,
    HoldMark.LET_GO_OR_HOLD_ON: Hold.NOTHING,
    HoldMark.DISCARD_ON_RELEASE: Hold.DISCARD,
}


class Hands:
    """What the button has said so far."""

    def __init__(self, button: Button, timings: GestureTimings, clock: Clock) -> None:
        self._button = button
        self._clock = clock
        self._state = GestureState(timings)
        self._dead = False

    @property
    def deadline_s(self) -> float | None:
        """Tell when `pass_time` is wanted; None while the button rests."""
        return gestures.next_deadline(self._state)

    def take(self, edge: ButtonEdge) -> tuple[Event, ...]:
        """Take an edge and give what became certain."""
        return self._step(edge, edge.at_s)

    def pass_time(self, now_s: float) -> tuple[Event, ...]:
        """Let time pass, after every edge that happened before has been taken."""
        return self._step(gestures.Tick(now_s), now_s)

    def look(self) -> tuple[Event, ...]:
        """Let time pass, and read the button again."""
        passed = self.pass_time(self._clock.monotonic_s())
        return (*passed, *self._reread())

    def _reread(self) -> tuple[Event, ...]:
        """What is read holds from after the reading: a release must not be dated before it, into the bounce.

        Of a button that rests only whether it can be read counts: a press needs an edge of its own, so that one wrong
        reading starts nothing.
        """
        try:
            down = self._button.is_down()
        except ButtonFault as fault:
            return self._declare(self._clock.monotonic_s(), fault)
        now_s = self._clock.monotonic_s()
        if not (self._state.down or self._state.raw_down or self._dead):
            return ()
        revived = (Event(kind=Kind.FREED, at_s=now_s),) if self._dead else ()
        self._dead = False
        return (*revived, *self._step(ButtonEdge(down, now_s), now_s))

    def _declare(self, now_s: float, fault: ButtonFault) -> tuple[Event, ...]:
        if self._dead:
            return ()
        log.error("%s", fault)
        self._dead = True
        return (Event(kind=Kind.STUCK, at_s=now_s),)

    def _step(self, event: ButtonEdge | gestures.Tick, now_s: float) -> tuple[Event, ...]:
        self._state, certain = gestures.step(self._state, event)
        return tuple(translate(gesture, now_s) for gesture in certain)


def translate(gesture: Gesture, now_s: float) -> Event:
    """Say a gesture in the machine's words."""
    match gesture:
        case Pressed(began_s):
            return Event(kind=Kind.PRESS, at_s=now_s, since_s=began_s)
        case Tapped(began_s):
            return Event(kind=Kind.TAP, at_s=now_s, since_s=began_s)
        case DoubleTapped(began_s):
            return Event(kind=Kind.DOUBLE_TAP, at_s=now_s, since_s=began_s)
        case HoldReached(mark, began_s) if mark is HoldMark.STUCK:
            return Event(kind=Kind.STUCK, at_s=now_s, since_s=began_s)
        case HoldReleased(mark, began_s) if mark is HoldMark.STUCK:
            return Event(kind=Kind.FREED, at_s=now_s, since_s=began_s)
        case HoldReached(mark, began_s):
            return Event(kind=Kind.HOLDING, at_s=now_s, since_s=began_s, hold=_HOLDS[mark])
        case HoldReleased(mark, began_s):
            return Event(kind=Kind.RELEASED, at_s=now_s, since_s=began_s, hold=_HOLDS[mark])

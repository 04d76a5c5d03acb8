"""`backrow device aim`: after a press that consent allows, the picture on the unit's own screen, to point the camera.

The lamp is lit as for a recording before the camera runs. Nothing is stored and nothing leaves the unit; it ends at a
press, after five minutes, when consent is withdrawn, or with the process. It is refused while the recorder runs: one
process holds button, lamp and camera. There is no way to start it from elsewhere (promise P1).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from device.consent import PressDecision
from device.hardware.ports import Button, ButtonEdge, Clock, HardwareError, Lamp, Viewfinder
from device.recorder.hands import Hands
from device.recorder.moments import Moments
from device.recorder.permission import Permission
from device.recorder.service import Inbox
from device.recorder.states import Event, Kind
from device.world import Stop
from protocol.room.lamp import DARK, READY, RECORDING, REFUSED

log = logging.getLogger(__name__)
WAIT_S = 120.0
SHOW_S = 300.0
LOOK_S = 1.0
TICK_S = 0.1
REFUSED_S = 4.0


class Ending(Enum):
    """How it ended; the words are for the person at the unit."""

    PRESSED = "Ended by a press. Nothing was stored."
    TIME = "Ended after five minutes. Nothing was stored."
    STOPPED = "Ended. Nothing was stored."
    FORBIDDEN = "Ended, because it is no longer allowed. Nothing was stored."
    NOBODY = "Nobody pressed; the camera did not run."
    REFUSED = "Not allowed now; the camera did not run."
    CONFIRMED = "The mask is confirmed for this framing. No picture was stored."
    NOT_CONFIRMED = "The mask is not confirmed. No picture was stored."
    NO_MASK = "This room has no mask: there is nothing to confirm. The camera did not run."
    TOO_SOON = "The mask is not confirmed: look at it for three seconds before you hold the button."
    TOO_PLAIN = "The mask is not confirmed: there is too little in the picture to know it again. Put on the light."


FAILED = (Ending.NOBODY, Ending.REFUSED, Ending.NOT_CONFIRMED, Ending.NO_MASK, Ending.TOO_SOON, Ending.TOO_PLAIN)


@dataclass(frozen=True, kw_only=True)
class AimParts:
    """What aiming takes."""

    button: Button
    lamp: Lamp
    viewfinder: Viewfinder
    hands: Hands
    inbox: Inbox
    clock: Clock
    moments: Moments
    permission: Permission


class Aim:
    """One time of aiming; `run` is its life. `say` speaks to the person at the unit."""

    def __init__(self, parts: AimParts, stop: Stop, say: Callable[[str], None]) -> None:
        self._parts = parts
        self._stop = stop
        self.say = say

    def run(self) -> Ending:
        """Wait for a press, ask consent, show the picture, end. Raises `HardwareError` when a part fails."""
        parts = self._parts
        parts.lamp.show(READY)
        parts.button.start(parts.inbox.put)
        try:
            self.say("Press the button once to see the picture on the unit's own screen.")
            if not self.wait_for(is_press, WAIT_S, lambda: True):
                return Ending.STOPPED if self._stop.is_set() else Ending.NOBODY
            return self._ask()
        finally:
            parts.button.stop()

    def _ask(self) -> Ending:
        permit, began = self._parts.permission.ask(), self._parts.moments.moment()
        if not permit.allowed:
            self._parts.lamp.show(REFUSED)
            self.say(f"The permission to record says no ({permit.reason}).")
            self._stop.wait(REFUSED_S)
            return Ending.REFUSED
        return self._show(permit, lambda: self._parts.permission.still_holds(permit, began))

    def _show(self, permit: PressDecision, holds: Callable[[], bool]) -> Ending:
        """The lamp first, then the camera; and the camera ends before the lamp does."""
        self._parts.lamp.show(RECORDING)
        try:
            self._parts.viewfinder.start()
            return self._look(permit, holds)
        finally:
            self._parts.viewfinder.stop()
            self._parts.lamp.show(DARK)

    def _look(self, _permit: PressDecision, holds: Callable[[], bool]) -> Ending:
        """Let people look until a press, and tell how that ended."""
        self.say("The picture is on the screen, and nothing is stored. Press again to end.")
        return Ending.PRESSED if self.wait_for(is_press, SHOW_S, holds) else self.why_over(holds)

    def why_over(self, holds: Callable[[], bool]) -> Ending:
        """Tell how looking ended that no hand ended."""
        if self._stop.is_set():
            return Ending.STOPPED
        return Ending.TIME if holds() else Ending.FORBIDDEN

    def wait_for(self, ends: Callable[[Event], bool], within_s: float, holds: Callable[[], bool]) -> bool:
        """Wait as long as `holds` for what ends it; tell whether it came. Raises `HardwareError` of a part."""
        clock = self._parts.clock
        ends_s, look_s = clock.monotonic_s() + within_s, clock.monotonic_s() + LOOK_S
        while not self._stop.is_set() and (now_s := clock.monotonic_s()) < ends_s:
            if any(ends(event) for event in self._take()):
                return True
            if now_s >= look_s:
                look_s = now_s + LOOK_S
                self._parts.viewfinder.check()
                if not holds():
                    return False
        return False

    def _take(self) -> tuple[Event, ...]:
        """Take what came: an edge, or a fault of the lamp, without which the camera must not run (promise P1)."""
        item = self._parts.inbox.get(TICK_S)
        if isinstance(item, HardwareError):
            raise item
        hands = self._parts.hands
        return hands.take(item) if isinstance(item, ButtonEdge) else hands.look()


def is_press(event: Event) -> bool:
    """Tell whether the button was pressed."""
    return event.kind is Kind.PRESS


def run_aim(aim: Aim) -> int:
    """Aim, say how it ended, and give the exit status: 0 when a picture was shown, else 1."""
    try:
        ending = aim.run()
    except HardwareError:
        log.error("aiming ended with a fault; the camera does not run, and nothing was stored")
        raise
    aim.say(ending.value)
    return int(ending in FAILED)

"""`backrow device mask confirm`: the picture under its mask, on the unit's own screen, and a hold that says yes.

Like aiming (device/aim.py): after a press that consent allows, under the lamp of a recording, and of the picture
nothing is stored but the signs of its framing. Only a hold of two seconds confirms; a tap leaves all as it was.
Defined in docs/protocol/masks.md.
"""

from __future__ import annotations

from collections.abc import Callable

from device.aim import SHOW_S, Aim, AimParts, Ending
from device.consent import PressDecision
from device.masking.confirmed import Confirmations
from device.masking.veil import Sitting
from device.recorder.states import Event, Hold, Kind
from device.world import Stop
from protocol.masks import Mask

WORDS = (
    "The picture is on the screen with the mask of this room (version {version}). Is everything grey that must not be "
    "seen, with nobody standing in the way? Then hold the button for two seconds and let go: that confirms it. A short "
    "press leaves it unconfirmed."
)


class Confirm(Aim):
    """One time of looking at a mask."""

    def __init__(
        self, parts: AimParts, stop: Stop, say: Callable[[str], None], *, sitting: Sitting, held: Confirmations
    ) -> None:
        super().__init__(parts, stop, say)
        self._sitting = sitting
        self._held = held

    def _show(self, permit: PressDecision, holds: Callable[[], bool]) -> Ending:
        if permit.mask is None:
            return Ending.NO_MASK
        self._sitting.put_on(permit.mask)
        return super()._show(permit, holds)

    def _look(self, permit: PressDecision, holds: Callable[[], bool]) -> Ending:
        began_s = self._parts.clock.monotonic_s()
        answers: list[bool] = []

        def is_answer(event: Event) -> bool:
            """The press that began it all may still be held: what began before the picture is no answer to it."""
            is_kept = event.kind is Kind.RELEASED and event.hold is Hold.KEEP
            if event.since_s <= began_s or not (is_kept or event.kind in (Kind.TAP, Kind.DOUBLE_TAP)):
                return False
            answers.append(is_kept)
            return True

        self.say(WORDS.format(version=permit.mask_version))
        if not self.wait_for(is_answer, SHOW_S, holds):
            return self.why_over(holds)
        return self._confirm(permit.mask) if permit.mask and answers[-1] else Ending.NOT_CONFIRMED

    def _confirm(self, mask: Mask) -> Ending:
        framing = self._sitting.framing
        if framing is None:
            return Ending.TOO_SOON
        if not framing.is_telling:
            return Ending.TOO_PLAIN
        self._held.store(mask, framing)
        return Ending.CONFIRMED

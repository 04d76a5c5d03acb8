"""Asks the signed consent snapshot: before every press, and while a recording goes on.

The snapshot is read and verified each time; the decision itself is device/consent's, which is pure.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import Enum
from typing import Protocol

from device.consent import PressDecision, decide_bell, decide_press, decide_running
from device.identity import DocumentStore
from device.masking.veil import IMPOSSIBLE
from device.recorder.moments import Moments
from protocol.documents import Policy, Withdrawal
from protocol.manifest import Begun, Moment
from protocol.masks import Mask

MASK_CHANGED = "mask_changed"

log = logging.getLogger(__name__)


class Masks(Protocol):
    """Tells whether this unit can hide what a mask hides."""

    def refusal(self, mask: Mask) -> str | None:
        """Give the reason for which nothing may be recorded under a mask; None when it may."""


class Outcome(Enum):
    """How a recording stands under the newest documents."""

    GOES_ON = "goes on"
    FORBIDDEN = "forbidden"
    RUNG = "rung"


@dataclass(frozen=True)
class Review:
    """How a recording stands, and the permit under which it goes on from now."""

    outcome: Outcome
    permit: PressDecision


class Permission:
    """Consent as the unit's documents and clock know it now; without `masks` nothing can be hidden here."""

    def __init__(self, documents: DocumentStore, moments: Moments, masks: Masks | None = None) -> None:
        self._documents = documents
        self._moments = moments
        self._masks = masks

    def learn_time(self) -> None:
        """Take the time to be at least that of the newest document that is here by now."""
        self._moments.learn(self._documents.newest_instant())

    def ask(self, *, checked: int | None = None, going_on: Begun | None = None) -> PressDecision:
        """Decide a press now, `checked` seats having been confirmed; or whether a recording may go on that was begun.

        What goes on does so for its own owner, with the seats that were checked when it began, and with sound or
        without as it began.
        """
        self.learn_time()
        now = self._moments.now_at()
        held = self._documents.load(Policy, now)
        seats = going_on.seats if going_on else checked
        sound = not (going_on and going_on.without_sound)
        permit = decide_press(held.document, now, clock_trusted=self._moments.trusted, checked=seats, sound=sound)
        permit = self._with_mask(permit, held.document.must_mask if held.document else None)
        if permit.allowed and going_on:
            permit = _of_one_recording(permit, going_on)
        if not permit.allowed:
            log.debug("refused: %s %s", permit.reason, held.reason)
        return permit

    def _with_mask(self, permit: PressDecision, mask: Mask | None) -> PressDecision:
        """Refuse what would be allowed while nobody has confirmed the mask here; seats are not asked for then."""
        if mask is None or not (permit.allowed or permit.seats is not None):
            return permit
        refusal = self._refusal(mask)
        if refusal:
            return replace(permit, allowed=False, reason=refusal, seats=None)
        return replace(permit, mask=mask, mask_version=mask.version)

    def still_holds(self, permit: PressDecision, began: Moment) -> bool:
        """Tell whether the newest snapshot lets go on what `permit` allowed."""
        return self._still_holds(self._newest_policy(), permit, began)

    def review(self, recording: str, permit: PressDecision, began: Moment) -> Review:
        """Say how a recording stands that `permit` allowed: forbidden, over, or going on under the newest snapshot.

        The snapshot is read once. The permit is renewed by the very one that let the recording go on: were it read
        again for that, one that arrives in between would count as looked at and never be asked.
        """
        policy = self._newest_policy()
        if self._is_withdrawn(recording) or not self._still_holds(policy, permit, began):
            return Review(Outcome.FORBIDDEN, permit)
        if self._shows_too_much(policy, permit):
            return Review(Outcome.FORBIDDEN, permit)
        if self._has_rung(policy, permit, began):
            return Review(Outcome.RUNG, permit)
        return Review(Outcome.GOES_ON, _renewed(permit, policy))

    def _newest_policy(self) -> Policy | None:
        return self._documents.load(Policy, self._moments.now_at()).document

    def _still_holds(self, policy: Policy | None, permit: PressDecision, began: Moment) -> bool:
        trusted = self._moments.trusted or began.wall_trusted
        return decide_running(policy, permit, began_at=self._moments.wall_of(began), clock_trusted=trusted)

    def _is_withdrawn(self, recording: str) -> bool:
        """Tell whether a withdrawal names a recording: then it may not go on, and is erased when it has ended."""
        withdrawal = self._documents.load(Withdrawal, self._moments.now_at()).document
        return withdrawal is not None and recording in withdrawal.recordings

    def _refusal(self, mask: Mask) -> str | None:
        return IMPOSSIBLE if self._masks is None else self._masks.refusal(mask)

    def _shows_too_much(self, policy: Policy | None, permit: PressDecision) -> bool:
        """Tell whether another mask is to be worn than the recording's, or the camera does not look where it did."""
        wanted = policy.must_mask if policy else None
        if wanted is not None and wanted.version != permit.mask_version:
            return True
        return permit.mask is not None and self._refusal(permit.mask) is not None

    def _has_rung(self, policy: Policy | None, permit: PressDecision, began: Moment) -> bool:
        """Tell whether the bell has rung for a recording: by the newest snapshot, else by the one that allowed it.

        Without a trusted clock no bell is heard; it is asked again when the clock has been set.
        """
        if not self._moments.trusted:
            return False
        bell = permit.ends_at
        if policy is not None:
            wall_at = self._moments.wall_of(began)
            bell = decide_bell(policy, began_at=wall_at, checked=permit.seats, sound=permit.sound)
        return bell is not None and self._moments.now_at() >= bell


def _of_one_recording(permit: PressDecision, begun: Begun) -> PressDecision:
    """Refuse what is allowed by now, but not as a part of this recording."""
    if permit.owner != begun.owner:
        return replace(permit, allowed=False, reason="owner_changed")
    if permit.mask_version != begun.mask_version:
        return replace(permit, allowed=False, reason=MASK_CHANGED)
    if permit.sound == bool(begun.without_sound):
        return replace(permit, allowed=False, reason="sound_changed")
    return permit


def _renewed(permit: PressDecision, policy: Policy | None) -> PressDecision:
    if policy is None:
        return permit
    return replace(permit, policy_generation=policy.generation, policy_version=policy.version)

"""Asks the signed consent snapshot: before every press, and while a recording goes on.

The snapshot is read and verified each time; the decision itself is device/consent's, which is pure.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from device.consent import PressDecision, decide_press, decide_running
from device.identity import DocumentStore
from device.recorder.moments import Moments
from protocol.documents import Policy
from protocol.manifest import Moment

log = logging.getLogger(__name__)


class Permission:
    """Consent as the unit's documents and clock know it now."""

    def __init__(self, documents: DocumentStore, moments: Moments) -> None:
        self._documents = documents
        self._moments = moments

    def ask(self, owner: str | None) -> PressDecision:
        """Decide a press now; with `owner`, a recording of that person that is to go on after a restart."""
        self._moments.learn(self._documents.newest_instant())
        now = self._moments.now_at()
        held = self._documents.load(Policy, now)
        permit = decide_press(held.document, now, clock_trusted=self._moments.trusted)
        if permit.allowed and owner is not None and permit.owner != owner:
            permit = replace(permit, allowed=False, reason="owner_changed")
        if not permit.allowed:
            log.debug("refused: %s %s", permit.reason, held.reason)
        return permit

    def still_holds(self, permit: PressDecision, began: Moment) -> bool:
        """Tell whether the newest snapshot lets go on what `permit` allowed."""
        policy = self._documents.load(Policy, self._moments.now_at()).document
        return decide_running(policy, permit, began_at=began.wall_at, clock_trusted=began.wall_trusted)

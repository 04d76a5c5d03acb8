"""Failed attempts to join or renew: written down, counted by address and by unit, and refused when there are too many.

Counts failures only: a school brings up forty units from one address. Defined in docs/protocol/enrollment.md.
"""

from __future__ import annotations

from controller.enrollment import policy, repo
from controller.enrollment.issuing import refuse_for_now
from controller.enrollment.policy import Limits
from controller.services import Services
from protocol.ids import is_id


class Attempts:
    """The failures of one school's units and of whoever pretends to be one."""

    def __init__(self, services: Services, limits: Limits) -> None:
        self._services = services
        self._limits = limits

    def require_patience(self, address: str, device: str | None = None) -> None:
        """Raise `EnrollmentRefusal` (429) when too many attempts failed lately, whatever is presented now."""
        now = self._services.clock()
        since = now - policy.FAILURES_WITHIN
        with self._services.database.reading() as session:
            of_address = repo.failures_from(session, address, since)
            of_device = repo.failures_of(session, device, since) if device else []
        counted = (
            (of_address, self._limits.failures_from_address),
            (of_device, self._limits.failures_of_device),
        )
        wait = max(policy.decide_wait(at, most=most, within=policy.FAILURES_WITHIN, now=now) for at, most in counted)
        if wait:
            raise refuse_for_now("too_many_failures", "too many attempts failed; wait, then try again", wait)

    def note(self, address: str, device: str | None = None) -> None:
        """Write a failure down, and forget those that no longer count."""
        known = device if device and is_id(device) else None
        with self._services.database.writing() as session:
            repo.note_failure(session, address, known, now=self._services.clock(), keep=policy.FAILURES_WITHIN)

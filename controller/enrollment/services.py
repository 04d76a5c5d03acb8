"""The parts of enrollment put together, for views and commands. Knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from controller.enrollment.adoption import Adoption
from controller.enrollment.attempts import Attempts
from controller.enrollment.claims import Claims
from controller.enrollment.issuing import Issuing
from controller.enrollment.policy import Limits
from controller.enrollment.renewal import Renewal
from controller.services import Services


@dataclass(frozen=True)
class Enrollment:
    """The ways to a certificate."""

    claims: Claims
    adoption: Adoption
    renewal: Renewal
    attempts: Attempts


def make_enrollment(services: Services, limits: Limits | None = None) -> Enrollment:
    """Make the enrollment of a controller process from its parts."""
    chosen = limits or Limits()
    issuing, attempts = Issuing(services, chosen), Attempts(services, chosen)
    return Enrollment(
        claims=Claims(services, issuing, attempts),
        adoption=Adoption(services, issuing),
        renewal=Renewal(services, issuing, attempts),
        attempts=attempts,
    )

"""What the line is reckoned with: measured where five rooms or more sent over it (promise P7), else the limit."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from controller.nights.keeping import measured_bps
from controller.nights.told import find_tonight
from controller.services import Services

USUAL_HOURS = 8.0


@dataclass(frozen=True)
class Line:
    """The rate and the hours that a calculation begins with."""

    line_bps: int
    is_measured: bool
    hours: float


def find_line(services: Services, session: Session) -> Line:
    """Give the measured rate of all parts of this night, at most the limit, and the night's hours."""
    night, limit_bps = find_tonight(services, session), services.config.uploads.rate_bps
    hours = (night.closes_at - night.opens_at).total_seconds() / 3600 if night else USUAL_HOURS
    found = measured_bps(session, services.clock()) if night and night.total else None
    return Line(min(limit_bps, int(found)) if found else limit_bps, found is not None, round(hours, 1) or USUAL_HOURS)

"""Notes the counters that a unit says, and quarantines a unit whose card is an older copy or has a twin.

What counts as one is policy.py's. A quarantined unit may fetch documents and renew, and delivers again when a person
has looked (`device accept`); what it records meanwhile stays on its card, sealed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from sqlalchemy.orm import Session

from controller.devices.history import UNIT, Deed, Happening, note_event
from controller.devices.models import Device, UnitCounter
from controller.devices.policy import RULES, SUSPICIOUS, Change, Finding, is_allowed, judge_counters
from controller.errors import Refusal
from controller.services import Services
from protocol.counters import Counters, CountersError, parse_counters

log = logging.getLogger(__name__)


def note_counters(
    services: Services,
    device: str,
    header: str | None,
    judge: Callable[[Counters, Counters | None], Finding] = judge_counters,
) -> Finding:
    """Note what a unit says of itself, and quarantine it where that cannot be; raise `Refusal` for a malformed header.

    A unit that says nothing is not judged: an older release does not know the header. `judge` is another rule of
    policy.py where what is said may be old, as on a stick.
    """
    if header is None:
        return Finding.PLAUSIBLE
    said = _parse(header)
    with services.database.reading() as session:
        if _known(session, device) == said:
            return Finding.PLAUSIBLE  # as nearly always: nothing is written
    with services.database.writing() as session:
        row = session.get_one(Device, device, with_for_update=True)
        finding = judge(said, _known(session, device))
        if finding is Finding.PLAUSIBLE:
            _store(session, device, said, services)
        elif finding in SUSPICIOUS:
            _quarantine(session, row, finding, services)
    return finding


def _parse(header: str) -> Counters:
    try:
        return parse_counters(header)
    except CountersError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "counters_malformed", str(error)) from None


def _known(session: Session, device: str) -> Counters | None:
    row = session.get(UnitCounter, device)
    return Counters(birth=row.birth, boots=row.boots, boot=row.boot) if row else None


def _store(session: Session, device: str, said: Counters, services: Services) -> None:
    row = session.get(UnitCounter, device) or UnitCounter(device=device)
    row.birth, row.boots, row.boot, row.noted_at = said.birth, said.boots, said.boot, services.clock()
    session.add(row)


def forget_counters(session: Session, device: str) -> None:
    """Forget what is known: the next that a unit says is believed, as after a person looked."""
    row = session.get(UnitCounter, device)
    if row is not None:
        session.delete(row)


def _quarantine(session: Session, row: Device, finding: Finding, services: Services) -> None:
    if not is_allowed(Change.QUARANTINE, row.state):
        return
    row.state, row.state_reason = RULES[Change.QUARANTINE].leads_to or row.state, finding.value
    row.fence += 1  # what is being sent now ends here
    note_event(session, row.id, Happening.QUARANTINED, Deed(UNIT, services.clock()), finding.value)
    log.warning("unit %s is quarantined: its counters are %s; look at it, then: device accept", row.id, finding.value)

"""What a unit says of its spool, written down for the scheduler: over MQTT, or in a header when it asks for a lease.

Both count alike, and the newest stands. Nobody else is shown it (promise P7). Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from sqlalchemy.orm import Session

from controller.devices.models import Device
from controller.errors import Refusal
from controller.services import Services
from controller.uploads.models import SpoolReportRow
from protocol.backlog import Backlog, parse_backlog
from protocol.errors import ProtocolError
from protocol.messages import SpoolReport


def read_header(text: str | None) -> Backlog | None:
    """Read `Backrow-Spool`; None where an older release says nothing. Raise `Refusal` for another form."""
    try:
        return parse_backlog(text) if text is not None else None
    except ProtocolError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "spool_malformed", str(error)) from None


def note_asking(services: Services, device: str, said: Backlog | None) -> None:
    """Remember that a unit asked for a lease, and what waits there, if it said so."""
    now = services.clock()
    with services.database.writing() as session:
        session.get_one(Device, device).asked_at = now
        if said is not None:
            _keep(session, _row_of(session, device, said_at=now), said, now)


def note_report(session: Session, said: SpoolReport, now: datetime) -> None:
    """Write down what came over MQTT; what was said earlier than what is known changes nothing."""
    row = _row_of(session, said.device, said_at=said.at)
    if said.at < row.said_at:
        return
    row.said_at, row.oldest_at = said.at, said.oldest_at
    backlog = Backlog(
        waiting_bytes=said.waiting_bytes,
        due_bytes=min(said.due_bytes, said.waiting_bytes),
        measured_bps=said.measured_bps,
        link_bps=said.link_bps,
    )
    _keep(session, row, backlog, now)


def _row_of(session: Session, device: str, *, said_at: datetime) -> SpoolReportRow:
    row = session.get(SpoolReportRow, device)
    if row is None:
        row = SpoolReportRow(device=device, said_at=said_at)
        session.add(row)
    return row


def _keep(session: Session, row: SpoolReportRow, said: Backlog, now: datetime) -> None:
    """Keep what was said, and since when something waits; the unit's own clock (`said_at`) orders its messages."""
    row.waiting_bytes, row.due_bytes = said.waiting_bytes, said.due_bytes
    row.measured_bps, row.link_bps = said.measured_bps, said.link_bps
    row.waiting_since = (row.waiting_since or now) if row.waiting_bytes else None
    row.received_at = now

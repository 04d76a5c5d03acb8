"""Lets a room's owner record without timetable and answers until a day: only adults who accepted, as a pilot.

Each word about a room is a row of its own, and the newest one holds; the unit is told in the same transaction.
Defined in docs/protocol/consent.md ("The school's rules").
"""

from __future__ import annotations

from datetime import date, timedelta

from controller.consent import repo
from controller.consent.models import REASON_CHARS, Pilot
from controller.consent.places import require_known_room
from controller.consent.refusals import ConsentRefusedError, Fault
from controller.devices.policies import reissue_for_rooms
from controller.services import Services

LONGEST = timedelta(days=184)
"""A pilot that goes on for more than half a year is none."""


def begin_pilot(services: Services, room: str, *, until: date, reason: str, by: str) -> None:
    """Let only adults who accepted be recorded in a room until a day inclusive, or that long from now on.

    Raises `ConsentRefusedError`.
    """
    today = services.clock().astimezone(services.config.controller.time_zone).date()
    if until < today:
        raise ConsentRefusedError(Fault.DAY_OVER, "holds_until", today=str(today), got=str(until))
    if until > today + LONGEST:
        raise ConsentRefusedError(Fault.DAY_TOO_FAR, "holds_until", most=str(today + LONGEST), got=str(until))
    if not reason.strip():
        raise ConsentRefusedError(Fault.REASON_MISSING, "reason", settings="pilot")
    if len(reason.strip()) > REASON_CHARS:
        raise ConsentRefusedError(Fault.REASON_TOO_LONG, "reason", most=REASON_CHARS, got=len(reason.strip()))
    _write(services, Pilot(room=room, until=until, reason=reason.strip(), set_by=by, set_at=services.clock()))


def end_pilot(services: Services, room: str, *, by: str) -> None:
    """End a room's pilot now; raise `ConsentRefusedError` when there is none."""
    today = services.clock().astimezone(services.config.controller.time_zone).date()
    with services.database.reading() as session:
        if room not in repo.pilots_on(session, today):
            raise ConsentRefusedError(Fault.NO_PILOT, "pilot")
    _write(services, Pilot(room=room, until=None, reason="", set_by=by, set_at=services.clock()))


def _write(services: Services, row: Pilot) -> None:
    with services.database.writing() as session:
        room = require_known_room(session, row.room).id
        session.add(row)
        session.flush()
        reissue_for_rooms(services, session, {room})

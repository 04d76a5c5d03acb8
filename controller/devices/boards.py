"""Keeps the board that a unit says it is in, for people to read; nothing is decided by it.

Another serial number than before is a line in the unit's history: its card was moved to another board, or copied.
What a unit says there, it could say otherwise (docs/THREAT_MODEL.md).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.devices.history import UNIT, Deed, Happening, note_event
from controller.devices.models import Device, DeviceEvent
from controller.services import Services
from protocol.board import Board, BoardError, parse_board

log = logging.getLogger(__name__)
MOVES_EVERY = timedelta(hours=1)
"""Two boards that speak as one unit shall not fill its history: another move counts when an hour has passed."""


def note_board(services: Services, device: str, header: str | None) -> None:
    """Keep what a unit says of its board; a header of another form is passed over with a word, and costs nothing."""
    said = _parse(device, header) if header is not None else None
    if said is None:
        return
    with services.database.reading() as session:
        if _merge(_known(session.get_one(Device, device)), said) is None:
            return  # as nearly always: nothing is written
    with services.database.writing() as session:
        _keep(session, session.get_one(Device, device, with_for_update=True), said, services.clock())


def _parse(device: str, header: str) -> Board | None:
    try:
        return parse_board(header)
    except BoardError as error:
        log.warning("unit %s: %s; its board is left as it was", device, error)
        return None


def _known(row: Device) -> Board:
    return Board(model=row.model, serial=row.serial)


def _is_another(known: Board, said: Board) -> bool:
    return bool(known.serial and said.serial) and known.serial != said.serial


def _merge(known: Board, said: Board) -> Board | None:
    """Give what is known then, or None when nothing is new; of the same board, what is not said now stays."""
    if _is_another(known, said):
        return said
    merged = Board(model=said.model or known.model, serial=said.serial or known.serial)
    return None if merged == known else merged


def _keep(session: Session, row: Device, said: Board, now: datetime) -> None:
    known = _known(row)
    merged = _merge(known, said)
    if merged is None:
        return
    if _is_another(known, said):
        if _moved_since(session, row.id, now - MOVES_EVERY):
            return
        note_event(session, row.id, Happening.OTHER_BOARD, Deed(UNIT, now), f"{known.serial} -> {said.serial}")
    row.model, row.serial = merged.model, merged.serial


def _moved_since(session: Session, device: str, since: datetime) -> bool:
    moves = DeviceEvent.device == device, DeviceEvent.what == Happening.OTHER_BOARD.value, DeviceEvent.at > since
    return session.scalars(select(DeviceEvent.id).where(*moves).limit(1)).first() is not None

"""Reading and writing the epochs' tables. Every function takes the session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controller.devices.history import Happening
from controller.devices.models import Device, DeviceEvent, DeviceState
from controller.enrollment.models import RecorderKey
from controller.epochs.models import Epoch, EpochEnd, EpochStatement, EpochWaiver
from controller.epochs.policy import Said, Span, Unit
from controller.uploads.models import SpoolReportRow
from protocol import documents
from protocol.epochs import EpochsHeld, peek_epochs_held


def note_epochs(session: Session, epochs: Iterable[documents.Epoch]) -> None:
    """Remember when each epoch of a list of recipients is; one that is known stays as it is."""
    known = set(session.scalars(select(Epoch.name)))
    for epoch in epochs:
        if epoch.name not in known:
            session.add(Epoch(name=epoch.name, begins_at=epoch.begins_at, ends_at=epoch.ends_at))
    session.flush()


def find_span(session: Session, name: str) -> Span | None:
    """Give an epoch that some list of recipients named."""
    row = session.get(Epoch, name)
    return Span(name=row.name, begins_at=row.begins_at, ends_at=row.ends_at) if row else None


def spans(session: Session) -> Sequence[Span]:
    """Give every epoch that a list of recipients ever named, the earliest first."""
    rows = session.scalars(select(Epoch).order_by(Epoch.begins_at))
    return [Span(name=row.name, begins_at=row.begins_at, ends_at=row.ends_at) for row in rows]


def ends(session: Session) -> Mapping[str, EpochEnd]:
    """Give the epochs that have ended, or whose end has begun, by name."""
    return {row.epoch: row for row in session.scalars(select(EpochEnd))}


def find_end(session: Session, epoch: str) -> EpochEnd | None:
    """Give the end of an epoch, done or begun."""
    return session.get(EpochEnd, epoch)


def begin_end(session: Session, epoch: str, now: datetime) -> None:
    """Write down that an epoch's end begins: from now on nothing but its end can follow."""
    session.add(EpochEnd(epoch=epoch, begun_at=now))


def waived(session: Session) -> Mapping[str, frozenset[str]]:
    """Give the units that were waived, by epoch."""
    found: dict[str, set[str]] = {}
    for row in session.scalars(select(EpochWaiver)):
        found.setdefault(row.epoch, set()).add(row.device)
    return {epoch: frozenset(devices) for epoch, devices in found.items()}


def statement_of(session: Session, device: str) -> EpochStatement | None:
    """Give a unit's newest statement."""
    return session.get(EpochStatement, device)


def keep_statement(session: Session, said: EpochsHeld, line: bytes, now: datetime) -> None:
    """Put a unit's verified statement in place of the one before."""
    row = session.get(EpochStatement, said.device) or EpochStatement(device=said.device)
    row.line, row.counter, row.received_at = line, said.counter, now
    session.add(row)


def units(session: Session) -> Sequence[Unit]:
    """Give every unit with what an epoch's end must know of it, by label."""
    said = {row.device: _read(row) for row in session.scalars(select(EpochStatement))}
    retired = (
        select(DeviceEvent.device, func.max(DeviceEvent.at))
        .where(DeviceEvent.what == Happening.RETIRED.value)
        .group_by(DeviceEvent.device)
    )
    signed = set(session.scalars(select(RecorderKey.device)))
    retired_at: dict[str, datetime] = {device: at for device, at in session.execute(retired)}
    return [
        Unit(
            device=row.id,
            label=row.label,
            state=row.state,
            said=said.get(row.id),
            retired_at=retired_at.get(row.id) if row.state is DeviceState.RETIRED else None,
            has_signed=row.recorder_key is not None or row.id in signed,
        )
        for row in session.scalars(select(Device).order_by(Device.label, Device.id))
    ]


def waiting_bytes(session: Session, devices: Iterable[str]) -> int:
    """Add up what units said waits on them: a sum that is told of five units or more alone (promise P7)."""
    mine = select(func.sum(SpoolReportRow.waiting_bytes)).where(SpoolReportRow.device.in_(list(devices)))
    return session.scalar(mine) or 0


def _read(row: EpochStatement) -> Said:
    said = peek_epochs_held(row.line)
    return Said(at=said.at, received_at=row.received_at, held=frozenset(said.held), unknown=said.unknown)

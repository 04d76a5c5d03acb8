"""Signed commands to units: issued, kept while they hold, and sent again to whoever may have missed them.

What can be asked of a unit is protocol/commands.py's list; whether it may be asked now is policy.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices.models import Device, DeviceState, UnitCommand
from controller.services import Services
from protocol.commands import Command, Task
from protocol.documents import issue_document, peek_document, verify_document
from protocol.signing import SignatureError
from protocol.topics import Down


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of a unit, for how long that holds, and when a retirement may wipe it at the earliest."""

    task: Task
    holds: timedelta
    not_before: datetime | None = None


def issue_command(services: Services, session: Session, device: str, wish: Wish) -> bytes:
    """Sign the next command for a task and put it into the outbox; call inside a writing session."""
    now = services.clock()
    row = session.get(UnitCommand, (device, wish.task.value))
    command = Command(
        generation=services.config.controller.generation,
        version=row.version + 1 if row else 1,
        issued_at=now,
        expires_at=now + wish.holds,
        device=device,
        task=wish.task,
        not_before=wish.not_before,
    )
    line = issue_document(command, services.keys.policy)
    row = row or UnitCommand(device=device, task=wish.task.value)
    row.version, row.line, row.ends_at = command.version, line, command.expires_at
    session.add(row)
    outbox.enqueue(session, device=device, kind=Down.COMMAND, line=line, now=now)
    return line


def commands_in_force(session: Session, device: str, now: datetime) -> Sequence[bytes]:
    """Give the signed lines of the commands that hold for a unit."""
    holding = select(UnitCommand.line).where(UnitCommand.device == device, UnitCommand.ends_at > now)
    return session.scalars(holding.order_by(UnitCommand.task)).all()


def renew_retirements(services: Services) -> int:
    """Sign retirements anew whose key the keyring names no more, for units that have not come yet; tell how many."""
    retired = (
        select(UnitCommand)
        .join(Device, Device.id == UnitCommand.device)
        .where(Device.state == DeviceState.RETIRED, UnitCommand.task == Task.RETIRE.value)
    )
    with services.database.writing() as session:
        stale = [row for row in session.scalars(retired) if not _is_believed(services, row.line)]
        for row in stale:
            held = peek_document(Command, row.line)
            wish = Wish(task=Task.RETIRE, holds=held.expires_at - services.clock(), not_before=held.not_before)
            issue_command(services, session, row.device, wish)
    return len(stale)


def _is_believed(services: Services, line: bytes) -> bool:
    try:
        verify_document(Command, line, services.keys.trust)
    except SignatureError:
        return False
    return True

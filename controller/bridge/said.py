"""What one message of a unit means for the database.

A message must say on its topic and in its body that it comes from the same device, and that device must be one of the
school's. A birth that was not known brings keyring, recipients, policy, schedule, lease, commands and receipts again.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.calendar.schedules import schedule_of
from controller.devices import repo as devices
from controller.devices.models import Device
from controller.devices.policies import policy_of
from controller.devices.policy import HEARD
from controller.devices.unit_commands import commands_in_force
from controller.recordings.models import Recording
from controller.services import Services
from controller.uploads import leases
from controller.uploads.spools import note_report
from protocol.documents import Receipt
from protocol.errors import ProtocolError
from protocol.messages import Ack, Health, Presence, SpoolReport, Verdict, parse_message
from protocol.topics import Down, Up, parse_up

RECEIPTS_AGAIN = 200


class UnknownDeviceError(ProtocolError):
    """A message comes from a device that is not the school's, or speaks for another one."""


def hear(services: Services, session: Session, topic: str, payload: bytes) -> None:
    """Write one message down; raise a `ProtocolError` when it is malformed or from nobody of ours."""
    said_on = parse_up(topic)
    device = session.get(Device, said_on.device)
    if device is None or device.state not in HEARD:
        raise UnknownDeviceError(f"device {said_on.device} is not one of this school's")
    now = services.clock()
    if said_on.kind is Up.PRESENCE:
        presence = parse_message(Presence, payload)
        _require_same(presence.device, device)
        if devices.note_presence(session, presence, now):
            say_all_again(services, session, device)
    elif said_on.kind is Up.HEALTH:
        health = parse_message(Health, payload)
        _require_same(health.device, device)
        devices.note_health(session, health, now)
    elif said_on.kind is Up.SPOOL:
        report = parse_message(SpoolReport, payload)
        _require_same(report.device, device)
        note_report(session, report, now)
    else:
        ack = parse_message(Ack, payload)
        _require_same(ack.device, device)
        _note_ack(session, ack)


def _require_same(said_by: str, device: Device) -> None:
    if said_by != device.id:
        raise UnknownDeviceError(f"a message on the topic of {device.id} says that it is from {said_by[:40]!r}")


def _note_ack(session: Session, ack: Ack) -> None:
    """Remember which receipt a unit has; versions of receipts count per device, so that one is named."""
    if ack.document != Receipt.KIND or ack.verdict is Verdict.REFUSED:
        return
    mine = select(Recording).where(Recording.device == ack.device, Recording.receipt_version == ack.version)
    for row in session.scalars(mine):
        row.receipt_acked = ack.version


def say_all_again(services: Services, session: Session, device: Device) -> None:
    """Put into the outbox what a unit may have missed while it was away."""
    now = services.clock()
    lines = {
        Down.KEYRING: services.keys.keyring_line,
        Down.RECIPIENTS: services.keys.recipients_line,
        Down.POLICY: policy_of(device),
        Down.SCHEDULE: schedule_of(device),
        Down.LEASE: leases.current_line(session, device.id, now),
    }
    for kind, line in lines.items():
        if line:
            outbox.enqueue(session, device=device.id, kind=kind, line=line, now=now)
    for line in commands_in_force(session, device.id, now):
        outbox.enqueue(session, device=device.id, kind=Down.COMMAND, line=line, now=now)
    for line in _unacked_receipts(session, device):
        outbox.enqueue(session, device=device.id, kind=Down.RECEIPT, line=line, now=now)


def _unacked_receipts(session: Session, device: Device) -> list[bytes]:
    mine = select(Recording.receipt_line).where(
        Recording.device == device.id,
        Recording.receipt_line.is_not(None),
        Recording.receipt_acked < Recording.receipt_version,
    )
    found = session.scalars(mine.order_by(Recording.receipt_version.desc()).limit(RECEIPTS_AGAIN)).all()
    return [line for line in reversed(found) if line]

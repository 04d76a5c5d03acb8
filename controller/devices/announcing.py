"""Telling every unit of a new keyring or new recipients, and replacing policies that an older key signed.

A unit that is away hears it when it comes back (its birth), or over HTTPS. Which lines were told last is remembered by
their digest in `announced`, so that a restart tells nobody twice; a cut between telling and remembering does, which
does no harm.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.devices.models import LIVING, Device
from controller.devices.policies import issue_policy
from controller.services import Services
from protocol.durable import replace_file
from protocol.signing import split_line
from protocol.topics import Down

ANNOUNCED = "announced"


def announce_keys(services: Services) -> int:
    """Put keyring and recipients into the outbox of every unit once they changed; tell how many units."""
    keys, path = services.keys, services.config.controller.data / ANNOUNCED
    digest = hashlib.sha256(keys.keyring_line + keys.recipients_line).hexdigest()
    if _read(path) == digest:
        return 0
    with services.database.writing() as session:
        devices = session.scalars(select(Device).where(Device.state.in_(LIVING))).all()
        for device in devices:
            _announce(services, session, device)
    replace_file(path, digest.encode("ascii"))
    return len(devices)


def _announce(services: Services, session: Session, device: Device) -> None:
    now, keys = services.clock(), services.keys
    for kind, line in ((Down.KEYRING, keys.keyring_line), (Down.RECIPIENTS, keys.recipients_line)):
        outbox.enqueue(session, device=device.id, kind=kind, line=line, now=now)
    if device.policy_line and split_line(device.policy_line).key_id != keys.policy.verifying.key_id:
        issue_policy(services, session, device)


def _read(path: Path) -> str:
    return path.read_text("ascii", "replace") if path.exists() else ""

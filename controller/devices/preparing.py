"""Preparing a unit: it is entered as *pending*, and its bundle is written, without a private key.

The unit makes its keys itself and joins with the one-time secret of the bundle (docs/protocol/enrollment.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from controller.devices.bundle import Bundle, Tables, store_bundle
from controller.devices.cards import encode_room
from controller.devices.history import OPERATOR, Deed, Happening, note_event
from controller.devices.life import find_unit
from controller.devices.models import Device, DeviceState
from controller.devices.services import NewDevice, device_tables, find_owner, require_sound_label
from controller.devices.trial import require_taken_by_unit
from controller.enrollment.claims import make_secret
from controller.enrollment.repo import end_recorder_key
from controller.services import Services


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A unit that can join."""

    device: str
    label: str


def prepare_device(services: Services, wanted: NewDevice, out: Path) -> Prepared:
    """Enter a pending unit and write its bundle to `out`; raise `OperatorError`.

    Nothing is entered without a bundle, and nothing is written that the unit's own code would refuse.
    """
    require_sound_label(wanted)
    device = services.new_id()
    tables = _joining_tables(services, device, wanted)
    require_taken_by_unit(tables)
    with services.database.writing() as session:
        row = _enter(services, session, device, wanted)
        secret = make_secret(services, session, row)
        store_bundle(out, _bundle(services, tables, secret))
    return Prepared(device=device, label=wanted.label)


def require_preparable(services: Services, wanted: NewDevice) -> None:
    """Refuse what `prepare_device` would refuse, and enter nothing; raise `OperatorError`."""
    require_sound_label(wanted)
    require_taken_by_unit(_joining_tables(services, services.new_id(), wanted))
    with services.database.reading() as session:
        find_owner(session, wanted.owner)


def _joining_tables(services: Services, device: str, wanted: NewDevice) -> Tables:
    tables = device_tables(services.config, device, wanted)
    address = {"url": services.config.people_url, **tables.get("enrollment", {})}
    return {**tables, "enrollment": address}


def _bundle(services: Services, tables: Tables, secret: str) -> Bundle:
    return Bundle(
        tables=tables,
        root=services.keys.trust.root,
        authority_pem=services.keys.root_ca_pem,
        state={"keyring": services.keys.keyring_line, "recipients": services.keys.recipients_line},
        secret=secret,
    )


def _enter(services: Services, session: Session, device: str, wanted: NewDevice) -> Device:
    row = Device(
        id=device,
        label=wanted.label,
        owner=find_owner(session, wanted.owner),
        state=DeviceState.PENDING,
        added_at=services.clock(),
        card=encode_room(wanted.settings),
        policy_version=0,
        fence=0,
        receipt_version=0,
    )
    session.add(row)
    session.flush()
    note_event(session, device, Happening.PREPARED, Deed(OPERATOR, services.clock()), wanted.label)
    return row


def renew_secret(services: Services, unit: str) -> str:
    """Make a unit's next one-time secret; raise `OperatorError` for a unit that cannot join."""
    with services.database.writing() as session:
        return make_secret(services, session, find_unit(session, unit))


def readopt_device(services: Services, unit: str) -> str:
    """Take a unit on again whose card was made anew, and give its next one-time secret; raise `OperatorError`.

    Its recorder's key ends, so that the next first one is taken; a quarantined unit must join again.
    """
    with services.database.writing() as session:
        row, now = find_unit(session, unit), services.clock()
        if row.state is DeviceState.QUARANTINED:
            row.state, row.state_reason = DeviceState.PENDING, ""
        secret = make_secret(services, session, row)
        end_recorder_key(session, row, now)
        note_event(session, row.id, Happening.READOPTED, Deed(OPERATOR, now))
    return secret

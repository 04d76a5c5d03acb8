"""Adding a unit: its keys and certificate are made, it is entered, and its bundle is written.

The unit's private keys leave the controller in the bundle and are kept nowhere here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.config import Config
from controller.devices.bundle import Bundle, Tables, store_bundle
from controller.devices.cards import encode_room, page_address
from controller.devices.models import Device, DeviceState
from controller.devices.policies import issue_policy
from controller.devices.trial import require_taken_by_unit
from controller.enrollment.models import KeyOrigin
from controller.enrollment.repo import enter_certificate, enter_recorder_key
from controller.errors import OperatorError
from controller.keys import load_authority
from controller.services import Services
from protocol.pki import Credential, issue_device
from protocol.room.facts import require_label
from protocol.signing import SigningKey


@dataclass(frozen=True, kw_only=True)
class NewDevice:
    """What is asked for: a label for people, whose unit it is, and what its device.toml shall say beside."""

    label: str
    owner: str
    settings: Mapping[str, Mapping[str, Any]]


def add_device(services: Services, wanted: NewDevice, out: Path) -> Device:
    """Enter a unit and write its bundle to `out`; raise `OperatorError`.

    Nothing is entered without a bundle, and nothing is written that the unit's own code would refuse.
    """
    require_sound_label(wanted)
    authority = load_authority(services.config.controller.keys)
    device, recorder = services.new_id(), SigningKey.generate()
    tables = device_tables(services.config, device, wanted)
    require_taken_by_unit(tables)
    credential = issue_device(authority, device, now=services.clock())
    with services.database.writing() as session:
        row = _enter(services, session, wanted, (device, recorder, credential))
        policy = issue_policy(services, session, row)
        bundle = Bundle(
            tables=tables,
            root=services.keys.trust.root,
            recorder=recorder,
            credential=credential,
            authority_pem=services.keys.root_ca_pem,
            state={
                "keyring": services.keys.keyring_line,
                "recipients": services.keys.recipients_line,
                "policy": policy,
            },
        )
        store_bundle(out, bundle)
    return row


def require_sound_label(wanted: NewDevice) -> None:
    """Raise `OperatorError` for a label that no room card can show."""
    try:
        require_label(wanted.label, "--label")
    except ValueError as error:
        raise OperatorError(str(error)) from None


def _enter(services: Services, session: Session, wanted: NewDevice, made: tuple[str, SigningKey, Credential]) -> Device:
    device, recorder, credential = made
    row = Device(
        id=device,
        label=wanted.label,
        owner=find_owner(session, wanted.owner),
        state=DeviceState.ACTIVE,
        added_at=services.clock(),
        card=encode_room(wanted.settings),
        policy_version=0,
        fence=0,
        receipt_version=0,
    )
    session.add(row)
    session.flush()
    enter_certificate(session, device, credential.certificate, now=services.clock())
    enter_recorder_key(session, row, recorder.verifying.encode(), how=KeyOrigin.ENROLLED, now=services.clock())
    return row


def find_owner(session: Session, owner: str) -> str:
    """Give the account's id for an id or an address; raise `OperatorError` when no teacher has it."""
    account = (
        session.get(Account, owner)
        or session.scalars(select(Account).where(Account.email == owner.strip().lower())).first()
    )
    if account is None:
        raise OperatorError(f"--owner {owner}: no account has this id or address; make the teacher's account first")
    if account.role is not Role.TEACHER:
        raise OperatorError(f"--owner {owner}: expected a teacher, got an account of role {account.role}")
    return account.id


def device_tables(config: Config, device: str, wanted: NewDevice) -> Tables:
    """Say what stands in the unit's device.toml; what is asked for overrides what the configuration tells."""
    scheme = "https" if config.units.tls else "http"
    tables: dict[str, dict[str, Any]] = {
        "device": {"id": device, "label": wanted.label, "data": "data", **_timezone(config)},
        "controller": {"url": f"{scheme}://{config.units.host}:{config.units.port}", **_page(config)},
        "broker": _broker(config),
        "camera": {"kind": "picamera2"},
        "pins": {"kind": "gpio"},
    }
    for table, keys in wanted.settings.items():
        tables[table] = {**tables.get(table, {}), **keys}
    if tables["camera"].get("kind") == "picamera2":
        tables.setdefault("microphone", {"kind": "auto"})
    tables["device"].setdefault("production", _is_real(tables))
    return tables


def _broker(config: Config) -> dict[str, Any]:
    broker = config.broker
    return {
        "host": broker.units_host or broker.host,
        "port": broker.units_port or broker.port,
        "tls": broker.tls,
    }


def _page(config: Config) -> dict[str, str]:
    """Name the pages that the unit's own card leads to, once the school has said where they are."""
    address = page_address(config)
    return {"page": address} if address else {}


def _timezone(config: Config) -> dict[str, str]:
    """Name the school's zone, unless the controller was told none: then the unit goes by its own machine's."""
    zone = config.controller.time_zone.key
    return {} if zone == "UTC" else {"timezone": zone}


def _is_real(tables: Tables) -> bool:
    """Tell whether a unit sees a room and speaks only over TLS: only then it is told to refuse everything else."""
    camera, pins = tables["camera"].get("kind"), tables["pins"].get("kind")
    hears = tables.get("microphone", {}).get("kind") != "synthetic"
    encrypted = str(tables["controller"].get("url")).startswith("https://") and tables["broker"].get("tls") is True
    return (camera, pins) == ("picamera2", "gpio") and hears and encrypted

"""What a new unit is told: whose it is, what it is called, and everything that its device.toml says.

Writes nothing; controller/devices/preparing.py enters the unit and writes its bundle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.accounts.models import Account, Role
from controller.accounts.roles import roles_of, spell_roles
from controller.config import Config
from controller.devices.bundle import Tables
from controller.devices.cards import page_address, room_address
from controller.errors import OperatorError
from protocol.room.facts import require_label


@dataclass(frozen=True, kw_only=True)
class NewDevice:
    """What is asked for: a label for people, whose unit it is, and what its device.toml shall say beside."""

    label: str
    owner: str
    settings: Mapping[str, Mapping[str, Any]]


def require_sound_label(wanted: NewDevice) -> None:
    """Raise `OperatorError` for a label that no room card can show."""
    try:
        require_label(wanted.label, "--label")
    except ValueError as error:
        raise OperatorError(str(error)) from None


def find_owner(session: Session, owner: str) -> str:
    """Give the account's id for an id or an address; raise `OperatorError` when no teacher has it."""
    account = (
        session.get(Account, owner)
        or session.scalars(select(Account).where(Account.email == owner.strip().lower())).first()
    )
    if account is None:
        raise OperatorError(f"--owner {owner}: no account has this id or address; make the teacher's account first")
    roles = roles_of(session, account.id)
    if Role.TEACHER not in roles:
        raise OperatorError(f"--owner {owner}: expected a teacher, got an account of {spell_roles(roles)}")
    return account.id


def device_tables(config: Config, device: str, wanted: NewDevice) -> Tables:
    """Say what stands in the unit's device.toml; what is asked for overrides what the configuration tells."""
    tables: dict[str, dict[str, Any]] = {
        "device": {"id": device, "label": wanted.label, "data": "data", **_timezone(config)},
        "controller": {"url": config.units.address, **_pages(config, device, wanted.label)},
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


def _pages(config: Config, device: str, label: str) -> dict[str, str]:
    """Name the pages that the unit's own card prints and leads to, once the school has said where they are."""
    address = page_address(config)
    return {"page": address, "room_page": room_address(config, device, label)} if address else {}


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

"""What IT may read of a unit, as one form for page, REST and command line: never whether or how often it recorded (P7).

Made from the registry, presence, health, certificates and epochs; recordings, uploads and spool reports are not asked.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from controller.accounts.repo import names_of
from controller.devices.history import events_of
from controller.devices.models import Device, DeviceEvent, DeviceState, Health, Presence
from controller.devices.policy import Change, changes_for
from controller.devices.reasons import KEPT_FROM_WIPING, is_kept_from_wiping
from controller.enrollment.models import Certificate
from controller.epochs.policy import Span
from controller.epochs.services import awaited_of_units
from controller.rest.operations import Instant
from controller.roster.exports import escape
from controller.services import Services

COLUMNS = ("id", "label", "room", "site", "owner", "tags", "state", "state_reason", "model", "serial", "software")


class OwnerTold(TypedDict):
    """Whose a unit is."""

    id: str
    name: str


class PresenceTold(TypedDict):
    """Whether a unit can be reached, and since when that is so."""

    online: bool
    since: Instant


class HealthTold(TypedDict):
    """Whether a unit is fit, as it said last; reasons are codes, joined by semicolons."""

    fit: bool
    reason: str
    school_days_left: int | None


class UnitTold(TypedDict):
    """One unit as REST and `--json` tell it."""

    id: str
    label: str
    room: str
    site: str
    owner: OwnerTold
    tags: list[str]
    state: DeviceState
    state_reason: str
    remedy: str
    model: str
    serial: str
    software: str
    added_at: Instant
    certificate_ends_at: Instant | None
    presence: PresenceTold | None
    health: HealthTold | None
    epochs_waiting: list[str]
    actions: list[Change]


class EventTold(TypedDict):
    """One line of a unit's history."""

    at: Instant
    what: str
    by: str
    by_name: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class UnitForm:
    """One unit; `presence`, `health` and `certificate_ends_at` are None while there is none."""

    device: Device
    owner_name: str
    tags: tuple[str, ...]
    presence: Presence | None
    health: Health | None
    certificate_ends_at: datetime | None
    awaited: tuple[Span, ...]
    """The epochs that are due to end and wait for this unit's word."""

    @property
    def remedy(self) -> str:
        """Give what a person must do before the unit's life can end, to be translated; empty when nothing."""
        said = self.health.reason if self.health else ""
        return KEPT_FROM_WIPING if is_kept_from_wiping(self.device.state, said) else ""

    def to_json(self) -> UnitTold:
        """Give the form as REST and `--json` show it."""
        row = self.device
        return {
            "id": row.id,
            "label": row.label,
            "room": row.room_name,
            "site": row.site,
            "owner": {"id": row.owner, "name": self.owner_name},
            "tags": list(self.tags),
            "state": row.state,
            "state_reason": row.state_reason,
            "remedy": self.remedy,
            "model": row.model,
            "serial": row.serial,
            "software": self.presence.version if self.presence else row.software,
            "added_at": row.added_at.isoformat(),
            "certificate_ends_at": self.certificate_ends_at.isoformat() if self.certificate_ends_at else None,
            "presence": _presence(self.presence),
            "health": _health(self.health),
            "epochs_waiting": [span.name for span in self.awaited],
            "actions": list(changes_for(row.state)),
        }


def _presence(row: Presence | None) -> PresenceTold | None:
    return {"online": row.online, "since": row.changed_at.isoformat()} if row else None


def _health(row: Health | None) -> HealthTold | None:
    if row is None:
        return None
    return {"fit": row.fit, "reason": row.reason, "school_days_left": row.school_days_left}


def describe_unit(services: Services, session: Session, row: Device) -> UnitForm:
    """Describe one unit."""
    return describe_units(services, session, [row])[0]


def describe_units(services: Services, session: Session, rows: Sequence[Device]) -> list[UnitForm]:
    """Describe units, in their order."""
    names, awaited = names_of(session, {row.owner for row in rows}), awaited_of_units(services, session)
    return [
        UnitForm(
            device=row,
            owner_name=names.get(row.owner, ""),
            tags=tuple(json.loads(row.tags or "[]")),
            presence=session.get(Presence, row.id),
            health=session.get(Health, row.id),
            certificate_ends_at=_certificate_end(session, row.id),
            awaited=awaited.get(row.id, ()),
        )
        for row in rows
    ]


def all_units(
    session: Session, states: Iterable[DeviceState], among: ColumnElement[bool] | None = None
) -> Sequence[Device]:
    """Give the units in some states, by label; `among`: a condition for those that somebody knows of."""
    wanted = select(Device).where(Device.state.in_(tuple(states))).order_by(Device.label, Device.id)
    return session.scalars(wanted if among is None else wanted.where(among)).all()


def _certificate_end(session: Session, device: str) -> datetime | None:
    held = select(Certificate.ends_at).where(Certificate.device == device, Certificate.revoked_at.is_(None))
    return session.scalars(held.order_by(Certificate.ends_at.desc()).limit(1)).first()


@dataclass(frozen=True, kw_only=True)
class EventForm:
    """One line of a unit's history; `by_name` is empty where it was no account."""

    event: DeviceEvent
    by_name: str

    def to_json(self) -> EventTold:
        """Give the line as REST and `--json` show it."""
        row = self.event
        return {
            "at": row.at.isoformat(),
            "what": row.what,
            "by": row.by,
            "by_name": self.by_name,
            "detail": row.detail,
        }


def describe_history(session: Session, device: str) -> list[EventForm]:
    """Describe a unit's history, the newest first."""
    events = events_of(session, device)
    names = names_of(session, {event.by for event in events})
    return [EventForm(event=event, by_name=names.get(event.by, "")) for event in events]


def encode_csv(units: Sequence[UnitForm]) -> str:
    """Write units as CSV, with a header; a cell that a spreadsheet would take for a formula is disarmed."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow([*COLUMNS, "certificate_ends_at"])
    for unit in units:
        told: dict[str, Any] = {**unit.to_json()}
        told |= {"owner": unit.owner_name, "tags": " ".join(unit.tags)}
        table.writerow([escape(str(told[name] or "")) for name in (*COLUMNS, "certificate_ends_at")])
    return out.getvalue()

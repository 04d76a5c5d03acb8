"""The page of the units: reachable or not, fit or not and why, school days of space left.

Nothing on it tells whether or how often a unit recorded (promise P7). A teacher sees their own units, an admin all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from flask import Blueprint, Flask, render_template
from sqlalchemy.orm import Session

from controller.accounts.models import Role
from controller.accounts.repo import names_of
from controller.accounts.services import Person
from controller.auth.access import for_roles, signed_in
from controller.devices.api_views import UnitsApi
from controller.devices.card_views import CardPages
from controller.devices.forms import all_units
from controller.devices.life_views import LifePages
from controller.devices.models import LIVING, Device, Health, Presence
from controller.devices.reach import RUNNERS, are_known_to, is_run_by
from controller.devices.reasons import OVER_QUOTA, Reason, describe_reasons
from controller.disk.services import find_outlook
from controller.epochs.policy import Span
from controller.epochs.services import awaited_of_units
from controller.services import Services
from controller.uploads.quotas import over_quota
from protocol.messages import MOST_SCHOOL_DAYS


def register(app: Flask, services: Services) -> None:
    """Add the room's pages."""
    room = Blueprint("devices", __name__)
    UnitPages(services).add_to(room)
    CardPages(services).add_to(room)
    LifePages(services).add_to(room)
    UnitsApi(services).add_to(room)
    app.register_blueprint(room)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One unit as the page shows it; `presence` and `health` are None while it has said nothing."""

    device: Device
    presence: Presence | None
    health: Health | None
    reasons: tuple[Reason, ...]
    owner_name: str
    awaited: tuple[Span, ...]
    """The epochs that are due to end and wait for this unit's word."""

    @property
    def has_much_space(self) -> bool:
        """Tell whether the unit named the largest number of school days that it says: that many, or more."""
        days = self.health.school_days_left if self.health else None
        return days is not None and days >= MOST_SCHOOL_DAYS


class UnitPages:
    """What people see of units."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add_to(self, room: Blueprint) -> None:
        """Add the pages' addresses."""
        room.add_url_rule("/units", view_func=self.units)
        room.add_url_rule("/units/list", view_func=self.live_units)

    @for_roles(Role.TEACHER, *RUNNERS)
    def units(self) -> str:
        """Show the units."""
        return self._render("devices/units.html")

    @for_roles(Role.TEACHER, *RUNNERS)
    def live_units(self) -> str:
        """Give the part of the page that changes by itself."""
        return self._render("devices/_units.html")

    def _render(self, template: str) -> str:
        person = signed_in()
        with self._services.database.reading() as session:
            disk = find_outlook(self._services, session) if Role.ADMIN in person.roles else None
            return render_template(
                template,
                units=_list_units(self._services, session, person),
                disk=disk,
                runs=partial(is_run_by, person),
                is_runner=not person.roles.isdisjoint(RUNNERS),
            )


def _list_units(services: Services, session: Session, person: Person) -> list[Unit]:
    devices = all_units(session, LIVING, are_known_to(person))
    names = names_of(session, {device.owner for device in devices})
    awaited = awaited_of_units(services, session)
    over = over_quota(session, services.clock())
    units = [_describe(session, row, names.get(row.owner, ""), awaited.get(row.id, ())) for row in devices]
    return [
        replace(unit, reasons=(*unit.reasons, *describe_reasons(OVER_QUOTA))) if unit.device.id in over else unit
        for unit in units
    ]


def _describe(session: Session, device: Device, owner_name: str, awaited: tuple[Span, ...]) -> Unit:
    health = session.get(Health, device.id)
    return Unit(
        device=device,
        presence=session.get(Presence, device.id),
        health=health,
        reasons=describe_reasons(health.reason) if health else (),
        owner_name=owner_name,
        awaited=awaited,
    )

"""Which units are whose business: an admin's all, site IT's those of their sites, a teacher's own.

For everybody else a unit does not exist. Every page and every address for programs asks here.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true

from controller.accounts.models import Role
from controller.accounts.role_policy import sites_of
from controller.accounts.services import Person
from controller.devices.models import Device

RUNNERS = (Role.ADMIN, Role.IT)
"""Who runs units: prepares, moves, retires them, and reads their health and history."""


def sites_run_by(person: Person) -> frozenset[str] | None:
    """Give the sites whose units somebody runs; None for every site."""
    return None if Role.ADMIN in person.roles else sites_of(person.held, Role.IT)


def is_run_by(person: Person, site: str) -> bool:
    """Tell whether somebody runs the units of a site."""
    sites = sites_run_by(person)
    return sites is None or site in sites


def are_run_by(person: Person) -> ColumnElement[bool]:
    """Give the condition for the units that somebody runs."""
    sites = sites_run_by(person)
    return true() if sites is None else Device.site.in_(sites)


def are_known_to(person: Person) -> ColumnElement[bool]:
    """Give the condition for the units that somebody knows of: those they run, and their own."""
    return or_(are_run_by(person), Device.owner == person.id)


def is_known_to(person: Person, device: Device) -> bool:
    """Tell whether a unit is somebody's business."""
    return is_run_by(person, device.site) or device.owner == person.id

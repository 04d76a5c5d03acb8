"""Signed schedules: the openings of the next weeks for each unit, renewed every day and whenever they change.

A unit's schedule is made from its site's openings and its own offset. What it was made from is remembered by a digest,
so that a change reaches the units whose openings it changes and nobody else. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.calendar.offsets import stagger
from controller.calendar.policy import DAY, Hours, openings
from controller.calendar.repo import Calendar, read_calendar
from controller.devices.models import Device, DeviceState
from controller.devices.policy import DELIVERING, HEARD
from controller.services import Services
from protocol.documents import issue_document
from protocol.schedule import Opening, Schedule
from protocol.topics import Down

LASTS = timedelta(days=21)
SHORTEST = timedelta(days=14)
"""How far a schedule reaches ahead; the shorter one where the rate changes so often that it could not be sent."""
MOST_OPENINGS = 480  # of about 120 bytes each: a broker carries 64 KiB
AT_ONCE = 100  # units in one transaction, for other writers wait meanwhile
AT_A_TIME = 500  # units in one go of the job, for leases wait meanwhile: a second or two


_UNITS = select(Device.id, Device.site, Device.state, Device.sends_by_day, Device.schedule_basis).where(
    Device.state.in_(HEARD)
)


@dataclass(frozen=True)
class Basis:
    """What the schedules of some units are made from: until when it reaches, and the openings before any offset."""

    ends_at: datetime
    openings: tuple[Opening, ...]
    digest: str


def schedule_of(device: Device) -> bytes | None:
    """Give the newest schedule of a unit that is let in for documents."""
    return device.schedule_line if device.state in HEARD else None


def issue_due(services: Services) -> int:
    """Issue a schedule to units whose openings changed, or whose schedule is a day old, `AT_A_TIME`; tell how many."""
    with services.database.reading() as session:
        maker = _Maker(services, read_calendar(session, services.config, services.clock()))
        due = [unit.id for unit in session.execute(_UNITS) if maker.is_due(unit)][:AT_A_TIME]
    for some in _batches(due):
        with services.database.writing() as session:
            for device in session.scalars(select(Device).where(Device.id.in_(some), Device.state.in_(HEARD))):
                maker.issue(session, device)
    return len(due)


class _Unit(Protocol):
    """What of a unit its schedule is made from."""

    @property
    def site(self) -> str: ...
    @property
    def state(self) -> DeviceState: ...
    @property
    def sends_by_day(self) -> bool: ...
    @property
    def schedule_basis(self) -> str: ...


class _Maker:
    """Makes schedules at one instant: the openings once for all units of a site, a document for each."""

    def __init__(self, services: Services, calendar: Calendar) -> None:
        self._services = services
        self._calendar = calendar
        self._now = services.clock()
        self._key = services.keys.lease
        core = services.config.controller
        signed_by = f"{core.generation} {self._key.verifying.key_id}"
        self._reach = _Reach(core.time_zone, self._now.astimezone(UTC).date(), signed_by)
        self._bases: dict[tuple[str, bool, bool], Basis] = {}

    def is_due(self, unit: _Unit) -> bool:
        """Tell whether a unit's schedule was made from something else than holds now."""
        return unit.schedule_basis != self._basis(unit).digest

    def issue(self, session: Session, device: Device) -> None:
        """Issue the next schedule of a unit and put it into the outbox."""
        basis = self._basis(device)
        schedule = Schedule(
            generation=self._services.config.controller.generation,
            version=device.schedule_version + 1,
            issued_at=self._now,
            expires_at=basis.ends_at,
            device=device.id,
            openings=tuple(each for each in stagger(basis.openings, device.id) if each.ends_at > self._now),
        )
        line = issue_document(schedule, self._key)
        device.schedule_version, device.schedule_line = schedule.version, line
        device.schedule_ends_at, device.schedule_basis = schedule.expires_at, basis.digest
        outbox.enqueue(session, device=device.id, kind=Down.SCHEDULE, line=line, now=self._now)

    def _basis(self, unit: _Unit) -> Basis:
        group = (unit.site, unit.state in DELIVERING, unit.sends_by_day)
        if group not in self._bases:
            self._bases[group] = make_basis(self._hours(*group), self._reach)
        return self._bases[group]

    def _hours(self, site: str, delivers: bool, by_day: bool) -> Hours | None:  # noqa: FBT001 - columns of a row
        hours = self._calendar.of(site).promised() if delivers else None
        return replace(hours, trickle=None) if hours and not by_day else hours


@dataclass(frozen=True)
class _Reach:
    """The day from which schedules reach ahead, and what else a schedule depends on: generation and key."""

    zone: tzinfo
    day: date
    signed_by: str


@lru_cache(maxsize=2048)
def make_basis(hours: Hours | None, reach: _Reach) -> Basis:
    """Make what all schedules of a site have in common on one day; without hours nothing is open."""
    begins_at = datetime.combine(reach.day, time(), UTC) - DAY
    ends_at = begins_at + DAY + LASTS + DAY
    found = openings(hours, reach.zone, begins_at, ends_at) if hours else ()
    if len(found) > MOST_OPENINGS:
        ends_at = begins_at + DAY + SHORTEST + DAY
        found = tuple(opening for opening in found if opening.ends_at <= ends_at)
    digest = hashlib.sha256(f"{reach.day} {reach.signed_by} {found}".encode()).hexdigest()
    return Basis(ends_at, found, digest)


def _batches(devices: Sequence[str]) -> Iterator[Sequence[str]]:
    return (devices[first : first + AT_ONCE] for first in range(0, len(devices), AT_ONCE))

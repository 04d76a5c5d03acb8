"""A district for real sockets: a school's keys and database, its broker's files, and units with spools, on loopback.

Units are prepared and join by the controller's own code, each with a certificate, a data folder and a spool of its own.
What waits there are lessons that were really filmed, muxed, sealed and signed, small ones. Nothing runs yet.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from controller import wiring
from controller.accounts.models import Role
from controller.accounts.services import make_accounts
from controller.calendar.models import SiteHours, UploadPause
from controller.calendar.policy import Cap, default_hours
from controller.calendar.repo import SCHOOL, write_hours
from controller.calendar.window import ALWAYS, Window
from controller.config import load_config
from controller.devices.models import Device
from controller.devices.services import NewDevice
from controller.migrations import upgrade
from controller.services import Services
from protocol.keyfiles import load_signing_key
from tests.broker import free_port
from tests.e2e.stack import set_values
from tests.joined import add_device
from tests.lesson import Lesson, MediaSegment, record_synthetic
from tests.school import encode_toml, make_school
from tests.school_broker import SchoolBroker, school_broker

MINUTE = timedelta(minutes=1)
LEASE_S, TICK_S = 20, 2
SITES = 5
SITE_SHARE = 0.3  # of the line: three sites fill it, and the largest is bound by its own cap
SEGMENT_S, FILM_S = 5.0, 20.0
QUICK_UNIT: dict[str, dict[str, Any]] = {  # quarters of an hour become seconds
    "limits": {"lesson_bytes": 1024 * 1024, "spool_reserve_bytes": 1024 * 1024},
    "agent": {
        "presence_every_s": 10.0,
        "health_every_s": 10.0,
        "spool_every_s": 5.0,
        "reconnect_min_s": 0.2,
        "reconnect_max_s": 2.0,
    },
    "upload": {
        "look_every_s": 0.5,
        "chunk_bytes": 256 * 1024,
        "timeout_s": 10.0,
        "retry_min_s": 0.5,
        "retry_max_s": 15.0,
    },
}


@dataclass(frozen=True)
class Unit:
    """One unit on loopback, and the lessons that wait in its spool."""

    device: str
    site: str
    folder: Path
    lessons: tuple[Lesson, ...]

    @property
    def config(self) -> Path:
        """Give its device.toml."""
        return self.folder / "device.toml"

    @property
    def data(self) -> Path:
        """Give its data folder."""
        return self.folder / "data"

    @property
    def waiting_bytes(self) -> int:
        """Add up what waits."""
        return sum(len(data) for lesson in self.lessons for data in lesson.objects.values())


@dataclass(frozen=True)
class District:
    """All of it; `site_bps` is the cap of each site, `line_bps` the one of the line."""

    folder: Path
    services: Services
    broker: SchoolBroker
    units: tuple[Unit, ...]
    site_bps: Mapping[str, int]
    line_bps: int

    @property
    def config(self) -> Path:
        """Give the controller's configuration."""
        return self.folder / "controller.toml"

    def cap_bps(self, name: str) -> int:
        """Give the cap of a site, or of the line by any other name."""
        return self.site_bps.get(name, self.line_bps)

    def open_between(self, begins_at: datetime, break_at: datetime, goes_on_at: datetime, ends_at: datetime) -> None:
        """Let the night open, be closed for a while in its middle, go on, and end at a full minute after `ends_at`."""
        hours = Window((begins_at - MINUTE).time().replace(second=0, microsecond=0), _next_minute(ends_at))
        with self.services.database.writing() as session:
            session.get_one(UploadPause, SCHOOL).until = begins_at
            for site, rate_bps in self.site_bps.items():
                _write_hours(session.get_one(SiteHours, site), hours, rate_bps)
                session.add(UploadPause(site=site, since=break_at, until=goes_on_at, by="operator"))


def _next_minute(at: datetime) -> clock_time:
    return (at + MINUTE).time().replace(second=0, microsecond=0)


@contextmanager
def found_district(folder: Path, count: int, line_bps: int, chance: random.Random) -> Iterator[District]:
    """Found a district of `count` units; its line stays closed until somebody says when it opens."""
    school = make_school(folder, now=datetime.now(UTC))
    authority, root = school.authority, school.root_authority
    with school_broker(authority, root=root, now=school.now, connections=count + 64) as broker:
        services = _make_controller(folder, broker, count, line_bps)
        site_bps = {f"site {number}": int(line_bps * SITE_SHARE) for number in range(SITES)}
        _close(services, site_bps)
        owner = make_accounts(services).add(email="ada@school.example", name="Ada", role=Role.TEACHER)
        film = record_synthetic(seconds=FILM_S, segment_s=SEGMENT_S)
        sites = sorted(site_bps)
        units = [
            _make_unit(services, folder / f"unit-{number:03}", owner, _site(sites, number, count), film, chance)
            for number in range(count)
        ]
        yield District(folder, services, broker, tuple(units), site_bps, line_bps)
        services.database.close()


def _site(sites: Sequence[str], number: int, count: int) -> str:
    """Give two fifths of the units to the first site, so that its own cap binds it, and the rest in turn."""
    return sites[0] if number < count * 2 // 5 else sites[1 + number % (len(sites) - 1)]


def _make_controller(folder: Path, broker: SchoolBroker, count: int, line_bps: int) -> Services:
    tables: dict[str, dict[str, Any]] = {
        "controller": {"data": "controller", "keys": folder / "keys", "key_store": "key-store"},
        "people": {"port": free_port()},
        "units": {"port": free_port(), "threads": max(64, count * 5 // 4 + 16)},
        "broker": {
            "port": broker.plan.bridge_port,
            "units_port": broker.plan.units_port,
            "tls": True,
            "certificate": folder / "keys" / "bridge.pem",
            "key": folder / "keys" / "bridge.key",
        },
        "uploads": {
            "window": "always",
            "rate_bps": line_bps,
            "lease_s": LEASE_S,
            "tick_s": TICK_S,
            "reserve_bytes": 1_000_000,
        },
    }
    (folder / "controller").mkdir()
    (folder / "controller.toml").write_text(encode_toml(tables), "utf-8")
    services = wiring.make_services(load_config(folder / "controller.toml"))
    upgrade(services.database)
    return services


def _close(services: Services, site_bps: Mapping[str, int]) -> None:
    now = services.clock()
    with services.database.writing() as session:
        for site, rate_bps in site_bps.items():
            row = SiteHours(site=site, changed_at=now, changed_by="operator")
            _write_hours(row, ALWAYS, rate_bps)
            session.add(row)
        session.add(UploadPause(site=SCHOOL, since=now - timedelta(minutes=1), until=None, by="operator"))


def _write_hours(row: SiteHours, hours: Window, rate_bps: int) -> None:
    write_hours(row, replace(default_hours(hours, rate_bps), caps=(Cap(ALWAYS, rate_bps),)))


def _make_unit(
    services: Services, folder: Path, owner: str, site: str, film: Sequence[MediaSegment], chance: random.Random
) -> Unit:
    settings = {"camera": {"kind": "synthetic"}, "pins": {"kind": "mock"}}
    device = add_device(services, NewDevice(label=folder.name, owner=owner, settings=settings), folder).id
    with services.database.writing() as session:
        session.get_one(Device, device).site = site
    set_values(folder / "device.toml", QUICK_UNIT)
    recorder = load_signing_key(folder / "data" / "identity" / "recorder.key")
    now = services.clock()
    epoch = services.keys.recipients.epoch_at(now)
    assert epoch
    lessons = tuple(
        Lesson(
            device=device,
            owner=owner,
            recorder=recorder,
            epoch=epoch.name,
            epoch_identity=services.keys.epochs[epoch.name],
            segments=film[: chance.randint(1, len(film))],
            began_at=now - timedelta(hours=8 - number),
        )
        for number in range(chance.randint(1, 3))
    )
    for lesson in lessons:
        lay_down(lesson, folder / "data" / "spool")
    return Unit(device, site, folder, lessons)


def lay_down(lesson: Lesson, spool: Path) -> None:
    """Put a lesson into a spool as the recorder leaves it."""
    folder = spool / lesson.id
    folder.mkdir(mode=0o750, parents=True)
    for index, data in lesson.objects.items():
        (folder / ("key.age" if index == 0 else f"{index:06d}.age")).write_bytes(data)
    (folder / "manifest").write_bytes(lesson.manifest)

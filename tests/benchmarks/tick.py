"""A tick of leases in a database of a district: 10,000 units of 100 sites wait, 1,500 send at a time.

    python -m tests.benchmarks.tick [UNITS] [SITES] [TICKS]

Prints what a tick takes of the time between two (`tick_s`): reading what is known, deciding, signing, writing. Between
ticks the units bring what their leases allow, whole objects of 7.5 MB, so that leases change and rows gather as in a
night. No unit is behind it: what the ticks decide is the simulation's to judge (`simulate-night`).
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import bindparam, func, insert, update

from controller.calendar.models import SiteHours
from controller.calendar.policy import Cap, default_hours
from controller.calendar.repo import write_hours
from controller.calendar.window import ALWAYS
from controller.config import Units, Uploads
from controller.devices.models import Device, DeviceState, Presence
from controller.recordings.models import Recording, RecordingState
from controller.recordings.store import FolderStore
from controller.uploads.issuing import sign_leases
from controller.uploads.leases import decide, perform
from controller.uploads.looking import look, open_sites
from controller.uploads.models import SpoolReportRow, Upload, UploadState
from controller.uploads.repo import leases_in_force
from controller.uploads.scheduler.plan import Limits, plan_leases
from tests.house import House, make_house
from tests.school import new_id

UNITS, SITES, TICKS = 10_000, 100, 60
SAYS_EVERY = 30  # ticks: a quarter of an hour
LINE_BPS = 10_000_000_000
SITE_BPS = 300_000_000
OBJECT_BYTES = 7_500_000
NIGHT_BYTES = 8_000_000_000
TICK = timedelta(seconds=30)


class Rack(FolderStore):
    """A folder on more disk than the machine of the benchmark has: leases promise terabytes here."""

    def free_bytes(self) -> int:
        """Give a petabyte."""
        return 10**15


class Watch:
    """Seconds by name, once for each tick."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def over(self, name: str) -> Iterator[None]:
        """Time what is done meanwhile."""
        began = time.perf_counter()
        yield
        self.taken[name].append(time.perf_counter() - began)


def make_district(folder: Path, units: int, sites: int) -> House:
    """Make a controller whose units all wait, one lesson or many, and whose sites all have a cap of their own."""
    made = make_house(folder)
    uploads = Uploads(window=ALWAYS, rate_bps=LINE_BPS, reserve_bytes=1)
    config = replace(made.services.config, uploads=uploads, units=Units(threads=1875))
    rack = Rack(config.controller.data)
    house = replace(made, services=replace(made.services, config=config, objects=rack))
    owner, now, chance = house.add_teacher(), house.clock(), random.Random(1)  # noqa: S311 - no secret
    devices = [(new_id(), f"site {number % sites}") for number in range(units)]
    with house.services.database.writing() as session:
        unit = {"owner": owner.id, "state": DeviceState.ACTIVE, "added_at": now}
        session.execute(insert(Device), [{"id": one, "label": one[-6:], "site": site, **unit} for one, site in devices])
        there = {"birth": 1, "online": True, "version": "1", "changed_at": now}
        session.execute(insert(Presence), [{"device": one, **there} for one, _ in devices])
        said = {"said_at": now, "received_at": now}
        waiting = [(one, chance.randrange(NIGHT_BYTES)) for one, _ in devices]
        session.execute(
            insert(SpoolReportRow), [{"device": one, "waiting_bytes": size, **said} for one, size in waiting]
        )
        session.execute(insert(Recording), [_recording(one, house, owner.id) for one, _ in devices])
        session.add_all(_hours(f"site {number}", house) for number in range(sites))
    return house


def _hours(site: str, house: House) -> SiteHours:
    row = SiteHours(site=site, changed_at=house.clock(), changed_by="operator")
    write_hours(row, replace(default_hours(ALWAYS, SITE_BPS), caps=(Cap(ALWAYS, SITE_BPS),)))
    return row


def _recording(device: str, house: House, owner: str) -> dict[str, object]:
    now, state = house.clock(), RecordingState.ARRIVING
    facts = {"recorder_key": "", "manifest_head": "", "state": state, "began_at": now, "first_seen_at": now}
    return {"id": device, "device": device, "owner": owner, **facts}  # named like its unit: nobody looks it up


def bring(house: House, number: int) -> int:
    """Let units bring what their leases allowed since tick `number`, and some say what waits; give how many objects."""
    services, now = house.services, house.clock()
    tick_s = services.config.uploads.tick_s
    with services.database.writing() as session:
        sent = {row.device: int(row.rate_bps / 8 * tick_s) for row in leases_in_force(session, now)}
        rows = [_object(device, house) for device, size in sent.items() for _ in range(round(size / OBJECT_BYTES))]
        if rows:
            session.execute(insert(Upload), rows)
        said = update(SpoolReportRow).where(SpoolReportRow.device == bindparam("unit"))
        left = func.max(0, SpoolReportRow.waiting_bytes - bindparam("sent"))
        speak = [(one, size) for at, (one, size) in enumerate(sorted(sent.items())) if (at + number) % SAYS_EVERY == 0]
        tell = [{"unit": device, "sent": size * SAYS_EVERY} for device, size in speak]
        if tell:
            session.connection().execute(said.values(waiting_bytes=left, received_at=now), tell)
    return len(rows)


def _object(device: str, house: House) -> dict[str, object]:
    facts = {"object_index": 1, "size_bytes": OBJECT_BYTES, "state": UploadState.TAKEN_IN, "detail": ""}
    return {"id": new_id(), "device": device, "recording": device, "ended_at": house.clock(), **facts}


def tick(house: House, watch: Watch) -> int:
    """Tick, part by part; reading and deciding are timed alone and then done once more in the tick itself."""
    services, now = house.services, house.clock()
    uploads = services.config.uploads
    lease = timedelta(seconds=uploads.lease_s)
    with watch.over("read"), services.database.reading() as session:
        looked = look(session, now, lease)
        sites = open_sites(session, services.config, {unit.site for unit in looked.units}, now)
    limits = Limits(sites, uploads.rate_bps, lease, timedelta(seconds=uploads.tick_s))
    with watch.over("decide"):
        plan_leases(now, looked.units, limits)
    with watch.over("the whole tick"):
        decided = decide(services)
        with watch.over("sign"):
            signed = sign_leases(services, decided.granted, decided.now)
        with watch.over("write"):
            plan = perform(services, decided, signed)
    return len(plan.grants)


def main(units: int = UNITS, sites: int = SITES, ticks: int = TICKS) -> None:
    """Measure, and print as shares of the time between two ticks."""
    with tempfile.TemporaryDirectory(prefix="backrow-tick-") as folder:
        house, watch = make_district(Path(folder), units, sites), Watch()
        granted = brought = 0
        plan_leases(house.clock(), (), Limits({}, 0, TICK, TICK))  # a process loads numpy at its first tick
        for number in range(ticks):
            granted += tick(house, watch)
            house.clock.pass_time(timedelta(seconds=house.services.config.uploads.tick_s))
            brought += bring(house, number)
        tick_s = house.services.config.uploads.tick_s
        print(
            f"{units} units of {sites} sites, {ticks} ticks of {tick_s} s: {granted} leases signed, {brought} objects"
        )
        for name, taken in watch.taken.items():
            report(name, taken, tick_s)
        house.services.database.close()


def report(name: str, taken: list[float], tick_s: float) -> None:
    """Print the middle, the 99th of a hundred, and their shares."""
    ordered = sorted(taken)
    middle, late = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
    print(f"  {name:15} median {middle * 1000:6.1f} ms, {middle / tick_s:6.2%} of the time between two ticks;", end=" ")
    print(f"p99 {late * 1000:6.1f} ms, {late / tick_s:6.2%}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""How long the calendar takes for a district: 10,000 units of 100 sites, each with hours, days and caps of its own.

    python -m tests.benchmarks.schedules [UNITS] [SITES]

What the lease tick asks (all sites, at one instant; the first time of a day and then), and a new schedule for every
unit, written and put into the outbox; beside it what merely signing as many lines of the same length takes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import func, select

from controller.bridge.models import Outbox
from controller.calendar.models import FreeDays, SiteHours
from controller.calendar.policy import DAY, Cap, default_hours
from controller.calendar.repo import read_standings, write_hours
from controller.calendar.schedules import issue_due
from controller.calendar.window import parse_day, parse_window
from controller.devices.models import Device
from protocol.signing import sign_line
from tests.house import NIGHT, House, make_house
from tests.school import new_id

UNITS, SITES = 10_000, 100
DAY_S = 86_400


def timed(act: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def timed_go(house: House) -> float | None:
    """Give the seconds of one go of the job, or None when nothing was due any more."""
    began = time.perf_counter()
    return time.perf_counter() - began if issue_due(house.services) else None


def fill(house: House, units: int, sites: int) -> None:
    """Put units and the calendars of their sites into the database."""
    teacher = house.add_teacher()
    with house.services.database.writing() as session:
        first = session.get_one(Device, teacher.device)
        for number in range(units - 1):
            site = f"site {number % sites}"
            row = Device(
                id=new_id(), label=f"{number}", owner=first.owner, state=first.state, site=site, added_at=NIGHT
            )
            session.add(row)
        for number in range(sites):
            session.add(make_hours(f"site {number}", number))
            days = (NIGHT.date() + 3 * DAY, NIGHT.date() + 9 * DAY)
            session.add(FreeDays(id=new_id(), site=f"site {number}", first_day=days[0], last_day=days[1]))


def make_hours(site: str, number: int) -> SiteHours:
    """Make hours that no other site has."""
    window = parse_window(f"2{number % 3}:{number % 60:02}-06:00")
    caps = (Cap(parse_window("22:30-00:00"), 1_000_000 + number), Cap(parse_window("00:00-05:00"), 9_000_000 + number))
    hours = replace(default_hours(window, 10**8), caps=caps, free_day=parse_day("always, 22:00-06:00"))
    row = SiteHours(site=site, changed_at=NIGHT, changed_by="operator")
    write_hours(row, hours)
    return row


def main(units: int = UNITS, sites: int = SITES) -> None:
    """Measure, and print against what there is time for."""
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        fill(house, units, sites)
        measure(house, units, sites)
        house.services.database.close()


def measure(house: House, units: int, sites: int) -> None:
    """Measure the tick's question and the schedules."""
    services = house.services

    def ask() -> None:
        with services.database.reading() as session:
            read_standings(session, services.config, house.clock())

    first_s, again_s = timed(ask), min(timed(ask) for _ in range(5))
    print(
        f"the calendar of {sites} sites at one instant: {again_s * 1000:.1f} ms (first time of a day {first_s:.2f} s)"
    )
    goes = list(iter(lambda: timed_go(house), None))
    all_s = sum(goes)
    idle_s = timed(lambda: issue_due(services))
    with services.database.reading() as session:
        lines, length = session.execute(select(func.count(), func.avg(func.length(Outbox.payload)))).one()
    key, body = services.keys.lease, b"x" * int(length)
    signed_s = timed(lambda: [sign_line(body, domain="schedule", key=key) for _ in range(lines)])
    print(f"{lines} schedules of {length / 1000:.1f} kB, written and in the outbox: {all_s:.1f} s", end="; ")
    print(f"{all_s / signed_s:.1f} times what signing them takes; 1/{DAY_S / all_s:.0f} of the day for which they hold")
    print(f"one go of the job: {max(goes):.2f} s at the most, {len(goes)} goes, one each 5 s")
    print(f"to find that none is due: {idle_s * 1000:.0f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

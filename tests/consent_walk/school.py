"""A small school with a real database, and what its units hold; steps.py changes it by the services of the controller.

After each step every unit's snapshot is compared with the oracle, at each half hour of all days for which it holds.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select

from controller.consent.rules import Rules
from controller.devices.history import Deed
from controller.devices.life import Place, move
from controller.devices.models import Device
from controller.devices.policies import renew_policies
from controller.timetable.writing import editing
from device.consent.decide import decide_press
from protocol.abilities import Ability
from protocol.documents import Policy, verify_document
from tests.consent_walk.oracle import May, Oracle
from tests.house import House, Teacher, make_house

ROOMS = (Place(site="", room_name="Room 12"), Place(site="", room_name="Hall"), Place(site="North", room_name="Lab"))
HALF_HOURS = tuple(time(8 + number // 2, 30 * (number % 2)) for number in range(7))
MIDDLE = timedelta(minutes=15)
EVERY_SEAT = 99


@dataclass
class School:
    """The house, its three teachers with the units of their rooms, and what was done and compared so far."""

    house: House
    random: Random
    teachers: Sequence[Teacher]
    rooms: Sequence[str]
    leads: Sequence[str]
    done: list[str] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)

    @property
    def today(self) -> date:
        """Give the school's day."""
        return self.house.clock().astimezone(self.house.services.config.controller.time_zone).date()

    @property
    def deed(self) -> Deed:
        """Give somebody of the office, now."""
        return Deed("office", self.house.clock())

    def day(self, least: int = 0, most: int = 5) -> date:
        """Draw a day near today."""
        return self.today + timedelta(days=self.random.randint(least, most))

    def rows(self, asked: str, *values: object) -> list[Any]:
        """Ask the database itself."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(asked, values).fetchall()

    def ids(self, table: str, where: str = "TRUE") -> list[str]:
        """Give the ids of a table in the order in which they were made, so that a walk can be walked again."""
        return [row[0] for row in self.rows(f"SELECT id FROM {table} WHERE {where} ORDER BY rowid")]  # noqa: S608

    @property
    def path(self) -> Path:
        """Tell where the database is."""
        return self.house.services.config.controller.data / "controller.sqlite3"

    def policy(self, device: str) -> Policy:
        """Give a unit's snapshot, its signature verified."""
        with self.house.services.database.reading() as session:
            line = session.scalars(select(Device.policy_line).where(Device.id == device)).one()
        assert line
        return verify_document(Policy, line, self.house.services.keys.trust)

    def instants(self, policy: Policy) -> Iterator[datetime]:
        """Give the middle of each half hour of all days for which a snapshot holds, today's too, and an evening."""
        zone, day = self.house.services.config.controller.time_zone, self.today
        while True:
            for clock in (*HALF_HOURS, time(18)):
                at = datetime.combine(day, clock, tzinfo=zone) + MIDDLE
                if at >= policy.expires_at:
                    return
                yield at
            day += timedelta(days=1)

    def compare(self) -> None:
        """Compare what each unit would do with what the oracle says."""
        oracle = Oracle(self.path, self.house.services.config.controller.time_zone)
        for teacher in self.teachers:
            policy = self.policy(teacher.device)
            if self.house.clock() >= policy.expires_at:
                self.compared["ended"] += 1
                continue
            for at in self.instants(policy):
                self._compare_one(oracle, policy, at)

    def _compare_one(self, oracle: Oracle, policy: Policy, at: datetime) -> None:
        if at < self.house.clock() and oracle.is_dark(policy.device, at):
            return  # nothing can have begun then, and a blackout that is over is told no more
        may = oracle.may(policy.device, at)
        pressed = decide_press(policy, at, clock_trusted=True, checked=EVERY_SEAT)
        said = May(pressed.owner, pressed.seats or 0, pressed.sound) if pressed.allowed else None
        self.compared["refused" if said is None else "seats" if said.seats else "allowed"] += 1
        self.reached[pressed.reason] += 1
        if said is None and oracle.is_dark_that_day(policy.device, at):
            return  # a lesson is refused as a whole when a blackout touches it
        assert said == may, f"{at:%a %d %H:%M}: unit {said} ({pressed.reason}), oracle {may}; done: " + "\n".join(
            self.done
        )


def make_walked_school(folder: Path, seed: int) -> School:
    """Make the school: three rooms at two sites, three teachers, and nobody and nothing else."""
    random = Random(seed)  # noqa: S311 - to be drawn again by its number
    house = make_house(folder)
    house.clock.now += timedelta(days=random.randint(0, 6), hours=random.randint(0, 23))
    names = ("Ada Moreno", "Bea Other", "Cyd Third")
    teachers = [house.add_teacher(name, place.room_name or "") for name, place in zip(names, ROOMS, strict=True)]
    deed = Deed("it", house.clock())
    for teacher, place in zip(teachers, ROOMS, strict=True):
        with house.services.database.writing() as session:
            session.get_one(Device, teacher.device).abilities = Ability.OMITS_SOUND.value
        move(house.services, teacher.device, place, deed)
    with editing(house.services, deed) as edit:
        rooms = [edit.add_room(place.site or "", place.room_name or "") for place in ROOMS]
        leads = [edit.as_person(f"account:{teacher.id}") for teacher in teachers]
    renew_policies(house.services)
    return School(house, random, teachers, rooms, leads)


def draw_rules(random: Random) -> Rules:
    """Draw rules, mostly near the strict ones."""
    kind = random.choice(("silent", "objection", "each_time", "plain", "plain"))
    return Rules(
        sound=random.random() < 0.7,
        seats=random.random() < 0.8,
        most_seats=random.randint(0, 4),
        objection=kind == "objection",
        each_time=kind == "each_time",
        adults=random.random() < 0.5,
        teacher_opts_in=random.random() < 0.6,
        principal_opts_in=random.random() < 0.6,
        snapshot_days=random.choice((1, 3, 7)),
        margin_s=random.choice((0, 300, 600)),
    )

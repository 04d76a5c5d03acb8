"""The snapshots of a district: 1,000 rooms, a class of 28 in each, six lessons a day, everybody answered.

    python -m tests.benchmarks.consent [ROOMS]

Prints what making all snapshots takes of the 5 s that it may, and what one changed answer takes beside it: the change
touches the rooms in which that one pupil can be, and no other.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import date, timedelta
from datetime import time as clock
from pathlib import Path

from sqlalchemy import func, insert, select

from controller.bridge.models import Outbox
from controller.consent.answering import Said, write_answers
from controller.consent.answers import Giver, Scope
from controller.consent.foresight import foresee
from controller.consent.models import AnswerRow, Who
from controller.consent.opting import Word, write_agreements
from controller.consent.repo import write_scopes
from controller.consent.rules import Rules
from controller.devices.history import OPERATOR
from controller.devices.models import Device, DeviceState
from controller.devices.policies import renew_policies
from controller.people.models import Kind, Person
from controller.roster.models import ClassRole, Membership, SchoolClass, Source
from controller.timetable.models import LessonRule, LessonRuleClass, LessonRuleTeacher, Room
from tests.house import House, make_house
from tests.ruled import set_first_rules
from tests.school import new_id

ROOMS, PUPILS, LESSONS, LIMIT_S = 1_000, 28, 6, 5.0
SEEN = frozenset({Scope.RECORD, Scope.SELF})
MONDAY = date(2026, 11, 23)
TODAY = MONDAY + timedelta(days=1)


def main(rooms: int = ROOMS) -> None:
    """Make the district, its snapshots, and one change."""
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        pupils = fill(house, rooms)
        took = _timed(lambda: set_first_rules(house.services))
        print(
            f"rules set, {rooms} rooms told that nobody agreed: {took:.2f} s, {took / LIMIT_S:.2f} of {LIMIT_S:.0f} s"
        )
        took = _timed(lambda: write_agreements(house.services, [_PRINCIPAL], by=OPERATOR))
        print(f"the principal agrees, {rooms} rooms told so: {took:.2f} s, {took / LIMIT_S:.2f} of {LIMIT_S:.0f} s")
        took = _timed(lambda: renew_policies(house.services))
        print(f"the hourly look, nothing to tell: {took:.2f} s, {took / LIMIT_S:.2f} of {LIMIT_S:.0f} s")
        before = _told(house)
        one = _timed(lambda: write_answers(house.services, [_refusal(pupils[0])], by="office"))
        told = _told(house) - before
        print(f"one answer withdrawn: {one * 1000:.0f} ms, {one / took:.3f} of the hourly look; {told} told")
        with house.services.database.reading() as session:
            seen = _timed(lambda: foresee(session, house.services.config, Rules(seats=False), house.clock()))
        print(f"what other rules would change, 14 days by both: {seen:.2f} s, {seen / took:.1f} of the hourly look")
        house.services.database.close()


_PRINCIPAL = Word(who=Who.PRINCIPAL, about="", agrees=True, holds_from=TODAY)


def _refusal(pupil: str) -> Said:
    none: frozenset[Scope] = frozenset()
    return Said(person=pupil, giver=Giver.GUARDIAN_1, picture=none, voice=none, holds_from=MONDAY, is_withdrawal=True)


def _told(house: House) -> int:
    with house.services.database.reading() as session:
        return session.scalar(select(func.sum(Device.policy_version))) or 0


def _timed(act: object) -> float:
    begun = time.perf_counter()
    act()  # type: ignore[operator]
    return time.perf_counter() - begun


def fill(house: House, rooms: int) -> list[str]:
    """Enter rooms, units, teachers, classes, timetables and answers; give the pupils."""
    teacher = house.add_teacher("Ada Moreno", "Room")
    now, rows = house.clock(), random.Random(1)  # noqa: S311
    people, members, rules, classes, taught, answers, devices, places, groups = ([] for _ in range(9))
    pupils: list[str] = []
    for number in range(rooms):
        room, group, lead = new_id(), new_id(), new_id()
        places.append({"id": room, "site": f"Site {number % 100}", "name": f"Room {number}"})
        groups.append({"id": group, "source": Source.TABLE, "title": f"{number}", "site": "", "begins_on": MONDAY})
        people.append({"id": lead, "kind": Kind.ADULT, "account": teacher.id, "made_at": now})
        for _ in range(PUPILS):
            pupil = new_id()
            pupils.append(pupil)
            people.append({"id": pupil, "kind": Kind.PUPIL, "account": None, "made_at": now})
            members.append({"class_id": group, "person": pupil, "role": ClassRole.PUPIL, "begins_on": MONDAY})
            answers.append(_answer(pupil, now, hidden=rows.random() < 0.05))
        for weekday in range(5):
            for hour in range(LESSONS):
                rule = new_id()
                rules.append(_rule(rule, room, weekday, hour))
                classes.append({"rule": rule, "class_id": group})
                taught.append({"rule": rule, "place": 0, "person": lead})
        devices.append(_device(teacher.id, number, now))
    tables = (
        *((Room, places), (SchoolClass, groups), (Person, people), (Membership, members), (LessonRule, rules)),
        *((LessonRuleClass, classes), (LessonRuleTeacher, taught), (AnswerRow, answers), (Device, devices)),
    )
    with house.services.database.writing() as session:
        for table, values in tables:
            session.execute(insert(table), values)
    agreed = Word(who=Who.TEACHER, about=teacher.id, agrees=True, holds_from=TODAY)
    write_agreements(house.services, [agreed], by=OPERATOR)
    with house.services.database.writing() as session:
        session.query(Outbox).delete()
    return pupils


def _answer(pupil: str, now: object, *, hidden: bool) -> dict[str, object]:
    return {
        "person": pupil,
        "giver": Giver.GUARDIAN_1,
        "picture": "" if hidden else write_scopes(SEEN),
        "voice": write_scopes(SEEN),
        "holds_from": MONDAY,
        "is_withdrawal": False,
        "basis": "paper",
        "recorded_by": "office",
        "recorded_at": now,
    }


def _rule(rule: str, room: str, weekday: int, hour: int) -> dict[str, object]:
    times = {"begins": clock(8 + hour), "ends": clock(8 + hour, 50)}
    return {"id": rule, "room": room, "weekday": weekday, **times, "begins_on": MONDAY - timedelta(days=90)}


def _device(owner: str, number: int, now: object) -> dict[str, object]:
    place = {"site": f"Site {number % 100}", "room_name": f"Room {number}", "label": f"Room {number}"}
    return {"id": new_id(), "owner": owner, "state": DeviceState.ACTIVE, "added_at": now, **place}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

"""Looks up who taught where and when, by account: what the timetable says of a time, and at which sites somebody works.

Decides nothing; policy.py does. Of a recording nothing is read here but the room and the time that it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta, tzinfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from controller.calendar.models import FreeDays
from controller.claims.policy import Chance, Place, Stretch, Taught, judge_chance
from controller.claims.school_days import SchoolDays
from controller.devices.models import Device
from controller.people.models import Person
from controller.timetable import repo as timetables
from controller.timetable.models import Room
from controller.timetable.policy import Held, lessons_on

_DAY = timedelta(days=1)


def school_days(session: Session, zone: tzinfo, site: str, since: date) -> SchoolDays:
    """Read the school's days of a site from a day on."""
    rows = session.scalars(select(FreeDays).where(FreeDays.site.in_(("", site)), FreeDays.last_day >= since)).all()
    free = {row.first_day + number * _DAY for row in rows for number in range((row.last_day - row.first_day).days + 1)}
    return SchoolDays(zone=zone, free=free)


def lessons_of(session: Session, zone: tzinfo, day: date, rooms: Collection[str] | None = None) -> Iterator[Held]:
    """Give a day's lessons of some rooms, or of all; each room by the free days of its site."""
    wanted = select(Room.id, Room.site) if rooms is None else select(Room.id, Room.site).where(Room.id.in_(rooms))
    sites = {room: site for room, site in session.execute(wanted)}
    timetable = timetables.read_timetable(session, day, day, None if rooms is None else set(rooms))
    free = set(session.scalars(select(FreeDays.site).where(FreeDays.first_day <= day, FreeDays.last_day >= day)))
    for is_free in (False, True):
        for lesson in lessons_on(day, timetable, zone=zone, is_free=is_free):
            if lesson.room in sites and bool(free & {"", sites[lesson.room]}) == is_free:
                yield lesson


def taught_at(
    session: Session, zone: tzinfo, time: Stretch, rooms: Collection[str] | None = None
) -> tuple[Taught, ...]:
    """Give every lesson that meets a time, once for each account that teaches in it: leads, stands in, or is beside."""
    days = {each.astimezone(zone).date() for each in (time.begins_at, time.ends_at)}
    held = [lesson for day in sorted(days) for lesson in lessons_of(session, zone, day, rooms)]
    people = {person for lesson in held for person in lesson.teachers}
    found = session.execute(select(Person.id, Person.account).where(Person.id.in_(people), Person.account.is_not(None)))
    accounts = {person: account for person, account in found if account}
    taught = (
        Taught(
            account=accounts[person],
            room=lesson.room,
            time=Stretch(begins_at=lesson.begins_at, ends_at=lesson.ends_at),
        )
        for lesson in held
        for person in lesson.teachers
        if person in accounts
    )
    return tuple(each for each in taught if each.time.shares(time) > timedelta(0))


def rooms_of(session: Session, account: str) -> set[str]:
    """Give the rooms into which an account's person ever comes by the timetable."""
    people = session.scalars(select(Person.id).where(Person.account == account)).all()
    return {room for person in people for room in timetables.rooms_of_person(session, person)}


def sites_of(session: Session, account: str) -> frozenset[str]:
    """Give the sites at which somebody teaches, or has a unit; of a school with one site everybody is."""
    everywhere = set(session.scalars(select(Room.site))) | set(session.scalars(select(Device.site)))
    if len(everywhere) == 1:
        return frozenset(everywhere)
    taught = session.scalars(select(Room.site).where(Room.id.in_(rooms_of(session, account))))
    return frozenset(taught) | frozenset(session.scalars(select(Device.site).where(Device.owner == account)))


def chance_of(session: Session, zone: tzinfo, account: str, place: Place) -> Chance:
    """Judge whether an account can have taught in a place at its time."""
    return judge_chance(account, place, taught=taught_at(session, zone, place.time), sites=sites_of(session, account))

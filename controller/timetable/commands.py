"""`backrow controller timetable`: rooms, who is in them, and what is different: set, list, end.

Reads options, asks writing.py, prints for people. Names are printed only when they are asked for: a terminal keeps what
it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.calendar.acting import doing
from controller.opening import config_option, opened
from controller.timetable.file_commands import COMMANDS

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from controller.services import Services
    from controller.timetable.finding import Directory
    from controller.timetable.models import Room
    from controller.timetable.writing import Edit

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(name="timetable")
def timetable() -> None:
    """Rooms and their lessons: who is usually there, weekly rules, what is different on a day, guests."""


def _room_options(command: Command) -> Command:
    named = click.option("--room", "room_name", required=True, help="The room, as its unit carries it.")
    return click.option("--site", default="", help="Its site; without it: the school's only one.")(named(command))


def _hours_options(command: Command) -> Command:
    begins = click.option("--begins", required=True, metavar="TIME", help="Like 08:30, by the school's clock.")
    return begins(click.option("--ends", required=True, metavar="TIME", help="Like 14:00.")(command))


def _days_options(command: Command) -> Command:
    first = click.option("--from", "first", default="", metavar="DAY", help="The first day; without it: today.")
    return first(click.option("--until", default="", metavar="DAY", help="The last day; without it: no end.")(command))


@timetable.command(name="rooms")
@config_option
def rooms(path: Path) -> None:
    """List the rooms, each with the lessons that it has today."""
    from controller.roster.drafts import today
    from controller.timetable.week import list_rooms

    with opened(path) as services, services.database.reading() as session:
        for each in list_rooms(session, services.config, today(services)):
            click.echo(f"{_place(each.room)}: lessons today {len(each.lessons)}")


@timetable.command(name="add-room")
@config_option
@_room_options
def add_room(path: Path, site: str, room_name: str) -> None:
    """Make a room known in which no unit stands yet."""
    from controller.timetable.writing import editing

    with doing(path) as (services, deed), editing(services, deed) as edit:
        edit.add_room(site, room_name)
    click.echo("Done.")


@timetable.command(name="list")
@config_option
@_room_options
@click.option("--day", default="", metavar="DAY", help="A day of the week that is shown; without it: today.")
@click.option("--names", "named", is_flag=True, help="Print classes and names, too.")
def list_week(path: Path, site: str, room_name: str, day: str, named: bool) -> None:  # noqa: FBT001 - click's
    """List a room's lessons of one week, and its rules with their ids."""
    from controller.roster.drafts import today
    from controller.timetable.asked import read_day_or_none
    from controller.timetable.week import read_week

    with opened(path) as services, services.database.reading() as session:
        room = _find_room(session, site, room_name)
        now = today(services)
        week = read_week(session, services.config, room, read_day_or_none(day, "day") or now, today=now)
        for each in week.days:
            click.echo(f"{each.day} {WEEK[each.day.weekday()]}{' (no school)' if each.is_free else ''}")
            for lesson in each.lessons:
                there = (*lesson.teachers, *lesson.guests)
                said = f": {week.titles_of(lesson.classes)}; {week.names_of(there)}" if named else ""
                click.echo(f"  {week.hours_of(lesson)}{said}{'' if lesson.lead else '  (nobody leads: refused)'}")
        for line in week.lines():
            click.echo(line)


@timetable.command(name="usual")
@config_option
@_room_options
@click.option("--class", "classes", multiple=True, required=True, help="Its title, number or id; more than once: all.")
@click.option("--teacher", required=True, help="By e-mail address, name, number or id.")
@_hours_options
@_days_options
@click.option("--weekdays", default="0,1,2,3,4", help="0 is Monday; without it: Monday to Friday.")
def set_usual(path: Path, site: str, room_name: str, classes: tuple[str, ...], teacher: str, **asked: str) -> None:
    """Say who is usually in a room, wherever no rule says otherwise; units hear it at once."""
    from controller.timetable.asked import NewUsual, read_weekdays
    from controller.timetable.writing import editing

    with doing(path) as (services, deed), editing(services, deed) as edit:
        known = _directory(services, edit.session)
        edit.set_usual(
            NewUsual(
                room=_require_room(edit, site, room_name),
                teacher=_one_teacher(known, teacher),
                classes=tuple(_one_class(known, each, site) for each in classes),
                weekdays=read_weekdays(asked["weekdays"]),
                **_when(services, asked),
            )
        )
    click.echo("Done. Units hear it at once.")


@timetable.command(name="lesson")
@config_option
@_room_options
@click.option("--class", "classes", multiple=True, help="Its title, number or id; more than once: all of them.")
@click.option("--teacher", "teachers", multiple=True, help="By address, name, number or id; the first leads.")
@_hours_options
@_days_options
@click.option("--weekday", type=click.Choice(WEEK), required=True)
def add_lesson(path: Path, site: str, room_name: str, classes: tuple[str, ...], **asked: Any) -> None:
    """Add a lesson that comes back each week."""
    from controller.timetable.asked import NewRule
    from controller.timetable.writing import editing

    with doing(path) as (services, deed), editing(services, deed) as edit:
        known = _directory(services, edit.session)
        rule = edit.add_rule(
            NewRule(
                room=_require_room(edit, site, room_name),
                weekday=WEEK.index(asked["weekday"]),
                classes=tuple(_one_class(known, each, site) for each in classes),
                teachers=tuple(_one_teacher(known, each) for each in asked["teachers"]),
                **_when(services, asked),
            )
        )
    click.echo(f"lesson {rule}")


@timetable.command(name="change")
@config_option
@click.argument("rule")
@click.argument("day")
@click.option("--cancel", is_flag=True, help="It is not held; the room is as it usually is.")
@click.option("--teacher", default="", help="Who stands in, by address, name, number or id.")
@click.option("--to-room", default="", help="Where it is held instead.")
@click.option("--to-site", default="", help="The site of that room.")
@click.option("--as-always", is_flag=True, help="Take back what was said of the day.")
def change_day(path: Path, rule: str, day: str, cancel: bool, as_always: bool, **asked: str) -> None:  # noqa: FBT001 - click's
    """Say what is different with RULE (its id) on DAY (2026-12-24)."""
    from controller.timetable.asked import DayChange, read_day
    from controller.timetable.writing import editing

    with doing(path) as (services, deed), editing(services, deed) as edit:
        on = read_day(day, "day")
        if as_always:
            edit.undo_change(rule, on)
        else:
            known = _directory(services, edit.session)
            teacher = _one_teacher(known, asked["teacher"]) if asked["teacher"] else None
            room = _require_room(edit, asked["to_site"], asked["to_room"]) if asked["to_room"] else None
            edit.change_day(DayChange(rule=rule, day=on, is_cancelled=cancel, teacher=teacher, room=room))
    click.echo("Done. Units hear it at once.")


@timetable.command(name="end")
@config_option
@click.argument("entry")
@click.option("--last-day", default="", metavar="DAY", help="The last day on which it holds; without it: yesterday.")
def end(path: Path, entry: str, last_day: str) -> None:
    """End an ENTRY of a room: a usual lesson, a weekly one, or a guest, by the id that `list` prints."""
    from datetime import timedelta

    from controller.roster.drafts import today
    from controller.timetable.asked import read_day_or_none
    from controller.timetable.writing import editing

    with doing(path) as (services, deed), editing(services, deed) as edit:
        edit.end(entry, read_day_or_none(last_day, "ends_on") or today(services) - timedelta(days=1))
    click.echo("Done. Units hear it at once.")


def _place(room: Room) -> str:
    return f"{room.site}: {room.name}" if room.site else room.name


def _require_room(edit: Edit, site: str, name: str) -> str:
    """Give the id of a room of the timetable, or of one in which a unit stands."""
    from controller.devices.repo import stands_in

    if stands_in(edit.session, site, name):
        return edit.add_room(site, name)
    return _find_room(edit.session, site, name).id


def _find_room(session: Session, site: str, name: str) -> Room:
    from controller.timetable.refusals import Fault, TimetableRefusedError
    from controller.timetable.repo import find_room

    found = find_room(session, site, name)
    if found is None:
        raise TimetableRefusedError(Fault.ROOM_UNKNOWN, "room", got=name[:40])
    return found


def _directory(services: Services, session: Session) -> Directory:
    from controller.roster.drafts import today
    from controller.timetable.finding import read_directory

    return read_directory(session, today(services))


def _one_class(known: Directory, text: str, site: str) -> str:
    from controller.timetable.finding import one_of
    from controller.timetable.refusals import Fault

    return one_of(known.find_classes(text, site), text, "class", Fault.CLASS_UNKNOWN).id


def _one_teacher(known: Directory, text: str) -> str:
    from controller.timetable.finding import one_of
    from controller.timetable.refusals import Fault

    return one_of(known.find_teachers(text), text, "teacher", Fault.PERSON_UNKNOWN).id


def _when(services: Services, asked: dict[str, Any]) -> dict[str, Any]:
    """Read the options of hours and days."""
    from controller.roster.drafts import today
    from controller.timetable.asked import read_day_or_none, read_time

    first: date = read_day_or_none(asked["first"], "begins_on") or today(services)
    return {
        "begins": read_time(asked["begins"], "begins"),
        "ends": read_time(asked["ends"], "ends"),
        "begins_on": first,
        "ends_on": read_day_or_none(asked["until"], "ends_on"),
    }


for _command in COMMANDS:
    timetable.add_command(_command)

"""`backrow controller timetable import …` and its drafts; bells and terms, by which tables are read.

Reads options and files, prints for people; names only when they are asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import doing
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from controller.services import Services

_SITE = "The site; without it: the school's only one."


@click.command(name="import")
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--site", default="", help="The site of rows that name none, or of a calendar's room.")
@click.option("--room", "room_name", default="", help="The room of a calendar (ICS).")
@click.option("--starts-on", default="", metavar="DAY", help="The first day; without it: today.")
def import_file(path: Path, file: Path, site: str, starts_on: str, room_name: str) -> None:
    """Read a table of lessons, or the calendar of a room, into a draft, and show what it would change."""
    from controller.roster.drafts import today
    from controller.timetable.asked import read_day_or_none
    from controller.timetable.drafts import make_draft, require_start
    from controller.timetable.importing import Sent, read_file
    from controller.timetable.refusals import Fault, TimetableRefusedError

    with doing(path) as (services, deed):
        first = read_day_or_none(starts_on, "starts_on") or today(services)
        require_start(services, first)
        with file.open("rb") as data:
            room = _room(services, site, room_name) if room_name else ""
            reading = read_file(services, data, Sent(name=file.name, starts_on=first, site=site, room=room))
        for flaw in reading.flaws:
            click.echo(str(flaw), err=True)
        if reading.found is None:
            raise TimetableRefusedError(Fault.FLAWED, "file", number=reading.flaws_in_all)
        _show(services, make_draft(services, reading, first, deed))


def _room(services: Services, site: str, name: str) -> str:
    from controller.timetable.refusals import Fault, TimetableRefusedError
    from controller.timetable.repo import find_room

    with services.database.reading() as session:
        room = find_room(session, site, name)
    if room is None:
        raise TimetableRefusedError(Fault.ROOM_UNKNOWN, "room", got=name[:40])
    return room.id


@click.command(name="preview")
@config_option
@click.argument("draft")
def show_draft(path: Path, draft: str) -> None:
    """Show what applying a draft would change."""
    with opened(path) as services:
        _show(services, draft)


def _show(services: Services, draft: str) -> None:
    from controller.timetable.drafts import preview
    from controller.timetable.words import PASSED, SUMS

    found = preview(services, draft)
    click.echo(f"Draft {found.draft}, from {found.plan.starts_on} on:")
    for name, number in found.plan.sums().items():
        if number:
            click.echo(f"  {SUMS[name]:<50} {number:>8,}")
    for why, number in found.found.passed_over.items():
        click.echo(f"  Passed over: {PASSED[why]} {number:,}")
    for place in found.plan.new_places:
        click.echo(f"  New room: {place.site}: {place.name}" if place.site else f"  New room: {place.name}")
    if found.unmatched:
        click.echo(f"Nothing is known of {len(found.unmatched)} names of events: nothing is recorded in them.")
        click.echo("Say on the page what they stand for: Rooms, Read a timetable, this draft.")
    if found.plan.is_too_much:
        click.echo("More than a tenth would vanish: look whether the file is whole; if it is meant, --vanishing.")
    click.echo(f"Nothing is changed. Apply it: backrow controller timetable apply {found.draft} --seen {found.basis}")


@click.command(name="apply")
@config_option
@click.argument("draft")
@click.option("--seen", type=int, required=True, help="The number that the preview printed.")
@click.option("--vanishing", is_flag=True, help="That more than a tenth of the lessons vanishes is meant.")
def apply(path: Path, draft: str, seen: int, vanishing: bool) -> None:  # noqa: FBT001 - click's
    """Apply a draft as its preview showed it; units hear it at once."""
    from controller.roster.drafts import Vanishing
    from controller.timetable.drafts import apply_draft

    with doing(path) as (services, deed):
        meant = Vanishing.MEANT if vanishing else Vanishing.USUAL
        plan = apply_draft(services, draft, basis=seen, vanishing=meant, deed=deed)
    click.echo(f"Done. It holds from {plan.starts_on} on.")


@click.command(name="discard")
@config_option
@click.argument("draft")
def discard(path: Path, draft: str) -> None:
    """Throw a draft away; nothing was changed by it."""
    from controller.timetable.drafts import discard_draft

    with doing(path) as (services, deed):
        discard_draft(services, draft, deed)
    click.echo("Discarded: nothing was changed.")


@click.command(name="drafts")
@config_option
def drafts(path: Path) -> None:
    """List the drafts that wait for a decision."""
    from controller.timetable.drafts import waiting_drafts

    with opened(path) as services, services.database.reading() as session:
        for row in waiting_drafts(session, services):
            click.echo(f"{row.id}  {row.source.value}  from {row.starts_on} on, ends by itself {row.ends_at:%Y-%m-%d}")


@click.command(name="bell")
@config_option
@click.argument("name")
@click.argument("begins")
@click.argument("ends")
@click.option("--site", default="", help=_SITE)
@click.option("--weekdays", default="0,1,2,3,4", help="0 is Monday; without it: Monday to Friday.")
def bell(path: Path, name: str, begins: str, ends: str, **asked: str) -> None:
    """Say that bell NAME (as P3) is from BEGINS to ENDS; tables may name it instead of times."""
    from controller.timetable.asked import read_time, read_weekdays
    from controller.timetable.bells import NewPeriod, set_period

    with doing(path) as (services, deed):
        new = NewPeriod(
            name=name.strip(),
            begins=read_time(begins, "begins"),
            ends=read_time(ends, "ends"),
            site=asked["site"],
            weekdays=read_weekdays(asked["weekdays"]),
        )
        set_period(services, new, deed)
    click.echo("Done.")


@click.command(name="term")
@config_option
@click.argument("name")
@click.argument("first")
@click.argument("last")
@click.option("--site", default="", help=_SITE)
def term(path: Path, name: str, first: str, last: str, site: str) -> None:
    """Say that term NAME is from FIRST to LAST (2026-12-24); tables may name it instead of days."""
    from controller.timetable.asked import read_day
    from controller.timetable.bells import NewTerm, set_term

    with doing(path) as (services, deed):
        days = {"begins_on": read_day(first, "begins_on"), "ends_on": read_day(last, "ends_on")}
        set_term(services, NewTerm(name=name.strip(), site=site, **days), deed)
    click.echo("Done.")


@click.command(name="bells")
@config_option
def bells(path: Path) -> None:
    """List bells and terms."""
    from controller.timetable.bells import list_periods, list_terms

    with opened(path) as services, services.database.reading() as session:
        for row in list_periods(session):
            site = f"{row.site}: " if row.site else ""
            click.echo(f"bell  {site}{row.name}  {row.begins:%H:%M}-{row.ends:%H:%M}  weekdays {row.weekdays}")
        for each in list_terms(session):
            site = f"{each.site}: " if each.site else ""
            click.echo(f"term  {site}{each.name}  {each.begins_on} to {each.ends_on}")


COMMANDS = (import_file, show_draft, apply, discard, drafts, bell, term, bells)

"""`backrow controller night free-days` and `other-day`: days on which the hours of a site differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import TICK, doing, site_option
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.calendar.entries import Difference, Found


@click.group(name="free-days")
def free_days() -> None:
    """Days without school, on which the hours of a free day hold."""


@free_days.command(name="list")
@config_option
@site_option
def list_free_days(path: Path, site: str) -> None:
    """List the free days of a site that are not over."""
    from controller.calendar.repo import free_days_of

    with opened(path) as services, services.database.reading() as session:
        today = services.clock().astimezone(services.config.controller.time_zone).date()
        for row in free_days_of(session, site, today):
            click.echo(f"{row.first_day} to {row.last_day}  {row.label}".rstrip())


@free_days.command(name="add")
@config_option
@site_option
@click.argument("first_day")
@click.argument("last_day", default="")
@click.option("--label", default="", help="What it is called.")
def add_free_days(path: Path, site: str, first_day: str, last_day: str, label: str) -> None:
    """Enter FIRST_DAY to LAST_DAY, both included; one day without LAST_DAY."""
    from controller.calendar import changes
    from controller.calendar.reading import read_free_day

    with doing(path) as (services, deed):
        today = deed.at.astimezone(services.config.controller.time_zone).date()
        changes.add_free_days(services, site, [read_free_day(first_day, last_day, label, today=today)], deed)
    click.echo(TICK)


@free_days.command(name="remove")
@config_option
@site_option
@click.argument("first_day")
def remove_free_days(path: Path, site: str, first_day: str) -> None:
    """Take the free days away that begin on FIRST_DAY."""
    from controller.calendar import changes

    with doing(path) as (services, deed):
        changes.remove_free_days(services, site, first_day, deed)
    click.echo(TICK)


@free_days.command(name="import")
@config_option
@site_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--remove-missing", "missing", flag_value="remove", default="keep", help="Take away what it lacks.")
@click.option("--yes", "answer", flag_value="yes", default="look", help="Do it; without it only the difference shows.")
def import_free_days(path: Path, site: str, file: Path, missing: str, answer: str) -> None:
    """Take free days out of FILE: a calendar (.ics), or a table (.csv) with the columns first_day,last_day,label."""
    from controller.calendar import importing
    from controller.calendar.importing import Missing

    with doing(path) as (services, deed):
        zone = services.config.controller.time_zone
        today = deed.at.astimezone(zone).date()
        with file.open("rb") as stream:
            found = importing.read_file(stream.read(importing.MOST_BYTES + 1), today=today, zone=zone)
        for line in _tell_found(found):
            click.echo(line)
        importing.require_right(found)
        with services.database.reading() as session:
            difference = importing.preview(session, site, found, today)
        for line in _tell_difference(difference, Missing(missing)):
            click.echo(line)
        if answer != "yes":
            click.echo("Nothing was changed. To do it, add: --yes")
            return
        importing.take(services, site, found, missing=Missing(missing), deed=deed)
    click.echo(TICK)


def _tell_found(found: Found) -> Iterator[str]:
    from controller.calendar.entries import SKIPS

    for entry in found.skipped:
        yield f"skipped: “{entry.label}” {SKIPS[entry.why]}"
    for wrong in found.wrong:
        told = wrong.wrong.words()
        yield f"entry {wrong.number} “{wrong.label}”: {told.detail}; {told.remedy}"


def _tell_difference(difference: Difference, missing: str) -> Iterator[str]:
    for sign, days in (("+", difference.new), ("=", difference.same)):
        for day in days:
            yield f"{sign} {day.first_day} to {day.last_day}  {day.label}".rstrip()
    for day in difference.missing:
        kept = "" if missing == "remove" else "  (not in the file; stays, unless you add --remove-missing)"
        yield f"{'-' if missing == 'remove' else ' '} {day.first_day} to {day.last_day}  {day.label}{kept}".rstrip()


@click.group(name="other-day")
def other_day() -> None:
    """Single days with hours of their own."""


@other_day.command(name="list")
@config_option
@site_option
def list_other_days(path: Path, site: str) -> None:
    """List the days with hours of their own that are not over."""
    from controller.calendar.repo import other_days_of

    with opened(path) as services, services.database.reading() as session:
        today = services.clock().astimezone(services.config.controller.time_zone).date()
        for row in other_days_of(session, site, today):
            click.echo(f"{row.day}  {row.window}  {row.label}".rstrip())


@other_day.command(name="set")
@config_option
@site_option
@click.argument("day")
@click.argument("hours")
@click.option("--label", default="", help="Why.")
def set_other_day(path: Path, site: str, day: str, hours: str, label: str) -> None:
    """Give DAY other HOURS, or `closed`, which closes the line by day, too."""
    from controller.calendar import changes
    from controller.calendar.reading import read_other_day

    with doing(path) as (services, deed):
        today = deed.at.astimezone(services.config.controller.time_zone).date()
        changes.set_other_day(services, site, read_other_day(day, hours, label, today=today), deed)
    click.echo(TICK)


@other_day.command(name="remove")
@config_option
@site_option
@click.argument("day")
def remove_other_day(path: Path, site: str, day: str) -> None:
    """Let DAY have its ordinary hours again."""
    from controller.calendar import changes
    from controller.calendar.reading import read_day

    with doing(path) as (services, deed):
        changes.remove_other_day(services, site, read_day(day, "day"), deed)
    click.echo(TICK)

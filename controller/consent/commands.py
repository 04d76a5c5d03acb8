"""`backrow controller blackout`: nothing is recorded in a room, at a site or anywhere for a while; list and lift it.

Times are the wall clock's of the school. What a blackout does is controller/consent/darkening.py's; it holds in every
room, also where only adults who accepted are recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import doing
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from datetime import datetime

    from controller.consent.models import Blackout
    from controller.services import Services

MINUTE = "%Y-%m-%dT%H:%M"
CAUSES = ("exam", "counselling", "visitors", "event", "other")


@click.group(name="blackout")
def blackout() -> None:
    """Times at which nothing is recorded: tests, counselling, visitors."""


@blackout.command(name="add")
@config_option
@click.argument("begins", metavar="BEGINS")
@click.argument("ends", metavar="ENDS")
@click.option("--room", default="", help="The room's name, of the site that is named beside it.")
@click.option("--site", default="", help="The site; without room and site it holds in the whole school.")
@click.option("--cause", type=click.Choice(CAUSES), help="What it is for; only those who may change it read this.")
def add_blackout(path: Path, begins: str, ends: str, cause: str | None, **where: str) -> None:
    """Let nothing be recorded from BEGINS to ENDS (2026-11-30T09:00, or `now`); units hear it at once."""
    from controller.consent.darkening import Dark, black_out
    from controller.consent.models import Cause

    with doing(path) as (services, deed):
        dark = Dark(
            begins_at=_instant(services, begins, "BEGINS"),
            ends_at=_instant(services, ends, "ENDS"),
            room=find_room_id(services, where["site"], where["room"]) if where["room"] else None,
            site="" if where["room"] else where["site"],
            cause=Cause(cause) if cause else None,
        )
        name = black_out(services, dark, by=deed.by)
    click.echo(f"blackout {name}")


@blackout.command(name="list")
@config_option
def list_blackouts(path: Path) -> None:
    """List the blackouts that are not over, by their beginning."""
    from controller.consent import repo

    with opened(path) as services, services.database.reading() as session:
        rooms = repo.room_names(session)
        for row in sorted(repo.blackouts(session, services.clock()), key=lambda each: (each.begins_at, each.id)):
            click.echo(f"{row.id}  {_span(services, row)}  {_where(row, rooms)}  {row.reason}".rstrip())


@blackout.command(name="lift")
@config_option
@click.argument("name", metavar="BLACKOUT")
def lift(path: Path, name: str) -> None:
    """End a blackout before its time; units hear it at once."""
    from controller.consent.darkening import lift_blackout

    with doing(path) as (services, deed):
        lift_blackout(services, name, by=deed.by)
    click.echo("Done.")


def _instant(services: Services, text: str, field: str) -> datetime:
    """Read a minute of the school's wall clock; `now` is the present instant."""
    from datetime import UTC, datetime

    if text == "now":
        return services.clock()
    try:
        local = datetime.strptime(text, MINUTE).replace(tzinfo=services.config.controller.time_zone)
    except ValueError:
        said = f"expected a time like 2026-11-30T09:00, or now, got {text[:40]!r}"
        raise click.BadParameter(said, param_hint=field) from None
    return local.astimezone(UTC)


def find_room_id(services: Services, site: str, name: str) -> str:
    """Give the room of a site by its name: one of the timetable, or one in which a unit stands.

    Raises `click.BadParameter`.
    """
    from controller.devices.repo import stands_in
    from controller.timetable.repo import find_room, require_room

    with services.database.writing() as session:
        if find_room(session, site, name) is None and not stands_in(session, site, name):
            raise click.BadParameter(
                f"no timetable and no unit names room {name[:60]!r} of site {site[:60]!r}; "
                "`backrow controller device list` names the rooms of units",
                param_hint="room",
            )
        return require_room(session, site, name, services.random_bytes).id


def _span(services: Services, row: Blackout) -> str:
    zone = services.config.controller.time_zone
    return " to ".join(f"{at.astimezone(zone):{MINUTE}}" for at in (row.begins_at, row.ends_at))


def _where(row: Blackout, rooms: dict[str, str]) -> str:
    if row.room:
        return rooms[row.room]
    return f"site {row.site}" if row.site else "the whole school"

"""`backrow controller consent`: the school's rules, and rooms of a pilot, from the server.

Reads options, asks ruling.py and piloting.py, prints for people: the same checks as on the pages, and each change is a
row of its own, entered as by somebody on the server.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.calendar.acting import doing
from controller.consent.agreement_commands import agree
from controller.consent.rules import PRESETS
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from controller.consent.rules import Rules


@click.group(name="consent")
def consent() -> None:
    """The school's rules of consent, and who agrees to recording."""


@consent.group(name="rules")
def rules() -> None:
    """What the school asks for before anything is recorded."""


@rules.command(name="show")
@config_option
@click.option("--history", "wanted", flag_value="history", default="held", help="Every version, the newest first.")
def show_rules(path: Path, wanted: str) -> None:
    """Print the rules that hold, setting by setting, with the strict value of each that differs."""
    from controller.consent import repo

    with opened(path) as services, services.database.reading() as session:
        rows = repo.rules_versions(session)
    if not rows:
        click.echo("version 0: the school has set no rules; only adults who accepted are recorded")
    for row in rows if wanted == "history" else rows[:1]:
        click.echo(f"version {row.version}, {row.set_at:%Y-%m-%d %H:%M} UTC, by {row.set_by}")
        for name, reason in repo.read_reasons(row.reasons).items():
            click.echo(f"  why {name}: {reason}")
        _print_settings(repo.read_rules(row.settings))


def _print_settings(held: Rules) -> None:
    from dataclasses import asdict

    from controller.consent.rules import STRICT

    strict = asdict(STRICT)
    for name, value in asdict(held).items():
        beside = "" if value == strict[name] else f"  (strict: {_spell(strict[name])})"
        click.echo(f"  {name} = {_spell(value)}{beside}")


def _spell(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


@rules.command(name="set")
@config_option
@click.argument("settings", nargs=-1, metavar="[SETTING=VALUE]...")
@click.option("--preset", type=click.Choice(tuple(PRESETS)), help="Begin with a preset instead of what holds.")
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="SETTING=WHY",
    help="For each setting that asks for less; others may have one.",
)
@click.option("--seen", type=click.IntRange(min=0), required=True, help="The version that `show` printed; 0 for none.")
def change_rules(
    path: Path, settings: tuple[str, ...], preset: str | None, reasons: tuple[str, ...], seen: int
) -> None:
    """Let other rules hold, like adults=no most_seats=4. The first version needs a reason for `pupils`, too."""
    from controller.consent import repo
    from controller.consent.reading import read_changes, read_reasons
    from controller.consent.rules import STRICT
    from controller.consent.ruling import set_rules

    with doing(path) as (services, deed):
        with services.database.reading() as session:
            held = repo.newest_rules(session)
        base = PRESETS[preset] if preset else (held[1] if held else STRICT)
        wanted = read_changes(base, settings)
        version = set_rules(services, wanted, seen=seen, reasons=read_reasons(reasons), by=deed.by)
    click.echo(f"version {version} holds; every unit is told")


@consent.group(name="pilot")
def pilot() -> None:
    """Rooms in which only adults who accepted are recorded, for a while, beside the school's rules."""


@pilot.command(name="begin")
@config_option
@click.argument("room")
@click.option("--site", default="", help="The room's site.")
@click.option("--until", required=True, metavar="DAY", help="The last day, within half a year.")
@click.option("--reason", required=True, help="Why; it stays in the history.")
def begin(path: Path, room: str, site: str, until: str, reason: str) -> None:
    """Let ROOM's owner record without timetable and answers until a day: never for lessons with pupils."""
    from controller.consent.commands import find_room_id
    from controller.consent.piloting import begin_pilot
    from controller.consent.reading import read_day

    with doing(path) as (services, deed):
        last = read_day(until, "holds_until")
        begin_pilot(services, find_room_id(services, site, room), until=last, reason=reason, by=deed.by)
    click.echo("Done.")


@pilot.command(name="end")
@config_option
@click.argument("room")
@click.option("--site", default="", help="The room's site.")
def end(path: Path, room: str, site: str) -> None:
    """End ROOM's pilot now."""
    from controller.consent.commands import find_room_id
    from controller.consent.piloting import end_pilot

    with doing(path) as (services, deed):
        end_pilot(services, find_room_id(services, site, room), by=deed.by)
    click.echo("Done.")


@pilot.command(name="list")
@config_option
def list_pilots(path: Path) -> None:
    """List the rooms of pilots that are not over."""
    from controller.consent import repo

    with opened(path) as services, services.database.reading() as session:
        names = repo.room_names(session)
        today = services.clock().astimezone(services.config.controller.time_zone).date()
        held = repo.pilots_on(session, today)
        for line in sorted(f"{names[room]}  until {row.until}  {row.reason}" for room, row in held.items()):
            click.echo(line)


consent.add_command(agree)

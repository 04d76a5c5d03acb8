"""`backrow controller night`: when units may send, and how fast; what is written here is told to units by schedules.

Reads options, asks changes.py, prints for people. Nothing it prints tells of recordings (promise P7).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.calendar.acting import TICK, doing, site_option
from controller.calendar.day_commands import free_days, other_day
from controller.nights.commands import calculate, plan, report
from controller.opening import config_option, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.calendar.policy import Hours
    from controller.services import Services

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(name="night")
def night() -> None:
    """When units may send and how fast; what a night will be, and what it was."""


@night.command(name="show")
@config_option
@site_option
def show(path: Path, site: str) -> None:
    """Show whether the line is open now, and what will really happen in the next 14 days."""
    from controller.calendar.ahead import look_ahead
    from controller.calendar.policy import standing
    from controller.calendar.telling import tell_day, tell_standing

    with _reading(path, site) as (services, hours):
        zone, now = services.config.controller.time_zone, services.clock()
        click.echo(tell_standing(standing(hours, zone, now), zone))
        for day in look_ahead(hours, zone, now):
            click.echo(tell_day(day, zone))


@contextmanager
def _reading(path: Path, site: str) -> Iterator[tuple[Services, Hours]]:
    from controller.calendar.changes import require_site
    from controller.calendar.repo import read_calendar

    with opened(path) as services, services.database.reading() as session:
        require_site(session, site)
        yield services, read_calendar(session, services.config, services.clock()).of(site)


@night.group(name="hours")
def hours() -> None:
    """The windows of the weekdays and of free days."""


@hours.command(name="show")
@config_option
@site_option
def show_hours(path: Path, site: str) -> None:
    """Show the windows by the day on which they begin, the caps and the allowance by day."""
    from controller.calendar.changes import DAYS
    from controller.calendar.rates import spell_rate
    from controller.calendar.window import spell_day

    with _reading(path, site) as (_, held):
        for name, windows in zip(DAYS, (*held.weekly, held.free_day), strict=True):
            click.echo(f"{name.replace('_', ' '):<10} {spell_day(windows)}")
        for cap in held.caps:
            click.echo(f"{'at most':<10} {cap.hours} {spell_rate(cap.rate_bps)}")
        if held.trickle:
            click.echo(f"{'by day':<10} {spell_day(held.trickle.hours)} {spell_rate(held.trickle.rate_bps)}")


def _day_options(command: Command) -> Command:
    for name in reversed(WEEK):
        command = click.option(f"--{name}", metavar="HOURS", help=f"What begins on a {name.capitalize()}.")(command)
    return command


@hours.command(name="set")
@config_option
@site_option
@click.option("--all", "everyday", metavar="HOURS", help="What begins on any day of the week.")
@_day_options
@click.option("--free", metavar="HOURS", help="What begins on a free day.")
def set_hours(path: Path, site: str, everyday: str | None, free: str | None, **week: str | None) -> None:
    """Set windows: 22:00-06:00, several with commas between, always, or closed. A window belongs to the day on which it
    begins; for a free day that goes on until the next morning: "always, 22:00-06:00"."""
    from controller.calendar import changes
    from controller.calendar.reading import read_hours

    named = week | {"free_day": free}
    days = dict.fromkeys(WEEK, read_hours(everyday, "all")) if everyday else {}
    days |= {name: read_hours(text, name) for name, text in named.items() if text}
    if not days:
        raise click.UsageError("name at least one day, like --all 22:00-06:00 or --friday 20:00-08:00")
    with doing(path) as (services, deed):
        changes.set_hours(services, site, days, deed)
    click.echo(TICK)


@hours.command(name="drop")
@config_option
@site_option
def drop_hours(path: Path, site: str) -> None:
    """Follow the school's hours, caps and allowance again; without --site those of controller.toml."""
    from controller.calendar import changes

    with doing(path) as (services, deed):
        changes.drop_hours(services, site, deed)
    click.echo(TICK)


@night.command(name="caps")
@config_option
@site_option
@click.argument("caps", nargs=-1)
@click.option("--none", "nothing", flag_value="none", help="Take all caps away.")
def caps(path: Path, site: str, caps: tuple[str, ...], nothing: str | None) -> None:
    """Say how much all units of a site may send together at certain hours: 22:00-00:00=20M. Give all there shall be."""
    from controller.calendar import changes
    from controller.calendar.reading import read_caps

    if bool(caps) == bool(nothing):
        raise click.UsageError("expected caps like 22:00-00:00=20M, or --none")
    with doing(path) as (services, deed):
        changes.set_caps(services, site, read_caps(caps), deed)
    click.echo(TICK)


@night.group(name="trickle")
def trickle() -> None:
    """The allowance by day, for rooms without power in the evening and lessons needed today. Off until it is set."""


@trickle.command(name="set")
@config_option
@site_option
@click.argument("hours")
@click.argument("rate")
def set_trickle(path: Path, site: str, hours: str, rate: str) -> None:
    """Allow RATE in HOURS of every day, for all rooms together that may send by day."""
    from controller.calendar import changes
    from controller.calendar.reading import read_trickle

    with doing(path) as (services, deed):
        changes.set_trickle(services, site, read_trickle(hours, rate), deed)
    click.echo(f"{TICK} Which rooms may use it: backrow controller night trickle room UNIT")


@trickle.command(name="off")
@config_option
@site_option
def end_trickle(path: Path, site: str) -> None:
    """Allow nothing by day."""
    from controller.calendar import changes

    with doing(path) as (services, deed):
        changes.set_trickle(services, site, None, deed)
    click.echo(TICK)


@trickle.command(name="room")
@config_option
@click.argument("unit")
@click.option("--off", "wanted", flag_value="not_allowed", default="allowed", help="No more.")
def let_send_by_day(path: Path, unit: str, wanted: str) -> None:
    """Let a unit use the allowance by day, or no more."""
    from controller.calendar import changes

    with doing(path) as (services, deed):
        row = changes.let_send_by_day(services, unit, changes.ByDay(wanted), deed)
    click.echo(f"Unit {row.id} ({row.label}) {'may' if row.sends_by_day else 'may not'} send by day. {TICK}")


@night.command(name="pause")
@config_option
@site_option
@click.option("--until", default="", help="By the school's clock: 2026-12-24T06:00. Without it: until resumed.")
def pause(path: Path, site: str, until: str) -> None:
    """Let nobody send, from the next tick on."""
    from controller.calendar import changes
    from controller.calendar.reading import read_until

    with doing(path) as (services, deed):
        end = read_until(until, deed.at, services.config.controller.time_zone)
        changes.pause(services, site, end, deed)
    where = f"Units of {site}" if site else "All units"
    click.echo(f"{where} stop sending at the next tick. To go on: backrow controller night resume{_again(site)}")


def _again(site: str) -> str:
    return f" --site {site!r}" if site else ""


@night.command(name="resume")
@config_option
@site_option
def resume(path: Path, site: str) -> None:
    """Lift a pause."""
    from controller.calendar import changes

    with doing(path) as (services, deed):
        still = changes.resume(services, site, deed)
    if site and still:
        click.echo(f"The pause of {site} is lifted, that of the whole school is not: backrow controller night resume")
        return
    click.echo("Units may send again in their hours, from the next tick on.")
    for each in still:
        click.echo(f"Still paused by itself: {each}. To go on: backrow controller night resume{_again(each)}")


for group in (free_days, other_day):
    night.add_command(group)
for command in (plan, report, calculate):
    night.add_command(command)

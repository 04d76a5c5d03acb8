"""`backrow controller device`: add a unit, list units, retire one."""

from __future__ import annotations

from pathlib import Path

import click

from controller.devices import repo
from controller.devices.models import Health, Presence
from controller.opening import config_option, opened
from controller.services import Services


@click.group(name="device")
def device() -> None:
    """The school's units."""


@device.command(name="add")
@config_option
@click.option("--label", required=True, help="What people call it: the room.")
@click.option("--owner", required=True, help="The teacher whose unit it is: address or account id.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the unit's bundle.")
@click.option("--set", "settings", multiple=True, help="What device.toml shall say beside: table.key=value.")
def add(path: Path, label: str, owner: str, out: Path, settings: tuple[str, ...]) -> None:
    """Enter a unit and write its bundle: configuration, identity, certificate, first documents."""
    from controller.devices.bundle import parse_settings
    from controller.devices.services import NewDevice, add_device

    unit = NewDevice(label=label, owner=owner, settings=parse_settings(settings))
    with opened(path) as services:
        row = add_device(services, unit, out.absolute())
    click.echo(f"Added unit {row.id} ({row.label}). Its bundle is in {out}: copy it onto the unit's card and delete it")
    click.echo("here, it holds the unit's keys. The certificate lasts 90 days.")


@device.command(name="list")
@config_option
def list_units(path: Path) -> None:
    """List the units."""
    with opened(path) as services:
        click.echo(describe_units(services))


@device.command(name="retire")
@config_option
@click.argument("unit")
def retire(path: Path, unit: str) -> None:
    """Let a unit in no more: lost, stolen or out of use. What it delivered stays its owner's."""
    from controller.devices.services import retire_device

    with opened(path) as services:
        row = retire_device(services, unit)
    click.echo(f"Unit {row.id} ({row.label}) is let in no more.")


def describe_units(services: Services) -> str:
    """Say of each unit what IT may know: never whether or how often it recorded."""
    with services.database.reading() as session:
        rows = [(row, session.get(Presence, row.id), session.get(Health, row.id)) for row in repo.devices(session)]
    if not rows:
        return "There are no units yet; add one with: backrow controller device add"
    return "\n".join(
        f"{row.id}  {row.label:<24} {_reachable(presence):<12} {_fit(health)}" for row, presence, health in rows
    )


def _reachable(presence: Presence | None) -> str:
    if presence is None:
        return "never seen"
    return "reachable" if presence.online else "unreachable"


def _fit(health: Health | None) -> str:
    if health is None:
        return ""
    days = "" if health.school_days_left is None else f", {health.school_days_left} school days of space left"
    reason = f": {health.reason}" if health.reason else ""
    return ("fit" if health.fit else "unfit") + reason + days

"""`backrow controller device`: add a unit. What is done to it afterwards is life_commands.py's."""

from __future__ import annotations

from pathlib import Path

import click

from controller.devices.life_commands import COMMANDS
from controller.opening import config_option, opened


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


for command in COMMANDS:
    device.add_command(command)

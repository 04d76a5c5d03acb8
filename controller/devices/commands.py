"""`backrow controller device`: prepare a unit, give it another secret, take it on again.

What else is done to it is life_commands.py's.
"""

from __future__ import annotations

from pathlib import Path

import click

from controller.devices.life_commands import COMMANDS
from controller.enrollment import policy
from controller.opening import config_option, opened


@click.group(name="device")
def device() -> None:
    """The school's units."""


@device.command(name="prepare")
@config_option
@click.option("--label", required=True, help="What people call it: the room.")
@click.option("--owner", required=True, help="The teacher whose unit it is: address or account id.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder for its bundle; else it is only looked at.")
@click.option("--set", "settings", multiple=True, help="What device.toml shall say beside: table.key=value.")
def prepare(path: Path, label: str, owner: str, out: Path | None, settings: tuple[str, ...]) -> None:
    """Enter a unit that has yet to join, and write its bundle: settings, trust, one-time secret, no private key.

    Without --out nothing is entered: it is looked whether it could be.
    """
    from controller.devices.bundle import parse_settings
    from controller.devices.preparing import prepare_device, require_preparable
    from controller.devices.services import NewDevice

    unit = NewDevice(label=label, owner=owner, settings=parse_settings(settings))
    with opened(path) as services:
        if out is None:
            require_preparable(services, unit)
            click.echo(f"A unit for {label} can be prepared; name a folder for its bundle with --out.")
            return
        prepared = prepare_device(services, unit, out.absolute())
    click.echo(
        f"Prepared unit {prepared.device} ({prepared.label}). Its bundle is in {out}: copy it onto the unit's card,"
    )
    click.echo(f"then delete it here. Its one-time secret lets one key join, within {policy.SECRET_LASTS.days} days.")


@device.command(name="secret")
@config_option
@click.argument("unit")
def secret(path: Path, unit: str) -> None:
    """Print a new one-time secret for a unit; the ones before it end."""
    from controller.devices.preparing import renew_secret

    with opened(path) as services:
        spelled = renew_secret(services, unit)
    _print_secret(unit, spelled)


@device.command(name="readopt")
@config_option
@click.argument("unit")
def readopt(path: Path, unit: str) -> None:
    """Take a unit on again whose card was made anew: another recorder's key is taken, and a new secret printed."""
    from controller.devices.preparing import readopt_device

    with opened(path) as services:
        spelled = readopt_device(services, unit)
    click.echo(
        "The next recorder's key that the unit names is taken. When it joins, its older certificates are revoked."
    )
    _print_secret(unit, spelled)


def _print_secret(unit: str, spelled: str) -> None:
    click.echo(f"One-time secret of unit {unit}, for {policy.SECRET_LASTS.days} days and one key:")
    click.echo(spelled)


for command in COMMANDS:
    device.add_command(command)

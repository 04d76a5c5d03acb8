"""Commands of joining: prepare a unit, give it another secret, take it on again, decide about requests that wait.

Whoever runs them may read the school's keys anyway; a person with an account decides on the page instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from controller.enrollment import policy
from controller.opening import config_option, opened
from controller.services import Services


@click.command(name="prepare")
@config_option
@click.option("--label", required=True, help="What people call it: the room.")
@click.option("--owner", required=True, help="The teacher whose unit it is: address or account id.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder for the unit's bundle.")
@click.option("--set", "settings", multiple=True, help="What device.toml shall say beside: table.key=value.")
def prepare(path: Path, label: str, owner: str, out: Path, settings: tuple[str, ...]) -> None:
    """Enter a unit that has yet to join, and write its bundle: settings, trust, one-time secret, no private key."""
    from controller.devices.bundle import parse_settings
    from controller.devices.preparing import prepare_device
    from controller.devices.services import NewDevice

    unit = NewDevice(label=label, owner=owner, settings=parse_settings(settings))
    with opened(path) as services:
        prepared = prepare_device(services, unit, out.absolute())
    click.echo(
        f"Prepared unit {prepared.device} ({prepared.label}). Its bundle is in {out}: copy it onto the unit's card,"
    )
    click.echo(f"then delete it here. Its one-time secret lets one key join, within {policy.SECRET_LASTS.days} days.")


@click.command(name="secret")
@config_option
@click.argument("unit")
def secret(path: Path, unit: str) -> None:
    """Print a new one-time secret for a unit; the ones before it end."""
    from controller.devices.preparing import renew_secret

    with opened(path) as services:
        spelled = renew_secret(services, unit)
    _print_secret(unit, spelled)


@click.command(name="readopt")
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


@click.group(name="enrollment")
def enrollment() -> None:
    """Units without a secret that wait for a person."""


@enrollment.command(name="list")
@config_option
def list_waiting(path: Path) -> None:
    """List the requests that wait, with the fingerprint to compare, and the prepared units that may be meant."""
    from controller.devices import repo
    from controller.enrollment.services import make_enrollment
    from protocol.pki import spell_fingerprint

    with opened(path) as services:
        waiting = make_enrollment(services).adoption.waiting()
        with services.database.reading() as session:
            units = [row for row in repo.devices(session) if row.state in policy.JOINING]
    if not waiting:
        click.echo("No unit waits for a person.")
    for row in waiting:
        click.echo(f"{spell_fingerprint(row.spki)}  from {row.address}, last asked {row.last_at:%Y-%m-%d %H:%M} UTC")
        click.echo(f"    it says (not to be believed): {row.hint or 'nothing'}")
    if waiting and units:
        click.echo("Units that may join: " + ", ".join(f"{row.id} ({row.label}, {row.state})" for row in units))


@enrollment.command(name="adopt")
@config_option
@click.option("--unit", required=True, help="The prepared unit that it is.")
@click.argument("fingerprint")
def adopt(path: Path, unit: str, fingerprint: str) -> None:
    """Let a waiting key join as a prepared unit; FINGERPRINT as the unit's own screen shows it, in quotes."""
    from controller.enrollment.adoption import OPERATOR
    from controller.enrollment.services import make_enrollment

    with _deciding(path) as services:
        adoption = make_enrollment(services).adoption
        adoption.adopt(adoption.find(fingerprint).spki, unit, by=OPERATOR)
    click.echo(f"Adopted. Unit {unit} gets its certificate when it asks the next time, within half a minute.")


@enrollment.command(name="refuse")
@config_option
@click.argument("fingerprint")
def refuse(path: Path, fingerprint: str) -> None:
    """Refuse a waiting key; it may ask again after a week."""
    from controller.enrollment.adoption import OPERATOR
    from controller.enrollment.services import make_enrollment

    with _deciding(path) as services:
        adoption = make_enrollment(services).adoption
        adoption.refuse(adoption.find(fingerprint).spki, by=OPERATOR)
    click.echo("Refused.")


@contextmanager
def _deciding(path: Path) -> Iterator[Services]:
    from controller.enrollment.adoption import AdoptionError

    try:
        with opened(path) as services:
            yield services
    except AdoptionError as error:
        raise click.ClickException(str(error)) from error

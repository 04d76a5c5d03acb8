"""`backrow controller enrollment`: the requests of units without a secret, and what a person decides about them.

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


@click.group(name="enrollment")
def enrollment() -> None:
    """Units without a secret that wait for a person."""


@enrollment.command(name="list")
@config_option
def list_waiting(path: Path) -> None:
    """List what waits, with the fingerprint to compare, the prepared units that may be meant, and what is held off."""
    from controller.devices import repo
    from controller.enrollment.services import make_enrollment
    from protocol.pki import spell_fingerprint

    with opened(path) as services:
        enrollment = make_enrollment(services)
        waiting, held = enrollment.adoption.waiting(), enrollment.attempts.held()
        with services.database.reading() as session:
            units = [row for row in repo.devices(session) if row.state in policy.JOINING]
    if not waiting:
        click.echo("No unit waits for a person.")
    for row in waiting:
        click.echo(f"{spell_fingerprint(row.spki)}  from {row.address}, last asked {row.last_at:%Y-%m-%d %H:%M} UTC")
        click.echo(f"    it says (not to be believed): {row.hint or 'nothing'}")
    if waiting and units:
        click.echo("Units that may join: " + ", ".join(f"{row.id} ({row.label}, {row.state})" for row in units))
    for one in held:
        named = f"unit {one.device} ({one.label})" if one.device else f"address {one.address}"
        click.echo(f"Held off until {one.until:%Y-%m-%d %H:%M:%S} UTC after too many failures: {named}")


@enrollment.command(name="lift")
@config_option
@click.argument("unit")
def lift(path: Path, unit: str) -> None:
    """Let a unit (name or id) or an address try again at once that is held off after too many failures."""
    from controller.devices.history import OPERATOR
    from controller.devices.life import deed_of, find_unit
    from controller.enrollment.services import make_enrollment

    with opened(path) as services:
        attempts = make_enrollment(services).attempts
        name = unit
        if unit not in {one.name for one in attempts.held()}:
            with services.database.reading() as session:
                name = find_unit(session, unit).id
        attempts.lift(name, deed_of(services, OPERATOR))
    click.echo(f"{unit} may try again at once. If it fails again, look at its secret, and at who has that address.")


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

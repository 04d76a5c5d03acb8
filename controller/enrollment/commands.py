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

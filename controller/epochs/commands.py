"""`backrow controller epochs`: how the epochs stand, their end, and the waiver of a unit that blocks one.

What is printed names units and epochs and never says what a unit recorded (promise P7).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.opening import config_option, opened

if TYPE_CHECKING:
    from controller.epochs.services import Standing
    from controller.services import Services


@click.group(name="epochs")
def epochs() -> None:
    """The weeks to which recordings are sealed, and the end of each."""


@epochs.command(name="list")
@config_option
def list_epochs(path: Path) -> None:
    """Tell of every epoch whether it is to come, over, blocked or ended."""
    from controller.epochs.services import list_standings

    with opened(path) as services:
        for standing in list_standings(services):
            for line in describe(standing):
                click.echo(line)


def describe(standing: Standing) -> Iterator[str]:
    """Say how an epoch stands, a line each for the units that block its end."""
    span, verdict = standing.span, standing.verdict
    days = f"{span.name}  {span.begins_at:%Y-%m-%d} to {span.ends_at - timedelta(days=1):%Y-%m-%d}"
    if standing.ended_at:
        yield f"{days}  ended on {standing.ended_at:%Y-%m-%d}: nothing opens what was sealed to it and not delivered"
        return
    if standing.begun_at:
        yield f"{days}  ending since {standing.begun_at:%Y-%m-%d}: its identity is being destroyed; see the log of jobs"
        return
    missing = "" if standing.identity_is_here else "; ITS IDENTITY IS NOT HERE: put it into keys/epochs"
    if not verdict.is_due:
        yield f"{days}  ends on {verdict.due_at:%Y-%m-%d} at the earliest{missing}"
        return
    yield f"{days}  {'blocked' if verdict.blockers else 'ends at the next turn of jobs'}{missing}"
    for unit in verdict.blockers:
        yield f"    blocked by {unit.label} ({unit.device}): it has not said that nothing of this week is left on it"


def describe_blocked(services: Services) -> Iterator[str]:
    """Say of the epochs that are due and have not ended which units keep them from it."""
    from controller.epochs.services import list_standings

    for standing in list_standings(services):
        if standing.verdict.is_due and standing.begun_at is None:
            yield from describe(standing)


@epochs.command(name="end")
@config_option
def end(path: Path) -> None:
    """End what may end now, as jobs does by itself, and say what keeps the others."""
    from controller.epochs.services import end_due

    with opened(path) as services:
        ended = end_due(services)
        for name in ended:
            click.echo(f"Epoch {name} has ended. Its identity is overwritten and removed, as far as the disk allows: a")
            click.echo("snapshot of the disk, or a copy of the keys folder that was made elsewhere, still opens it.")
        blocked = list(describe_blocked(services))
    for line in blocked:
        click.echo(line)
    if not ended and not blocked:
        click.echo("No epoch is to end now.")


@epochs.command(name="waive")
@config_option
@click.argument("epoch")
@click.argument("unit")
@click.option("--by", "email", required=True, help="Your account's address: the waiver is written down with your name.")
@click.option("--reason", required=True, help="Why the epoch shall end without waiting for the unit.")
@click.option("--yes", "is_read", is_flag=True, help="Do not ask: what would be lost has been read.")
def waive(path: Path, epoch: str, unit: str, email: str, reason: str, is_read: bool) -> None:  # noqa: FBT001, PLR0913
    """Let an EPOCH end without waiting for a UNIT: first read what would be lost."""
    from controller.epochs import services as work

    with opened(path) as services:
        by, name = work.find_person(services, email)
        waiving = work.plan_waiver(services, epoch, unit)
        click.echo(click.wrap_text(waiving.would_lose, 100))
        click.echo("Better: bring the unit to the network once; or, if it is gone, declare it lost.")
        if not is_read:
            click.confirm(f"{name}, shall epoch {epoch} end without {waiving.unit.label}?", abort=True)
        work.waive(services, waiving, by=by, reason=reason)
    click.echo(f"Written down: {name} lets epoch {epoch} end without {waiving.unit.label}.")

"""`backrow controller stick`: take in a sealed USB stick, and lay the school's answer onto it.

What is printed is the same of a unit that recorded nothing and of one that recorded all week (promise P7).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.opening import config_option, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.stick.service import Outcome

folder_argument = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


@click.group(name="stick")
def stick() -> None:
    """A sealed USB stick of a unit without a network."""


@stick.command(name="import")
@config_option
@folder_argument
def import_command(path: Path, folder: Path) -> None:
    """Take in what units wrote onto the stick that is mounted at FOLDER, and lay the school's answer onto it.

    The same stick may be taken in as often as you like. It ends with 1 when something has to be done about a unit.
    """
    from controller.errors import OperatorError
    from controller.stick.note import write_note
    from controller.stick.service import find_exports, take_in, visiting

    with opened(path) as services, visiting(services) as incoming:
        exports = find_exports(folder)
        if not exports:
            raise OperatorError(f"{folder}: no unit has written anything here; expected a folder backrow/<unit>")
        click.echo("Reading the stick; leave it in.")
        outcomes = []
        for export in exports:
            outcomes.append(take_in(services, incoming, export))
            for line in describe(outcomes[-1]):
                click.echo(line)
        try:
            write_note(folder, outcomes)
        except OSError as error:
            raise OperatorError(f"the stick refused the note: {error}; the answers are on it") from None
    if any(outcome.problems for outcome in outcomes):
        raise SystemExit(1)


def describe(outcome: Outcome) -> Iterator[str]:
    """Say what became of a unit's export, in words that tell no number."""
    who = f"{outcome.label} ({outcome.device})" if outcome.label else outcome.device
    for problem in outcome.problems:
        yield f"{who}: {problem}."
    if outcome.answered and not outcome.problems:
        yield f"{who}: taken in. The answer is on the stick: bring it back to the unit."
    elif outcome.answered:
        yield f"{who}: the school's answer is on the stick: bring it back to the unit."

"""`backrow device stick`: take the school's answer off a sealed USB stick, and write onto it what waits.

What is printed says neither how many recordings there are nor how long (promise P7).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from device.config import DeviceConfig
from device.opening import config_option
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from device.stick.answer import Taken
    from device.stick.export import Exported

folder_argument = click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))


@click.group(name="stick")
def stick() -> None:
    """A sealed USB stick, for a unit without a network."""
    os.umask(0o007)  # agent and uploader share the documents with their group's right


@stick.command(name="sync")
@config_option
@folder_argument
def sync_command(config: DeviceConfig, folder: Path) -> None:
    """Take what the school answered on the stick at FOLDER, then write onto it what waits."""
    from device.stick.sync import real_visit, sync

    with _errors():
        taken, exported = sync(real_visit(config, folder))
    _tell_taken(taken)
    _tell_exported(exported)


@stick.command(name="export")
@config_option
@folder_argument
def export_command(config: DeviceConfig, folder: Path) -> None:
    """Write what waits onto the stick at FOLDER."""
    from device.stick.sync import export, real_visit

    with _errors():
        exported = export(real_visit(config, folder))
    _tell_exported(exported)


@stick.command(name="take")
@config_option
@folder_argument
def take_command(config: DeviceConfig, folder: Path) -> None:
    """Take what the school answered on the stick at FOLDER."""
    from device.stick.sync import real_visit, take

    with _errors():
        taken = take(real_visit(config, folder))
    _tell_taken(taken)
    if taken.problem:
        raise click.ClickException("bring the stick to the school's server again")


def _tell_taken(taken: Taken) -> None:
    if taken.problem:
        click.echo(f"{taken.problem}.", err=True)
    else:
        click.echo("The school's answer was taken." if taken.found else "No answer of the school is on the stick.")


def _tell_exported(exported: Exported) -> None:
    click.echo("The stick is written. Bring it to the school's server, and then back here.")
    if not exported.everything:
        click.echo("Not everything fitted: bring it again afterwards, or use a larger one.")
    if exported.damaged:
        click.echo("Something on this unit's card cannot be read, and stays there: tell IT", err=True)


@contextmanager
def _errors() -> Iterator[None]:
    from device.stick.note import StickRefused

    try:
        yield
    except OSError as error:
        words = f"stick or card refused: {error.strerror or error}; nothing is lost. Plug the stick in again"
        raise click.ClickException(words) from error
    except (StickRefused, ProtocolError) as error:
        raise click.ClickException(str(error)) from error

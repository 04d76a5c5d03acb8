"""What the commands on the school's keys have in common: their options, and errors in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from protocol.errors import ProtocolError
from provisioning.keys.errors import KeysError

Command = TypeVar("Command", bound=Callable[..., Any])

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
keys_option = click.option("--keys", required=True, type=FOLDER, help="The folder of the school's keys.")


def root_options(command: Command) -> Command:
    """Add where the root's part lies and how its passphrase is come by."""
    for option in (
        click.option("--passphrase-file", type=FILE, help="The root's passphrase; otherwise a person is asked."),
        click.option("--root-folder", type=FOLDER, help="Where the root's part lies, when not among the keys."),
    ):
        command = option(command)
    return command


@contextmanager
def in_words() -> Iterator[None]:
    """Say what went wrong in one sentence, without a traceback."""
    try:
        yield
    except (KeysError, ProtocolError, OSError) as error:
        raise click.ClickException(str(error)) from None

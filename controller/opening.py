"""What every command of the server begins with: its configuration, and the parts put together on a current database.

Imports what is heavy only when a command runs, so that `--help` and a mistyped option answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.config import load_config

if TYPE_CHECKING:
    from controller.services import Services

Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """Add the option that every command has; the command is given it as `path`."""
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--config", "path", required=True, type=kind, help="The controller's controller.toml.")(command)


@contextmanager
def opened(path: Path) -> Iterator[Services]:
    """Put the parts together, and close the database at the end; raise `OperatorError` unless it is current."""
    from controller import wiring
    from controller.migrations import require_current

    services = wiring.make_services(load_config(path))
    try:
        require_current(services.database, path)
        yield services
    finally:
        services.database.close()

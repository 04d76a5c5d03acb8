"""What the commands of the calendar share: the option that names a site, and who acts. Imports what is heavy late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from controller.opening import opened

if TYPE_CHECKING:
    from controller.devices.history import Deed
    from controller.services import Services

Command = TypeVar("Command", bound=Callable[..., Any])
TICK = "Done. It holds from the next tick on; units whose hours change are sent a new schedule."


def site_option(command: Command) -> Command:
    """Add the option that says for which site; without it the whole school is meant."""
    told = "The site, as its units carry it; without it: the whole school."
    return click.option("--site", default="", help=told)(command)


@contextmanager
def doing(path: Path) -> Iterator[tuple[Services, Deed]]:
    """Open the controller, and say who acts now: somebody on the server's command line."""
    from controller.devices.history import OPERATOR
    from controller.devices.life import deed_of

    with opened(path) as services:
        yield services, deed_of(services, OPERATOR)

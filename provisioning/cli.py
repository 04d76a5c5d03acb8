"""The `backrow` command: a thin door that loads a group of commands by name, and only when it is asked for.

A unit has no controller installed and a server has no camera: listing the commands loads none of them, and asking for
one whose packages are missing says which extra to install.
"""

from __future__ import annotations

import atexit
import gc
import importlib
from typing import NamedTuple

import click


class Door(NamedTuple):
    """Where a command lives, which extra brings its packages, and what it does in one line."""

    module: str
    name: str
    extra: str
    words: str


DOORS = {
    "demo": Door("provisioning.demo.command", "demo_command", "demo", "One lesson, end to end, on this machine."),
    "device": Door("device.cli", "group", "device", "The classroom unit: recorder, agent, uploader."),
    "controller": Door("controller.cli", "group", "controller", "The school's server: pages, bridge, jobs."),
    "provision": Door("provisioning.commands", "group", "controller", "A school's keys, broker and SD cards."),
    "open": Door("provisioning.recover", "open_command", "device", "Open a sealed file or a whole recording."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands without loading them."""
        return list(DOORS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; say which extra is missing when its packages are not installed."""
        door = DOORS.get(cmd_name)
        if door is None:
            return None
        try:
            command = getattr(importlib.import_module(door.module), door.name)
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`backrow {cmd_name}` needs the package {error.name}, which is not installed; "
                f"install the extra: backrow[{door.extra}]"
            ) from error
        if not isinstance(command, click.Command):
            raise TypeError(f"{door.module}.{door.name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their words, loading none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, door.words) for name, door in DOORS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="backrow")
def main() -> None:
    """Backrow: a camera at the back of a classroom that belongs to the teacher."""
    # The system takes the memory back: looking for cycles in it at the end costs a command a quarter of its time.
    atexit.register(gc.freeze)

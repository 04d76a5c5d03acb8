"""`backrow provision`: what is prepared before a school can record.

Only gathers the groups; each lives with what it does.
"""

from __future__ import annotations

import click

from provisioning.broker.command import broker_command
from provisioning.keys.commands import keys_group


@click.group(name="provision")
def group() -> None:
    """Prepare a school: its keys, its broker."""


group.add_command(keys_group)
group.add_command(broker_command)

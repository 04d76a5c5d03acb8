"""`backrow provision`: what is prepared before a school can record.

Only gathers the groups; each lives with what it does.
"""

from __future__ import annotations

import click

from provisioning.broker.command import broker_command
from provisioning.card.command import card_command, lay_command
from provisioning.keys.commands import keys_group


@click.group(name="provision")
def group() -> None:
    """Prepare a school: its keys, its broker, its units' cards."""


group.add_command(keys_group)
group.add_command(broker_command)
group.add_command(card_command)
group.add_command(lay_command)

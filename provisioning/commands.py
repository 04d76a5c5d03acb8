"""`backrow provision`: what is prepared before a school can record. Today that is its keys.

Reads what was typed, calls the module that does the work, and says in words what was made and what to keep where.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from protocol.envelope import generate_hybrid, generate_x25519
from provisioning.broker.command import broker_command
from provisioning.keys import KeysError, SchoolKeys, make_school_keys, require_new_folder, store_school_keys

WEEKS = 12
MADE = """\
Made {count} files in {folder}:
  root.key             the school's root: signs keyring and recipients. Keep it off this machine once the school runs
                       (two copies in two safes); it is needed again before the recipients end.
  root.pub, ca.pem     public; every unit gets them.
  ca.key               the authority: whoever has it can make a unit. Needed when a unit is added.
  policy.key receipt.key lease.key settings.key
                       sign what the controller says to units; the server needs them.
  keyring, recipients  signed by the root; the server publishes them. Recipients: {first} to {last}, that is
                       until {ends_at:%Y-%m-%d}. After that day units refuse to record.
  epochs/              {epochs} identities: they open what units seal in their week. The server needs them.
  storage/{storage}.key
                       opens every recording in the key store. Back it up in one named place, apart from the media.
  server.pem, .key     for {hosts}; ends {server_ends_at:%Y-%m-%d}.
Folders are readable by you alone (700), secrets too (600). Lost epoch and storage identities cannot be replaced:
what was sealed to them stays sealed for good."""


@click.group(name="provision")
def group() -> None:
    """Prepare a school's keys."""


@group.group(name="keys")
def keys_group() -> None:
    """The school's keys: root, authority, signing keys, epochs, store."""


@keys_group.command(name="init")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A new or an empty folder.")
@click.option("--school", required=True, help="The school's name, as people will read it.")
@click.option("--host", "hosts", required=True, multiple=True, help="Name or address of the server; may be repeated.")
@click.option("--hybrid", is_flag=True, help="Post-quantum identities; the age program before 1.3 cannot read them.")
@click.option(
    "--weeks",
    default=WEEKS,
    show_default=True,
    type=click.IntRange(1, 104),
    help="Publish recipients that many weeks ahead, after the current one.",
)
def init_keys(*, out: Path, school: str, hosts: tuple[str, ...], hybrid: bool, weeks: int) -> None:
    """Make all keys of a new school in a folder of their own."""
    generate = generate_hybrid if hybrid else generate_x25519
    try:
        require_new_folder(out)
        keys = make_school_keys(school, hosts, now=datetime.now(UTC), weeks=weeks, generate=generate)
        names = store_school_keys(out, keys)
    except KeysError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_describe(out, keys, len(names)))


def _describe(folder: Path, keys: SchoolKeys, count: int) -> str:
    return MADE.format(
        count=count,
        folder=folder,
        first=keys.epochs[0].epoch.name,
        last=keys.epochs[-1].epoch.name,
        ends_at=keys.recipients.expires_at,
        epochs=len(keys.epochs),
        storage=keys.storage_name,
        hosts=", ".join(keys.hosts),
        server_ends_at=keys.server.certificate.not_valid_after_utc,
    )


group.add_command(broker_command)

"""`backrow provision keys init`: what a person types at the ceremony, and what they are told.

Reads what was typed, calls the module that does the work, and says in words what was made and what to keep where.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from protocol.envelope import PassphraseRecipient, generate_hybrid, generate_x25519
from provisioning.keys.ceremony import SchoolKeys, make_school_keys
from provisioning.keys.errors import KeysError
from provisioning.keys.folder import Apart, require_new_folder, store_school_keys
from provisioning.keys.passphrases import choose_passphrase

WEEKS = 12
MADE = """\
Made {count} files in {folder}:
  policy.key receipt.key lease.key settings.key
                       sign what the controller says to units; the server needs them.
  keyring, recipients  signed by the root; the server publishes them. Recipients: {first} to {last}, that is
                       until {ends_at:%Y-%m-%d}. After that day units refuse to record.
  epochs/              {epochs} identities: they open what units seal in their week. The server needs them.
  storage/{storage}.key
                       opens every recording in the key store. Back it up in one named place, apart from the media.
  ca.pem, ca.key       the issuing authority: whoever has its key can make a unit. Ends {ca_ends_at:%Y-%m-%d}.
  server.pem, .key     for {hosts}; ends {server_ends_at:%Y-%m-%d}.
  bridge.pem, .key     the bridge's, for the broker; ends {bridge_ends_at:%Y-%m-%d}.
  root.pub, root-ca.pem, keeper.pub
                       public; units pin the first two.
The root's part, {sealed}, lies in {root_folder}:
  root{ending}         signs keyring and recipients.
  root-ca{ending}      signs issuing authorities.
  keeper{ending}       opens breach packs.
  Keep it off this machine once the school runs (two copies in two safes). It is needed to rotate a key and to publish
  further recipients: before {ends_at:%Y-%m-%d}.
Folders are readable by you alone (700), secrets too (600). Lost epoch and storage identities cannot be replaced:
what was sealed to them stays sealed for good."""


@click.command(name="init")
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
@click.option(
    "--root-folder", type=click.Path(path_type=Path), help="A new folder for the root's part alone: a USB stick, say."
)
@click.option("--seal-root", is_flag=True, help="Seal the root's part with a passphrase (age's own form).")
@click.option(
    "--passphrase-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --seal-root: the passphrase, in the first line. Otherwise a person is asked twice.",
)
def init_command(  # noqa: PLR0913 a command has its options
    *,
    out: Path,
    school: str,
    hosts: tuple[str, ...],
    hybrid: bool,
    weeks: int,
    root_folder: Path | None,
    seal_root: bool,
    passphrase_file: Path | None,
) -> None:
    """Make all keys of a new school in a folder of their own."""
    try:
        _require_sensible(school, passphrase_file, seal_root=seal_root)
        require_new_folder(out)
        passphrase = PassphraseRecipient(choose_passphrase(passphrase_file)) if seal_root else None
        apart = Apart(folder=root_folder, passphrase=passphrase)
        generate = generate_hybrid if hybrid else generate_x25519
        keys = make_school_keys(school, hosts, now=datetime.now(UTC), weeks=weeks, generate=generate)
        names = store_school_keys(out, keys, apart=apart)
    except KeysError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_describe(out, keys, len(names), apart))


def _require_sensible(school: str, passphrase_file: Path | None, *, seal_root: bool) -> None:
    if passphrase_file and not seal_root:
        raise KeysError("--passphrase-file: seals nothing without --seal-root; give both or neither")
    if not school.strip() or not school.isprintable():
        raise KeysError(f"--school: expected the school's name in one line, got {school!r}")


def _describe(folder: Path, keys: SchoolKeys, count: int, apart: Apart) -> str:
    return MADE.format(
        count=count,
        folder=folder,
        first=keys.epochs[0].epoch.name,
        last=keys.epochs[-1].epoch.name,
        ends_at=keys.recipients.expires_at,
        epochs=len(keys.epochs),
        storage=keys.storage_name,
        hosts=", ".join(keys.hosts),
        ca_ends_at=keys.issuing.certificate.not_valid_after_utc,
        server_ends_at=keys.server.certificate.not_valid_after_utc,
        bridge_ends_at=keys.bridge.certificate.not_valid_after_utc,
        sealed="sealed with the passphrase" if apart.passphrase else "not sealed",
        root_folder=apart.folder or folder,
        ending=".key.age" if apart.passphrase else ".key",
    )

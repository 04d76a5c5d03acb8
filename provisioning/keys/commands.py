"""`backrow provision keys`: what a person types after the ceremony, and what they are told.

Reads what was typed, calls the module that does the work, and says in words what changed and what to do next.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from protocol.documents import Purpose
from protocol.durable import REAL
from protocol.pki import Credential, spell_fingerprint, spki_digest
from provisioning.keys import certificates
from provisioning.keys.ceremony import KEYRING_PURPOSES
from provisioning.keys.check import Finding, check_keys
from provisioning.keys.errors import KeysError
from provisioning.keys.extension import extend_epochs
from provisioning.keys.init_command import WEEKS, init_command
from provisioning.keys.options import in_words, keys_option, root_options
from provisioning.keys.passphrases import fetch_passphrase
from provisioning.keys.proof_commands import drill_command, record_command
from provisioning.keys.root import RootDoor
from provisioning.keys.rotation import Rotated, retire_signing, rotate_signing
from provisioning.keys.spelling import Typed
from provisioning.keys.standing import alone, sweep_drafts

SIGNING = tuple(purpose.value for purpose in KEYRING_PURPOSES)
ROTATED = """\
{purpose}.key: {signs} signs now; keyring version {version}, until {ends_at:%Y-%m-%d}.
{beside}
A running controller takes both within a minute and sends the keyring to every unit."""
BESIDE = """\
Believed beside it: {believed}. When every unit has the new keyring, or at once if the old key was stolen:
  {retire}"""
ALONE = "No older key is believed any longer; a unit that has not heard yet refuses what the older ones signed."


@click.group(name="keys")
def keys_group() -> None:
    """The school's keys: root, authorities, signing keys, epochs, store."""


keys_group.add_command(init_command)

keys_group.add_command(record_command)
keys_group.add_command(drill_command)


@keys_group.command(name="rotate")
@click.argument("what", type=click.Choice([*SIGNING, "ca", "server", "bridge"]))
@keys_option
@root_options
@click.option("--retire-old", is_flag=True, help="Make no new one: destroy the old ones, which nobody shall believe.")
@click.option("--new-key", is_flag=True, help="server, bridge: replace the key, too, because it may be known.")
@click.option("--host", "hosts", multiple=True, help="server: names and addresses, when they change; may be repeated.")
def rotate_command(
    *,
    what: str,
    keys: Path,
    root_folder: Path | None,
    passphrase_file: Path | None,
    **options: Any,
) -> None:
    """Replace one key or certificate; what a cut left of the same command is finished by it."""
    door = RootDoor(keys, root_folder or keys, lambda: fetch_passphrase(passphrase_file))
    with in_words(), alone(keys):
        _require_fitting(what, **options)
        sweep_drafts(keys, REAL)
        if what in SIGNING:
            perform = retire_signing if options["retire_old"] else rotate_signing
            done = perform(keys, Purpose(what), door.signing(), now=datetime.now(UTC), files=REAL)
            click.echo(_tell_rotated(Typed(keys=keys, root=root_folder or keys), Purpose(what), done))
        elif what == "ca":
            click.echo(_retire_authorities(keys) if options["retire_old"] else _rotate_authority(keys, door))
        else:
            renew = certificates.replace_certified if options["new_key"] else certificates.renew_certified
            click.echo(_tell_renewed(what, renew(keys, what, options["hosts"], now=datetime.now(UTC))))


def _require_fitting(what: str, *, retire_old: bool, new_key: bool, hosts: tuple[str, ...]) -> None:
    pair = what in ("server", "bridge")
    if pair and retire_old:
        raise KeysError(f"--retire-old: a {what} certificate has no older one that is believed; leave the option out")
    if new_key and not pair:
        raise KeysError(f"--new-key: {what} always gets a new key; leave the option out")
    if hosts and what != "server":
        raise KeysError(f"--host: a {what} certificate names no hosts; leave the option out")


def _tell_rotated(typed: Typed, purpose: Purpose, done: Rotated) -> str:
    believed = ", ".join(key.key_id for key in done.believed)
    retire = typed.spell_with_root("rotate", purpose.value, "--retire-old")
    beside = BESIDE.format(believed=believed, retire=retire) if believed else ALONE
    told = {"version": done.keyring.version, "ends_at": done.keyring.expires_at, "beside": beside}
    return ROTATED.format(purpose=purpose, signs=done.signs.key_id, **told)


def _retire_authorities(keys: Path) -> str:
    over = certificates.destroy_retired_authorities(keys, now=datetime.now(UTC))
    return f"Destroyed in retired-ca/: {', '.join(map(str, over))}. Nothing that they signed was still good."


def _rotate_authority(keys: Path, door: RootDoor) -> str:
    new = certificates.rotate_authority(keys, door.authority(), now=datetime.now(UTC)).certificate
    return (
        f"{new.subject.rfc4514_string()} signs now, until {new.not_valid_after_utc:%Y-%m-%d}; units need not be told.\n"
        "What the old one signed stays good until it ends; the old one is kept in retired-ca/ for its list of revoked "
        "ones.\nA running controller takes it within a minute."
    )


def _tell_renewed(name: str, new: Credential) -> str:
    where = "make the broker's files anew" if name == "server" else "restart the bridge"
    key, ends_at = spell_fingerprint(spki_digest(new.key.public_key())), new.certificate.not_valid_after_utc
    return f"{name}.pem: until {ends_at:%Y-%m-%d}, for the key {key}. Then: {where}."


@keys_group.command(name="extend")
@keys_option
@root_options
@click.option("--weeks", default=WEEKS, show_default=True, type=click.IntRange(1, 104), help="As with init.")
@click.option("--replace-lost", is_flag=True, help="Give a week a new identity that has lost its own for good.")
def extend_command(
    *, keys: Path, root_folder: Path | None, passphrase_file: Path | None, weeks: int, replace_lost: bool
) -> None:
    """Publish recipients for further weeks: needs the root."""
    door = RootDoor(keys, root_folder or keys, lambda: fetch_passphrase(passphrase_file))
    with in_words(), alone(keys):
        sweep_drafts(keys, REAL)
        recipients, new = extend_epochs(
            keys, door.signing(), now=datetime.now(UTC), weeks=weeks, replace_lost=replace_lost
        )
    click.echo(
        f"Published {len(new)} more epochs, {new[0]} to {new[-1]}: recipients version {recipients.version}, until "
        f"{recipients.expires_at:%Y-%m-%d}.\nA running controller takes them within a minute and sends them to every "
        "unit. Back up epochs/ now: what is sealed to an identity that is lost stays sealed."
    )


@keys_group.command(name="check")
@keys_option
@click.option(
    "--root-folder",
    type=click.Path(path_type=Path),
    help="Stands in the commands that are given for what is to do; is not looked at, and need not be there.",
)
@click.pass_context
def check_command(context: click.Context, /, keys: Path, root_folder: Path | None) -> None:
    """Say until when each key, certificate and epoch holds, and what to do. Exit status 1 when something is to do."""
    findings = tuple(check_keys(keys, datetime.now(UTC), root_folder))
    for finding in findings:
        click.echo(tell_finding(finding))
    context.exit(1 if any(finding.remedy for finding in findings) else 0)


def tell_finding(finding: Finding) -> str:
    """Give a finding as a line, and a second one when something is to do."""
    ends_at = f"{finding.ends_at:%Y-%m-%d}" if finding.ends_at else ""
    line = f"{ends_at:10}  {finding.what}"
    return f"{line}\n            -> {finding.remedy}" if finding.remedy else line

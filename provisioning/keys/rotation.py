"""Rotation of a signing key: the new one signs at once, the old one is believed until it is retired.

Every step is durable before the next, and the same command finishes what a cut left: the new key lies beside the old
one (`….key.next`), then the root says so (keyring), then the old key is set aside, then the new one takes its place.
Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.documents import Keyring, Purpose, issue_document
from protocol.durable import Files, destroy_file
from protocol.keyfiles import encode_signing_key
from protocol.signing import SigningKey, VerifyingKey
from provisioning.keys.ceremony import make_keyring
from provisioning.keys.errors import KeysError
from provisioning.keys.folder import FOLDER_MODE, put_key_file
from provisioning.keys.layout import PUBLIC, KeyFile
from provisioning.keys.standing import NEXT, RETIRED, Standing, load_standing, read_key


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: which key signs now, and which ones are believed beside it."""

    signs: VerifyingKey
    believed: tuple[VerifyingKey, ...]
    keyring: Keyring


def rotate_signing(folder: Path, purpose: Purpose, root: SigningKey, *, now: datetime, files: Files) -> Rotated:
    """Let a new key sign for `purpose`, or finish what a cut left of that; raise `KeysError`."""
    standing = load_standing(folder)
    old, waiting = standing.signing_key(purpose), folder / f"{purpose}.key{NEXT}"
    new = read_key(waiting) if waiting.exists() else _make_waiting(waiting, purpose, files)
    if new.verifying not in standing.trust.keys_for(purpose):
        believed = (new.verifying, *standing.trust.keys_for(purpose))
        _publish(standing, purpose, believed, (root, now, files))
    if new.verifying != old.verifying:
        _set_aside(folder, purpose, old, now=now, files=files)
    files.replace(waiting, folder / f"{purpose}.key")
    files.sync_folder(folder)
    return _told(folder, purpose)


def retire_signing(folder: Path, purpose: Purpose, root: SigningKey, *, now: datetime, files: Files) -> Rotated:
    """Let nobody believe the older keys of `purpose` any longer, and destroy them; raise `KeysError`."""
    standing = load_standing(folder)
    current = standing.signing_key(purpose).verifying
    aside = sorted((folder / RETIRED).glob(f"{purpose}-*.key"))
    if (folder / f"{purpose}.key{NEXT}").exists():
        raise KeysError(
            f"{folder}: a rotation of {purpose} was cut; finish it first: the same command, no --retire-old"
        )
    if standing.trust.keys_for(purpose) == (current,) and not aside:
        raise KeysError(f"{folder}: no older {purpose} key is believed; there is nothing to retire")
    if standing.trust.keys_for(purpose) != (current,):
        _publish(standing, purpose, (current,), (root, now, files))
    for path in aside:
        destroy_file(path, files)
    return _told(folder, purpose)


def _make_waiting(waiting: Path, purpose: Purpose, files: Files) -> SigningKey:
    key = SigningKey.generate()
    put_key_file(waiting.parent, KeyFile(waiting.name, encode_signing_key(key, purpose.value)), files)
    return key


def _publish(
    standing: Standing,
    purpose: Purpose,
    believed: tuple[VerifyingKey, ...],
    signing: tuple[SigningKey, datetime, Files],
) -> None:
    root, now, files = signing
    others = [(key.purpose, key.public) for key in standing.keyring.keys if key.purpose is not purpose]
    keys = [*((purpose, key.encode()) for key in believed), *others]
    order = (standing.keyring.generation, standing.keyring.version + 1)
    keyring = make_keyring(standing.keyring.school, keys, now.replace(microsecond=0), order=order)
    put_key_file(standing.folder, KeyFile(Keyring.KIND, issue_document(keyring, root), PUBLIC), files)


def _set_aside(folder: Path, purpose: Purpose, old: SigningKey, *, now: datetime, files: Files) -> None:
    files.make_folder(folder / RETIRED, FOLDER_MODE)
    files.sync_folder(folder)
    since = f"# signs no more since {now:%Y-%m-%d}\n".encode("ascii")
    name = f"{purpose}-{old.verifying.key_id}.key"
    put_key_file(folder / RETIRED, KeyFile(name, since + encode_signing_key(old, purpose.value)), files)


def _told(folder: Path, purpose: Purpose) -> Rotated:
    after = load_standing(folder)
    signs = after.signing_key(purpose).verifying
    believed = tuple(key for key in after.trust.keys_for(purpose) if key != signs)
    return Rotated(signs, believed, after.keyring)

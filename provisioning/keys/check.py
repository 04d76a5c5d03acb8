"""What stands in a folder of keys, until when each thing holds, and what to do about it.

Reads and never writes; needs no secret of the root. Defined in docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from protocol.documents import Epoch, Keyring, Purpose, Recipients
from provisioning.keys.ceremony import KEYRING_PURPOSES
from provisioning.keys.certificates import last_end, read_pair, retired_authorities
from provisioning.keys.errors import KeysError
from provisioning.keys.extension import read_identity
from provisioning.keys.layout import ROOT_SECRETS, SEALED
from provisioning.keys.spelling import Typed
from provisioning.keys.standing import NEXT, Standing, load_standing, read_certificate, read_keeper

PAIRS = ("server", "bridge")  # a certificate and its key, which the issuing CA certifies without the root
SOON = {  # how long before its end a thing is spoken of: as long as somebody needs who has holidays
    "certificate": timedelta(days=42),
    "authority": timedelta(days=365),  # what it signs must fit below its own end
    "document": timedelta(days=42),
}


@dataclass(frozen=True)
class Finding:
    """One thing, when it ends (if it does), and what to do now (empty when nothing)."""

    what: str
    ends_at: datetime | None = None
    remedy: str = ""


def check_keys(folder: Path, now: datetime, root_folder: Path | None = None) -> Iterator[Finding]:
    """Look at everything in the folder; what cannot be read is a finding with its remedy, too.

    `root_folder` is looked at by nobody: it stands in the commands that need the root.
    """
    typed = Typed(keys=folder, root=root_folder or (folder if _root_lies_in(folder) else None))
    try:
        standing = load_standing(folder)
    except KeysError as error:
        yield Finding("the documents", None, str(error))
        return
    yield from _documents(standing, typed, now)
    for purpose in KEYRING_PURPOSES:
        yield from _signing(standing, purpose, typed)
    yield from _certificates(standing, typed, now)
    yield from _epochs(standing, now)
    yield from _storage(folder)
    yield from _unfinished(typed)
    yield _keeper(folder)
    yield from _root_at_hand(folder)


def _root_lies_in(folder: Path) -> bool:
    return any((folder / name).exists() for secret in ROOT_SECRETS for name in (secret, secret + SEALED))


def _documents(standing: Standing, typed: Typed, now: datetime) -> Iterator[Finding]:
    keyring, recipients = standing.keyring, standing.recipients
    renewed = f"the rotation of any signing key renews it: {typed.spell_with_root('rotate', 'settings')}"
    remedy = _when_soon(keyring.expires_at, now, "document", renewed)
    yield Finding(f"{Keyring.KIND}, version {keyring.version}", keyring.expires_at, remedy)
    further = f"units record no longer than this: {typed.spell_with_root('extend')}"
    remedy = _when_soon(recipients.expires_at, now, "document", further)
    yield Finding(f"{Recipients.KIND}, version {recipients.version}", recipients.expires_at, remedy)


def _signing(standing: Standing, purpose: Purpose, typed: Typed) -> Iterator[Finding]:
    try:
        signs = standing.signing_key(purpose).verifying
    except KeysError as error:
        yield Finding(f"{purpose}.key", None, str(error))
        return
    believed = standing.trust.keys_for(purpose)
    wrong = "" if signs in believed else "the keyring does not name it: put the key back from the backup of the keys"
    yield Finding(f"{purpose}.key {signs.key_id}", None, wrong)
    for old in believed:
        if old != signs:
            retire = typed.spell_with_root("rotate", purpose.value, "--retire-old")
            what = f"{purpose} key {old.key_id}, signs no more, is believed"
            yield Finding(what, None, f"when every unit has the new keyring: {retire}")


def _certificates(standing: Standing, typed: Typed, now: datetime) -> Iterator[Finding]:
    folder = standing.folder
    try:
        root = read_certificate(folder / "root-ca.pem")
        current, retired = standing.authority(), retired_authorities(folder)
    except KeysError as error:
        yield Finding("authorities", None, str(error))
        return
    ends_at = root.not_valid_after_utc
    yield Finding("root-ca.pem", ends_at, _when_soon(ends_at, now, "authority", "a new ceremony and new cards"))
    ends_at = current.certificate.not_valid_after_utc
    yield Finding("ca.pem", ends_at, _when_soon(ends_at, now, "authority", typed.spell_with_root("rotate", "ca")))
    for number in retired:
        over_at = last_end(retired, number, current)
        remedy = typed.spell("rotate", "ca", "--retire-old") if over_at <= now else ""
        yield Finding(f"retired-ca/{number}.pem: the last that it signed", over_at, remedy)
    for name in PAIRS:
        yield _pair(name, typed, now)


def _pair(name: str, typed: Typed, now: datetime) -> Finding:
    try:
        ends_at = read_pair(typed.keys, name).certificate.not_valid_after_utc
    except KeysError as error:
        return Finding(f"{name}.pem", None, str(error))
    return Finding(f"{name}.pem", ends_at, _when_soon(ends_at, now, "certificate", typed.spell("rotate", name)))


def _epochs(standing: Standing, now: datetime) -> Iterator[Finding]:
    for epoch in standing.recipients.epochs:
        path = standing.folder / "epochs" / f"{epoch.name}.key"
        if epoch.ends_at <= now and not path.exists():
            yield Finding(f"epoch {epoch.name}, ended for good", epoch.ends_at)
        else:
            yield Finding(f"epoch {epoch.name}", epoch.ends_at, _identity_remedy(path, epoch))


def _identity_remedy(path: Path, epoch: Epoch) -> str:
    try:
        held = read_identity(path)
    except KeysError as error:
        return f"units seal to it and nothing opens it: {error}"
    fits = str(held.recipient) == epoch.recipient
    return "" if fits else f"{path}: opens nothing of this epoch: put it back from the backup of the keys"


def _storage(folder: Path) -> Iterator[Finding]:
    found = sorted((folder / "storage").glob("*.key"))
    if not found:
        yield Finding("storage", None, f"{folder}/storage: no identity: put it back from the backup of the keys")
    for path in found:
        try:
            read_identity(path)
        except KeysError as error:
            yield Finding(f"storage/{path.name}", None, str(error))
        else:
            yield Finding(f"storage/{path.name}{', in force' if path == found[-1] else ''}")


def _keeper(folder: Path) -> Finding:
    try:
        read_keeper(folder)
    except KeysError as error:
        return Finding("keeper.pub: no breach pack of a lost unit can be sealed", None, str(error))
    return Finding("keeper.pub")


def _unfinished(typed: Typed) -> Iterator[Finding]:
    for path in sorted(typed.keys.glob(f"*{NEXT}")):
        name = path.name.split(".")[0]
        finish = typed.spell("rotate", name) if name in PAIRS else typed.spell_with_root("rotate", name)
        yield Finding(path.name, None, f"a rotation was cut; finish it: {finish}")


def _root_at_hand(folder: Path) -> Iterator[Finding]:
    lying = [name for name in ROOT_SECRETS if (folder / name).exists()]
    sealed = [name for name in ROOT_SECRETS if (folder / (name + SEALED)).exists()]
    if lying:
        yield Finding(", ".join(lying), None, "the root's part lies beside the server's: move it off this machine")
    elif sealed:
        yield Finding(", ".join(name + SEALED for name in sealed) + " (sealed)")


def _when_soon(ends_at: datetime, now: datetime, kind: str, remedy: str) -> str:
    if ends_at <= now:
        return f"IT IS OVER. {remedy}"
    return remedy if ends_at - now <= SOON[kind] else ""

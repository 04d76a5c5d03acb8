"""The school's keys: made once, before there is a unit or a controller.

Makes the folder `keys/` of docs/ARCHITECTURE.md whole or not at all: the root, the authority, the signing keys, the
keyring and recipients that the root signs, the age identities of the epochs and of the store, the server certificate.
It never changes keys that stand, and sends none anywhere.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from protocol.documents import Document, Epoch, Keyring, KeyringKey, Purpose, Recipients, issue_document
from protocol.durable import PRIVATE, REAL, replace_file
from protocol.envelope import KeyIdentity
from protocol.keyfiles import store_signing_key
from protocol.pki import Credential, issue_authority, issue_server
from protocol.signing import SigningKey

PUBLIC = 0o644
WEEK = timedelta(days=7)
KEYRING_DAYS = 3 * 365  # the root is rarely at hand; a lost key is answered by a newer keyring, not by waiting
COMMON_NAME_CHARS = 64  # the limit of X.520 that certificates keep
KEYRING_PURPOSES = (Purpose.POLICY, Purpose.RECEIPT, Purpose.LEASE, Purpose.SETTINGS)


class KeysError(Exception):
    """The school's keys cannot be made as asked: where, why, and what to do instead."""


@dataclass(frozen=True, kw_only=True)
class EpochKey:
    """One epoch as the recipients list says it, and the identity that opens what was sealed in it."""

    epoch: Epoch
    identity: KeyIdentity = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SchoolKeys:
    """Everything that `store_school_keys` writes."""

    root: SigningKey
    signing: Mapping[Purpose, SigningKey]
    keyring: Keyring
    recipients: Recipients
    epochs: tuple[EpochKey, ...]
    storage_name: str
    storage: KeyIdentity = field(repr=False)
    authority: Credential
    hosts: tuple[str, ...]
    server: Credential


def plan_epochs(now: datetime, weeks: int) -> tuple[tuple[str, datetime, datetime], ...]:
    """Give name, beginning and end of the ISO week (UTC) that holds `now` and of the `weeks` after it."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    begins = (monday + count * WEEK for count in range(weeks + 1))
    return tuple((f"{at:%G-w%V}", at, at + WEEK) for at in begins)


def make_school_keys(
    school: str, hosts: tuple[str, ...], *, now: datetime, weeks: int, generate: Callable[[], KeyIdentity]
) -> SchoolKeys:
    """Make all keys of a school in memory; `generate` decides the type of the age identities.

    Raises `KeysError` when a host can stand in no certificate.
    """
    now = now.replace(microsecond=0)
    root = SigningKey.generate()
    signing = {purpose: SigningKey.generate() for purpose in KEYRING_PURPOSES}
    epochs = tuple(_make_epoch(*planned, generate()) for planned in plan_epochs(now, weeks))
    authority = issue_authority(f"Backrow {school}"[:COMMON_NAME_CHARS].strip(), now=now)
    return SchoolKeys(
        root=root,
        signing=signing,
        keyring=_make_keyring(school, signing, now),
        recipients=_make_recipients(epochs, now),
        epochs=epochs,
        storage_name=f"{now.astimezone(UTC):%Y-%m-%d}",
        storage=generate(),
        authority=authority,
        hosts=hosts,
        server=_issue_server(authority, hosts, now),
    )


def _make_epoch(name: str, begins_at: datetime, ends_at: datetime, identity: KeyIdentity) -> EpochKey:
    epoch = Epoch(name=name, begins_at=begins_at, ends_at=ends_at, recipient=str(identity.recipient))
    return EpochKey(epoch=epoch, identity=identity)


def _make_keyring(school: str, signing: Mapping[Purpose, SigningKey], now: datetime) -> Keyring:
    keys = tuple(KeyringKey(purpose=purpose, public=key.verifying.encode()) for purpose, key in signing.items())
    ends_at = now + timedelta(days=KEYRING_DAYS)
    return Keyring(generation=1, version=1, issued_at=now, expires_at=ends_at, school=school, keys=keys)


def _make_recipients(epochs: tuple[EpochKey, ...], now: datetime) -> Recipients:
    listed = tuple(key.epoch for key in epochs)
    return Recipients(generation=1, version=1, issued_at=now, expires_at=listed[-1].ends_at, epochs=listed)


def _issue_server(authority: Credential, hosts: tuple[str, ...], now: datetime) -> Credential:
    try:
        return issue_server(authority, hosts, now=now)
    except ValueError as error:
        raise KeysError(f"no certificate can name the hosts {', '.join(hosts) or '(none)'}: {error}") from None


def store_school_keys(folder: Path, keys: SchoolKeys) -> tuple[str, ...]:
    """Write all keys to `folder`, which is new or empty, and give the names of the files.

    The folder is built beside its place and renamed: it appears whole or not at all. Raises `KeysError`.
    """
    folder = folder.expanduser().resolve()
    require_new_folder(folder)
    try:
        REAL.make_folder(folder.parent)
        return _build_and_rename(folder, keys)
    except OSError as error:
        raise KeysError(f"{folder}: the keys cannot be written there: {error}; choose another folder") from None


def require_new_folder(folder: Path) -> None:
    """Raise `KeysError` when something stands at `folder` that is not an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise KeysError(
            f"{folder}: expected a new or an empty folder, found something in it; keys are never written over: "
            "choose another folder, or move this one to a safe place first"
        )


def _build_and_rename(folder: Path, keys: SchoolKeys) -> tuple[str, ...]:
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        names = tuple(_write_files(draft, keys))
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    REAL.sync_folder(folder.parent)
    return names


def _write_files(draft: Path, keys: SchoolKeys) -> Iterator[str]:
    for name, purpose, key in _signing_files(keys):
        store_signing_key(draft / name, key, purpose)
        _require_private(draft / name)
        yield name
    for name, text in _identity_files(keys):
        REAL.make_folder((draft / name).parent, 0o700)
        replace_file(draft / name, text.encode("ascii"), mode=PRIVATE)
        yield name
    for name, pem in (("ca.key", keys.authority.key_pem()), ("server.key", keys.server.key_pem())):
        replace_file(draft / name, pem, mode=PRIVATE)
        yield name
    for name, content in _public_files(keys):
        replace_file(draft / name, content, mode=PUBLIC)
        yield name


def _require_private(path: Path) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise OSError(f"this file system does not keep a file private (mode {mode:o} instead of {PRIVATE:o})")


def _signing_files(keys: SchoolKeys) -> Iterator[tuple[str, str, SigningKey]]:
    yield "root.key", Purpose.ROOT.value, keys.root
    for purpose, key in keys.signing.items():
        yield f"{purpose}.key", purpose.value, key


def _identity_files(keys: SchoolKeys) -> Iterator[tuple[str, str]]:
    for key in keys.epochs:
        span = f"{key.epoch.begins_at:%Y-%m-%d} to {key.epoch.ends_at:%Y-%m-%d}"
        yield f"epochs/{key.epoch.name}.key", _identity_text(f"epoch {key.epoch.name}, {span}", key.identity)
    yield f"storage/{keys.storage_name}.key", _identity_text(f"storage identity {keys.storage_name}", keys.storage)


def _identity_text(what: str, identity: KeyIdentity) -> str:
    return f"# Backrow {what}\n# public key: {identity.recipient}\n{identity.encode()}\n"


def _public_files(keys: SchoolKeys) -> Iterator[tuple[str, bytes]]:
    yield "root.pub", f"{keys.root.verifying.encode()}\n".encode("ascii")
    yield "ca.pem", keys.authority.certificate_pem()
    yield "server.pem", keys.server.certificate_pem()
    documents: tuple[Document, ...] = (keys.keyring, keys.recipients)
    for document in documents:
        yield document.KIND, issue_document(document, keys.root)

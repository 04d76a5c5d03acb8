"""The ceremony: all keys of a school, made once in memory, before there is a unit or a controller.

Three parts: the root's (kept apart), the server's, and what is public. Touches no disk. Defined in
docs/protocol/keys.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from protocol.documents import Keyring, KeyringKey, Purpose, Recipients
from protocol.envelope import KeyIdentity
from protocol.pki import Credential, issue_bridge, issue_issuing_authority, issue_root_authority, issue_server
from protocol.signing import SigningKey
from provisioning.keys.epochs import EpochKey, list_recipients, make_epochs
from provisioning.keys.errors import KeysError

KEYRING_DAYS = 3 * 365  # the root is rarely at hand; a lost key is answered by a newer keyring, not by waiting
COMMON_NAME_CHARS = 64  # the limit of X.520 that certificates keep
KEYRING_PURPOSES = (Purpose.POLICY, Purpose.RECEIPT, Purpose.LEASE, Purpose.SETTINGS)


@dataclass(frozen=True, kw_only=True)
class RootPart:
    """What the root's keeper keeps: who signs keyring and recipients, who signs authorities, who opens breach packs."""

    signing: SigningKey = field(repr=False)
    authority: Credential
    keeper: KeyIdentity = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SchoolKeys:
    """Everything that `store_school_keys` writes."""

    root: RootPart
    signing: Mapping[Purpose, SigningKey] = field(repr=False)
    keyring: Keyring
    recipients: Recipients
    epochs: tuple[EpochKey, ...]
    storage_name: str
    storage: KeyIdentity = field(repr=False)
    issuing: Credential
    hosts: tuple[str, ...]
    server: Credential
    bridge: Credential


def make_school_keys(
    school: str, hosts: tuple[str, ...], *, now: datetime, weeks: int, generate: Callable[[], KeyIdentity]
) -> SchoolKeys:
    """Make all keys of a school in memory; `generate` decides the type of the age identities.

    Raises `KeysError` when a host can stand in no certificate.
    """
    now = now.replace(microsecond=0)
    authority = issue_root_authority(authority_name(school, "root"), now=now)
    root = RootPart(signing=SigningKey.generate(), authority=authority, keeper=generate())
    signing = {purpose: SigningKey.generate() for purpose in KEYRING_PURPOSES}
    epochs = make_epochs(now, weeks, generate)
    issuing = issue_issuing_authority(authority, authority_name(school, "issuing 1"), now=now)
    return SchoolKeys(
        root=root,
        signing=signing,
        keyring=make_keyring(school, [(purpose, key.verifying.encode()) for purpose, key in signing.items()], now),
        recipients=list_recipients(tuple(key.epoch for key in epochs), now),
        epochs=epochs,
        storage_name=f"{now.astimezone(UTC):%Y-%m-%d}",
        storage=generate(),
        issuing=issuing,
        hosts=hosts,
        server=_issue_server(issuing, hosts, now),
        bridge=issue_bridge(issuing, now=now),
    )


def authority_name(school: str, what: str) -> str:
    """Name an authority after the school, as far as a certificate has room for it."""
    ending = f" {what}"
    return f"{f'Backrow {school}'[: COMMON_NAME_CHARS - len(ending)].strip()}{ending}"


def make_keyring(
    school: str, keys: list[tuple[Purpose, str]], now: datetime, *, order: tuple[int, int] = (1, 1)
) -> Keyring:
    """Give the keyring that names these public keys by purpose; the first of a purpose is the one that signs."""
    generation, version = order
    return Keyring(
        generation=generation,
        version=version,
        issued_at=now,
        expires_at=now + timedelta(days=KEYRING_DAYS),
        school=school,
        keys=tuple(KeyringKey(purpose=purpose, public=public) for purpose, public in keys),
    )


def _issue_server(authority: Credential, hosts: tuple[str, ...], now: datetime) -> Credential:
    try:
        return issue_server(authority, hosts, now=now)
    except ValueError as error:
        raise KeysError(f"--host: no certificate can name {', '.join(hosts) or '(none)'}: {error}") from None

"""Recipients and identities as texts, and files of identities.

Decides which key type a text is; error messages never repeat a text that may be a secret.
Defined by C2SP age.md ("Native recipient types") and docs/protocol/envelope.md ("Keys").
"""

import os
from collections.abc import Callable
from typing import Protocol

from protocol.envelope import hybrid, x25519
from protocol.envelope.bech32 import parse_bech32
from protocol.envelope.errors import KeyTextError
from protocol.envelope.header import Stanza
from protocol.envelope.hybrid import HybridIdentity, HybridRecipient
from protocol.envelope.passphrase import PassphraseRecipient
from protocol.envelope.x25519 import X25519Identity, X25519Recipient

Recipient = X25519Recipient | HybridRecipient | PassphraseRecipient
KeyIdentity = X25519Identity | HybridIdentity

_NOT_SUPPORTED = {
    "-----BEGIN OPENSSH": "an SSH key",
    "-----BEGIN ": "a PEM file",
    "ssh-": "the public half of an SSH key",
    "AGE-PLUGIN-": "a key of an age plugin, which keeps it in other hardware or software",
}


class Identity(Protocol):
    """Whatever can open a stanza: a key, a passphrase, or something that asks a person when it comes to that."""

    def unwrap(self, stanza: Stanza, /) -> bytes | None:
        """The file key, or None when the stanza is not for this identity; raises HeaderError when it is malformed."""


def generate_x25519(*, random_bytes: Callable[[int], bytes] = os.urandom) -> X25519Identity:
    """A new identity whose files every age program opens."""
    return X25519Identity(random_bytes(x25519.KEY_BYTES))


def generate_hybrid(*, random_bytes: Callable[[int], bytes] = os.urandom) -> HybridIdentity:
    """A new identity that a quantum computer does not break; age before 1.3 cannot use it."""
    return HybridIdentity(random_bytes(hybrid.SEED_BYTES))


def parse_recipient(text: str) -> Recipient:
    """The recipient that an "age1…" or "age1pq1…" text names; raises KeyTextError."""
    prefix, data = _parse_key_text(text, what="recipient")
    if prefix == X25519Recipient.prefix:
        return X25519Recipient(_require_length(data, x25519.KEY_BYTES, what="X25519 recipient"))
    if prefix == HybridRecipient.prefix:
        return _parse_hybrid_recipient(_require_length(data, hybrid.PUBLIC_BYTES, what="hybrid recipient"))
    raise KeyTextError(
        f"expected a recipient in lower case that begins with 'age1' or 'age1pq1', got one with prefix {prefix[:20]!r}"
    )


def parse_identity(text: str) -> KeyIdentity:
    """The identity that an "AGE-SECRET-KEY-1…" or "AGE-SECRET-KEY-PQ-1…" text is; raises KeyTextError."""
    for beginning, kind in _NOT_SUPPORTED.items():
        if text.startswith(beginning):
            raise KeyTextError(f"this kind of key is not supported: {kind}; expected an identity AGE-SECRET-KEY-…")
    prefix, data = _parse_key_text(text, what="identity")
    if prefix == X25519Identity.prefix:
        return X25519Identity(_require_length(data, x25519.KEY_BYTES, what="X25519 identity"))
    if prefix == HybridIdentity.prefix:
        return HybridIdentity(_require_length(data, hybrid.SEED_BYTES, what="hybrid identity"))
    if prefix in (X25519Recipient.prefix, HybridRecipient.prefix):
        raise KeyTextError("expected an identity (AGE-SECRET-KEY-…), got a recipient: that is the half that only seals")
    raise KeyTextError("expected an identity in upper case: 'AGE-SECRET-KEY-1…' or 'AGE-SECRET-KEY-PQ-1…'")


def parse_identities(text: str) -> tuple[KeyIdentity, ...]:
    """The identities of an identity file, one a line, between comments (#) and blank lines.

    A byte order mark before the first line, which editors on Windows write, is passed over.
    Raises KeyTextError that names the line, also when there is none.
    """
    identities = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        entry = line.strip()
        if entry and not entry.startswith("#"):
            identities.append(_parse_numbered(entry, number))
    if not identities:
        raise KeyTextError("expected at least one identity (a line AGE-SECRET-KEY-…), got none")
    return tuple(identities)


def _parse_numbered(entry: str, number: int) -> KeyIdentity:
    try:
        return parse_identity(entry)
    except KeyTextError as error:
        raise KeyTextError(f"line {number}: {error}") from error


def _parse_key_text(text: str, *, what: str) -> tuple[str, bytes]:
    try:
        return parse_bech32(text)
    except ValueError as error:
        raise KeyTextError(f"the {what} is malformed: {error}") from error


def _require_length(data: bytes, length: int, *, what: str) -> bytes:
    if len(data) != length:
        raise KeyTextError(f"expected an {what} of {length} bytes, got {len(data)}")
    return data


def _parse_hybrid_recipient(public: bytes) -> HybridRecipient:
    try:
        return HybridRecipient.from_public(public)
    except ValueError as error:
        raise KeyTextError(f"the hybrid recipient is no ML-KEM-768 key: {error}") from error

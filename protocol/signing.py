"""Signed lines: one line of canonical JSON, the id of the key that signed it, and an Ed25519 signature.

`{…} <key id> <signature>` and a line feed. The signature covers a domain (`backrow/v1/<domain>`) as well as the body,
so that a line signed for one purpose is worth nothing for another. Nothing here decides which key may sign what:
that is the keyring's business. Defined in docs/protocol/manifest.md; Ed25519 is RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.errors import ProtocolError

KEY_ID_CHARS = 16
KEY_BYTES = 32
SIGNATURE_BYTES = 64
_KEY_ID = re.compile(rb"[0-9a-f]{%d}" % KEY_ID_CHARS)


class SignatureError(ProtocolError):
    """A signed line is malformed, signed by a key that is not trusted for it, or not what was signed."""


@dataclass(frozen=True)
class VerifyingKey:
    """A public Ed25519 key and its id, the first 16 hexadecimal digits of its SHA-256."""

    public: bytes
    key_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the id; raise `ValueError` when the key is not 32 bytes long."""
        if len(self.public) != KEY_BYTES:
            raise ValueError(f"an Ed25519 public key has {KEY_BYTES} bytes, got {len(self.public)}")
        object.__setattr__(self, "key_id", hashlib.sha256(self.public).hexdigest()[:KEY_ID_CHARS])

    def encode(self) -> str:
        """Write the key as base64url without padding, the form in which documents carry it."""
        return _encode64(self.public)

    @classmethod
    def parse(cls, text: str, what: str = "public key") -> VerifyingKey:
        """Read what `encode` wrote."""
        public = _decode64(text, what)
        if len(public) != KEY_BYTES:
            raise SignatureError(f"{what}: expected {KEY_BYTES} bytes in base64url, got {len(public)}")
        return cls(public)


@dataclass(frozen=True)
class SigningKey:
    """A private Ed25519 key; its text form never shows the secret."""

    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Load the key from its 32-byte seed, the form in which key files hold it."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def seed(self) -> bytes:
        """Give the 32 secret bytes, for a key file."""
        return self.private.private_bytes_raw()

    @property
    def verifying(self) -> VerifyingKey:
        """Give the public half."""
        return VerifyingKey(self.private.public_key().public_bytes_raw())


@dataclass(frozen=True)
class SignedLine:
    """A signed line taken apart, not verified yet."""

    body: bytes
    key_id: str
    signature: bytes


def sign_line(body: bytes, *, domain: str, key: SigningKey) -> bytes:
    """Sign one line of canonical JSON for `domain` and give the whole line, line feed included."""
    if b"\n" in body:
        raise ValueError("the body of a signed line holds no line feed")
    signature = key.private.sign(_signed_bytes(domain, body))
    return b"%s %s %s\n" % (body, key.verifying.key_id.encode(), _encode64(signature).encode())


def split_line(line: bytes, what: str = "signed line") -> SignedLine:
    """Take a signed line apart without verifying it."""
    if not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise SignatureError(f"{what}: expected one line that ends in a line feed, got {len(line)} bytes")
    parts = line[:-1].rsplit(b" ", 2)
    if len(parts) != 3:
        raise SignatureError(f"{what}: expected a body, a key id and a signature, got {len(parts)} part(s)")
    body, key_id, signature = parts
    if not _KEY_ID.fullmatch(key_id):
        raise SignatureError(f"{what}: expected a key id of {KEY_ID_CHARS} hexadecimal digits, got {key_id[:20]!r}")
    return SignedLine(body, key_id.decode("ascii"), _parse_signature(signature, what))


def _parse_signature(text: bytes, what: str) -> bytes:
    signature = _decode64(text.decode("ascii", "replace"), what)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError(f"{what}: expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")
    return signature


def verify_line(line: bytes, *, domain: str, keys: Iterable[VerifyingKey], what: str = "signed line") -> bytes:
    """Give the body of a line that one of `keys` signed for `domain`; raise `SignatureError` otherwise."""
    signed = split_line(line, what)
    trusted = {key.key_id: key for key in keys}
    key = trusted.get(signed.key_id)
    if key is None:
        raise SignatureError(f"{what}: signed by key {signed.key_id}, expected one of {sorted(trusted) or 'none'}")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signed.signature, _signed_bytes(domain, signed.body))
    except InvalidSignature:
        raise SignatureError(f"{what}: the signature of key {key.key_id} does not fit the content") from None
    return signed.body


def _signed_bytes(domain: str, body: bytes) -> bytes:
    return b"backrow/v1/%s\n%s" % (domain.encode("ascii"), body)


def _encode64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _decode64(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or _encode64(data) != text:
        raise SignatureError(f"{what}: expected base64url without padding, got {text[:20]!r}")
    return data

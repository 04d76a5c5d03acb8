"""The X25519 recipient type, the one that every age program reads.

Wraps and unwraps file keys; holds its secret in memory and shows it only through `encode`.
Defined by C2SP age.md ("The X25519 recipient type").
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from protocol.envelope.bech32 import encode_bech32
from protocol.envelope.derive import derive_key
from protocol.envelope.errors import HeaderError, RecipientsError
from protocol.envelope.header import Stanza
from protocol.envelope.stanzas import encode_argument, parse_argument, require_arguments, require_body

KEY_BYTES = 32
_NONCE = bytes(12)


@dataclass(frozen=True)
class X25519Recipient:
    """The public half: `str()` of it is the "age1…" text."""

    point: bytes
    prefix: ClassVar[str] = "age"
    post_quantum: ClassVar[bool] = False

    def __str__(self) -> str:
        return encode_bech32(self.prefix, self.point)

    def wrap(self, file_key: bytes, *, random_bytes: Callable[[int], bytes]) -> Stanza:
        """A stanza that only this recipient's identity opens; raises RecipientsError for a point that hides nothing."""
        ephemeral = X25519PrivateKey.from_private_bytes(random_bytes(KEY_BYTES))
        share = ephemeral.public_key().public_bytes_raw()
        try:
            shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.point))
        except ValueError as error:
            raise RecipientsError(f"recipient {self} is a low-order point: nothing sealed to it is secret") from error
        body = _wrap_cipher(shared, share, self.point).encrypt(_NONCE, file_key, None)
        return Stanza(("X25519", encode_argument(share)), body)


@dataclass(frozen=True)
class X25519Identity:
    """The secret half, a 32-byte scalar; only `encode` shows it."""

    secret: bytes = field(repr=False)
    prefix: ClassVar[str] = "AGE-SECRET-KEY-"

    def __repr__(self) -> str:
        return f"X25519Identity(recipient={self.recipient})"

    @cached_property
    def recipient(self) -> X25519Recipient:
        """The public half."""
        return X25519Recipient(self._private.public_key().public_bytes_raw())

    def encode(self) -> str:
        """The "AGE-SECRET-KEY-1…" text: a secret."""
        return encode_bech32(self.prefix.lower(), self.secret).upper()

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file key, or None when the stanza is not for this identity; raises HeaderError when it is malformed."""
        if stanza.type != "X25519":
            return None
        require_arguments(stanza, count=2)
        share = parse_argument(stanza, 1, length=KEY_BYTES)
        require_body(stanza)
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:
            raise HeaderError("an X25519 stanza's share is a low-order point: the shared secret is zero") from error
        try:
            return _wrap_cipher(shared, share, self.recipient.point).decrypt(_NONCE, stanza.body, None)
        except InvalidTag:
            return None

    @cached_property
    def _private(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.secret)


def _wrap_cipher(shared: bytes, share: bytes, point: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(derive_key(shared, salt=share + point, info=b"age-encryption.org/v1/X25519"))

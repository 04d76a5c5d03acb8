"""The post-quantum recipient type: HPKE with ML-KEM-768 and X25519 together (stanza `mlkem768x25519`).

Sealing to it is a choice of recipient: programs older than age 1.3 do not read it. cryptography's HPKE draws its own
randomness, so `wrap` takes none.
Defined by C2SP age.md ("The MLKEM768-X25519 … recipient type") and filippo.io/hpke-pq (MLKEM768-X25519).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from protocol.envelope.bech32 import encode_bech32
from protocol.envelope.errors import HeaderError, RecipientsError
from protocol.envelope.header import Stanza
from protocol.envelope.stanzas import encode_argument, parse_argument, require_arguments, require_body

SEED_BYTES = 32
_MLKEM_PUBLIC_BYTES = 1184
_MLKEM_SEED_BYTES = 64
_X25519_BYTES = 32
_ENCAPSULATED_BYTES = 1120
PUBLIC_BYTES = _MLKEM_PUBLIC_BYTES + _X25519_BYTES

_STANZA_TYPE = "mlkem768x25519"
_INFO = b"age-encryption.org/mlkem768x25519"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True)
class HybridRecipient:
    """The public half: `str()` of it is the "age1pq1…" text."""

    public: bytes
    prefix: ClassVar[str] = "age1pq"
    post_quantum: ClassVar[bool] = True

    def __str__(self) -> str:
        return encode_bech32(self.prefix, self.public)

    @classmethod
    def from_public(cls, public: bytes) -> Self:
        """The recipient with these public bytes; raises ValueError when they are no key."""
        recipient = cls(public)
        _ = recipient._key
        return recipient

    def wrap(self, file_key: bytes, *, random_bytes: Callable[[int], bytes]) -> Stanza:
        """A stanza that only this recipient's identity opens; raises RecipientsError for a key that hides nothing."""
        try:
            sealed = _SUITE.encrypt(file_key, self._key, info=_INFO)
        except ValueError as error:
            raise RecipientsError(f"recipient {str(self)[:20]}… is not a usable hybrid key: {error}") from error
        encapsulated, body = sealed[:_ENCAPSULATED_BYTES], sealed[_ENCAPSULATED_BYTES:]
        return Stanza((_STANZA_TYPE, encode_argument(encapsulated)), body)

    @property
    def _key(self) -> MLKEM768X25519PublicKey:
        mlkem, x25519 = self.public[:_MLKEM_PUBLIC_BYTES], self.public[_MLKEM_PUBLIC_BYTES:]
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(mlkem), X25519PublicKey.from_public_bytes(x25519)
        )


@dataclass(frozen=True)
class HybridIdentity:
    """The secret half, a 32-byte seed; only `encode` shows it."""

    secret: bytes = field(repr=False)
    prefix: ClassVar[str] = "AGE-SECRET-KEY-PQ-"

    def __repr__(self) -> str:
        return f"HybridIdentity(recipient={str(self.recipient)[:20]}…)"

    @cached_property
    def recipient(self) -> HybridRecipient:
        """The public half."""
        return HybridRecipient(
            self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )

    def encode(self) -> str:
        """The "AGE-SECRET-KEY-PQ-1…" text: a secret."""
        return encode_bech32(self.prefix.lower(), self.secret).upper()

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file key, or None when the stanza is not for this identity; raises HeaderError when it is malformed."""
        if stanza.type != _STANZA_TYPE:
            return None
        require_arguments(stanza, count=2)
        encapsulated = parse_argument(stanza, 1, length=_ENCAPSULATED_BYTES)
        require_body(stanza)
        self._refuse_low_order(encapsulated[-_X25519_BYTES:])
        try:
            return _SUITE.decrypt(encapsulated + stanza.body, self._key, info=_INFO)
        except InvalidTag:
            return None

    def _refuse_low_order(self, share: bytes) -> None:
        # HPKE reports a low-order point and a wrong key alike; the first is a malformed header, the second is no match.
        try:
            self._x25519.exchange(X25519PublicKey.from_public_bytes(share))
        except ValueError as error:
            raise HeaderError("a hybrid stanza's X25519 share is a low-order point") from error

    @cached_property
    def _expanded(self) -> bytes:
        return hashlib.shake_256(self.secret).digest(_MLKEM_SEED_BYTES + _X25519_BYTES)

    @cached_property
    def _mlkem(self) -> MLKEM768PrivateKey:
        return MLKEM768PrivateKey.from_seed_bytes(self._expanded[:_MLKEM_SEED_BYTES])

    @cached_property
    def _x25519(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self._expanded[_MLKEM_SEED_BYTES:])

    @cached_property
    def _key(self) -> MLKEM768X25519PrivateKey:
        return MLKEM768X25519PrivateKey(self._mlkem, self._x25519)

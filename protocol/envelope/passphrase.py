"""The scrypt recipient type: files sealed with a passphrase, as the school's root may be kept; footage never is.

Defined by C2SP age.md ("The scrypt recipient type") and RFC 7914.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from protocol.envelope.errors import HeaderError
from protocol.envelope.header import Stanza
from protocol.envelope.stanzas import encode_argument, parse_argument, require_arguments, require_body

STANZA_TYPE = "scrypt"
WORK_FACTOR_LIMIT = 22
"""The same limit as the age program's: 2^22 needs 4 GiB of memory, its own default of 2^18 needs 256 MiB."""

WORK_FACTOR = 18
"""The age program's own: about a second and 256 MiB for each passphrase that somebody tries."""

_SALT_BYTES = 16
_DECIMAL = re.compile(r"[1-9][0-9]*")


@dataclass(frozen=True)
class PassphraseRecipient:
    """Seals a file with a passphrase; a file has no other recipient beside one (C2SP age.md)."""

    passphrase: bytes = field(repr=False)
    work_factor: int = WORK_FACTOR

    post_quantum: ClassVar[bool] = True

    def wrap(self, file_key: bytes, *, random_bytes: Callable[[int], bytes]) -> Stanza:
        """Wrap the file key under the passphrase and a fresh salt."""
        salt = random_bytes(_SALT_BYTES)
        body = ChaCha20Poly1305(_derive(self.passphrase, salt, self.work_factor)).encrypt(bytes(12), file_key, None)
        return Stanza((STANZA_TYPE, encode_argument(salt), str(self.work_factor)), body)


@dataclass(frozen=True)
class PassphraseIdentity:
    """Opens the file that was sealed with this passphrase."""

    passphrase: bytes = field(repr=False)

    def unwrap(self, stanza: Stanza) -> bytes | None:
        """The file key, or None when the passphrase is another; raises HeaderError when the stanza is malformed.

        Takes as long and as much memory as the stanza asks, up to WORK_FACTOR_LIMIT.
        """
        if stanza.type != STANZA_TYPE:
            return None
        require_arguments(stanza, count=3)
        salt = parse_argument(stanza, 1, length=_SALT_BYTES)
        work_factor = _parse_work_factor(stanza.arguments[2])
        require_body(stanza)
        try:
            return ChaCha20Poly1305(_derive(self.passphrase, salt, work_factor)).decrypt(bytes(12), stanza.body, None)
        except InvalidTag:
            return None


def _derive(passphrase: bytes, salt: bytes, work_factor: int) -> bytes:
    scrypt = Scrypt(salt=b"age-encryption.org/v1/scrypt" + salt, length=32, n=1 << work_factor, r=8, p=1)
    return scrypt.derive(passphrase)


def _parse_work_factor(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise HeaderError(f"scrypt stanza: expected a decimal work factor without leading zeros, got {text[:20]!r}")
    if len(text) > 2 or int(text) > WORK_FACTOR_LIMIT:
        raise HeaderError(f"scrypt stanza: expected a work factor of at most {WORK_FACTOR_LIMIT}, got {text[:20]}")
    return int(text)

"""The one key derivation of age: HKDF with SHA-256 to 32 bytes.

Defined by C2SP age.md ("Conventions") and RFC 5869.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive_key(secret: bytes, *, salt: bytes, info: bytes) -> bytes:
    """The 32-byte key for one purpose, `info`, out of a secret."""
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(secret)

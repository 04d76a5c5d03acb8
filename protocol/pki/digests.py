"""Digests by which certificates and keys are named, and how people spell and compare one.

Pure functions of public things. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SPOKEN_DIGITS = 32  # 128 bits: nobody makes a second key with the same ones
GROUP_DIGITS = 4


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of a certificate in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def spki_digest(public_key: ec.EllipticCurvePublicKey) -> str:
    """Give the SHA-256 of a key's SubjectPublicKeyInfo (DER) in hexadecimal: it names a key across certificates."""
    der = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def spell_fingerprint(digest: str) -> str:
    """Spell a digest for people: its first 32 hexadecimal digits in groups of four, `9f86 d081 …`."""
    digits = digest[:SPOKEN_DIGITS].lower()
    if len(digits) < SPOKEN_DIGITS or not all(digit in "0123456789abcdef" for digit in digits):
        raise ValueError(f"expected a digest of at least {SPOKEN_DIGITS} hexadecimal digits, got {digest[:80]!r}")
    return " ".join(digits[at : at + GROUP_DIGITS] for at in range(0, SPOKEN_DIGITS, GROUP_DIGITS))

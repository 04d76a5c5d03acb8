"""Certificates alone in PKCS#7: how EST answers (RFC 7030, 4.1.3 and 4.2.3; RFC 5652 with nothing signed).

Encodes and reads; trusts nothing that it reads. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from protocol.pki.credential import PkiError


def encode_pkcs7(certificates: Iterable[x509.Certificate]) -> bytes:
    """Encode certificates as a certs-only PKCS#7 in DER; it is a set, so that their order is lost."""
    return pkcs7.serialize_certificates(list(certificates), serialization.Encoding.DER)


def parse_pkcs7(der: bytes, what: str = "PKCS#7") -> tuple[x509.Certificate, ...]:
    """Read the certificates of a certs-only PKCS#7 in DER; raise `PkiError` when it is none or holds none."""
    try:
        found = _load_strictly(der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, UserWarning) as error:
        raise PkiError(f"{what}: expected certificates in PKCS#7 (DER): {error}") from None
    if not found:
        raise PkiError(f"{what}: expected at least one certificate, got none")
    return found


def _load_strictly(der: bytes) -> tuple[x509.Certificate, ...]:
    """Read DER alone: the library would warn and read BER, with a tail or in any order, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = tuple(pkcs7.load_der_pkcs7_certificates(der))
    for certificate in found:
        certificate.public_key()
    return found

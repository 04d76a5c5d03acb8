"""The list of revoked certificates (CRL, RFC 5280): what an issuing CA takes back before it ends.

OpenSSL refuses everybody when a list is over, so a list is issued anew long before. Who is revoked is decided
elsewhere. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from protocol.pki.credential import Credential, PkiError
from protocol.pki.profile import CLOCK_SKEW

CRL_DAYS = 30
END_MARK = b"-----END X509 CRL-----"


@dataclass(frozen=True)
class Revoked:
    """A certificate that is taken back: its serial number and since when."""

    serial: int
    at: datetime


def issue_crl(
    authority: Credential, revoked: Iterable[Revoked], *, now: datetime, number: int | None = None, days: int = CRL_DAYS
) -> bytes:
    """Sign the list of one authority as PEM; `number` grows from list to list (the time in seconds unless given)."""
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - CLOCK_SKEW)
        .next_update(now + timedelta(days=days))
        .add_extension(issuer_id, critical=False)
        .add_extension(x509.CRLNumber(int(now.timestamp()) if number is None else number), critical=False)
    )
    for entry in sorted(revoked, key=lambda entry: entry.serial):
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(entry.serial).revocation_date(entry.at).build()
        )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def parse_crls(pem: bytes, what: str = "CRL") -> tuple[x509.CertificateRevocationList, ...]:
    """Read a file of one or more lists in PEM; raise `PkiError` when one is unreadable or there is none."""
    parts = [part + END_MARK for part in pem.split(END_MARK)[:-1]]
    try:
        found = tuple(x509.load_pem_x509_crl(part) for part in parts)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{what}: expected PEM lists of revoked certificates: {error}") from None
    if not found:
        raise PkiError(f"{what}: expected at least one PEM list of revoked certificates, got none")
    return found

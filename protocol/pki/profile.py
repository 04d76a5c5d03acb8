"""What every certificate of the school has in common: P-256 or P-384, SHA-256, names, begin and end, key identifiers.

X.509 profile of RFC 5280 on NIST curves, because every TLS library speaks it. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocol.pki.credential import Credential, PkiError

CLOCK_SKEW = timedelta(hours=1)  # a unit whose clock is a little behind accepts a fresh certificate all the same
CURVES = (ec.SECP256R1, ec.SECP384R1)


@dataclass(frozen=True)
class Life:
    """From when to when a certificate holds."""

    begins_at: datetime
    ends_at: datetime


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_builder(
    subject: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, life: Life
) -> x509.CertificateBuilder:
    """Begin a certificate with a random serial number that holds for `life`, and an hour before it."""
    return (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(life.begins_at - CLOCK_SKEW)
        .not_valid_after(life.ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def signed_by(authority: Credential, builder: x509.CertificateBuilder) -> x509.Certificate:
    """Name the authority's key in the certificate and sign it."""
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return builder.add_extension(issuer_id, critical=False).sign(authority.key, hashes.SHA256())


def life_under(authority: Credential, now: datetime, days: int) -> Life:
    """Give a life of `days`, or until the authority's own end where that comes first.

    Raises `PkiError` when the authority is over: what it signs would be refused everywhere.
    """
    over_at = authority.certificate.not_valid_after_utc
    if over_at <= now:
        name = authority.certificate.subject.rfc4514_string()
        raise PkiError(f"{name}: this authority ended at {over_at:%Y-%m-%d %H:%M} UTC; rotate it before it signs again")
    return Life(now, min(now + timedelta(days=days), over_at))


def key_usage(*signs: str) -> x509.KeyUsage:
    """Allow what is named, of `digital_signature`, `key_cert_sign` and `crl_sign`, and nothing else."""
    return x509.KeyUsage(
        digital_signature="digital_signature" in signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in signs,
        crl_sign="crl_sign" in signs,
        encipher_only=False,
        decipher_only=False,
    )


def common_name(text: str) -> x509.Name:
    """Give the name that has nothing but this common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def general_name(host: str) -> x509.GeneralName:
    """Give a host as an address when it is one, as a DNS name otherwise."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

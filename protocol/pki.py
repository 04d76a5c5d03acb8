"""Certificates of the school's own authority: made, written and read the same way on both sides.

The CA signs the certificates of units (client) and of the units' listener and broker (server). Who gets one is decided
elsewhere. X.509 profile of RFC 5280 with P-256 keys, because every TLS library speaks it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.errors import ProtocolError

CLOCK_SKEW = timedelta(hours=1)  # a unit whose clock is a little behind accepts a fresh certificate all the same


class PkiError(ProtocolError):
    """A certificate or its key cannot be read, or they do not belong together."""


@dataclass(frozen=True)
class Credential:
    """A certificate and its private key; its text form never shows the key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def certificate_pem(self) -> bytes:
        """Encode the certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Encode the private key as unencrypted PKCS#8 PEM: the file's mode protects it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def parse_credential(certificate_pem: bytes, key_pem: bytes, what: str = "credential") -> Credential:
    """Read a certificate and its key; raise `PkiError` when either is unreadable or they do not fit."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        public = certificate.public_key()
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{what}: expected a PEM certificate and its unencrypted PEM key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != public:
        raise PkiError(f"{what}: the key is not the one of certificate {certificate.subject.rfc4514_string()}")
    return Credential(certificate, key)


def issue_authority(name: str, *, now: datetime, years: int = 20) -> Credential:
    """Make a self-signed CA that may sign end certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), now, now + timedelta(days=365 * years))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(ca=True), critical=True)
    return Credential(builder.sign(key, hashes.SHA256()), key)


def issue_device(authority: Credential, device: str, *, now: datetime, days: int = 90) -> Credential:
    """Make a unit's client certificate: common name and subject alternative name are its device id."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _end_builder(authority, device, key.public_key(), now=now, days=days)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(device)]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return Credential(builder.sign(authority.key, hashes.SHA256()), key)


def issue_server(authority: Credential, hosts: tuple[str, ...], *, now: datetime, days: int = 365) -> Credential:
    """Make a server certificate for host names and addresses; the first is its common name.

    Raises `ValueError` without hosts and for names that a certificate cannot carry.
    """
    if not hosts:
        raise ValueError("a server certificate names at least one host")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _end_builder(authority, hosts[0], key.public_key(), now=now, days=days)
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return Credential(builder.sign(authority.key, hashes.SHA256()), key)


def fingerprint(certificate: x509.Certificate) -> str:
    """Give the SHA-256 of a certificate in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _end_builder(
    authority: Credential, subject: str, public: ec.EllipticCurvePublicKey, *, now: datetime, days: int
) -> x509.CertificateBuilder:
    issuer = authority.certificate.subject
    builder = _builder(_name(subject), issuer, public, now, now + timedelta(days=days))
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(issuer_id, critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, begins_at: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins_at - CLOCK_SKEW)
        .not_valid_after(ends_at)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)

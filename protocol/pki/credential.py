"""A certificate with its key and the chain that is presented with it, and their PEM forms.

Reads and writes; decides nothing about who is trusted. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.errors import ProtocolError


class PkiError(ProtocolError):
    """A certificate, a key or a request cannot be read, breaks the profile, or they do not belong together."""


@dataclass(frozen=True)
class Credential:
    """A certificate, its private key, and what is presented after it; its text form never shows the key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()

    def certificate_pem(self) -> bytes:
        """Encode the certificate and its chain as PEM, in the order that TLS presents them."""
        return encode_certificates((self.certificate, *self.chain))

    def key_pem(self) -> bytes:
        """Encode the private key as unencrypted PKCS#8 PEM: the file's mode protects it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def encode_certificates(certificates: Iterable[x509.Certificate]) -> bytes:
    """Encode certificates as PEM, one after the other."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def parse_certificates(pem: bytes, what: str = "certificates") -> tuple[x509.Certificate, ...]:
    """Read one or more PEM certificates; raise `PkiError` when there is none or one is unreadable."""
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
        for certificate in found:
            certificate.public_key()  # is read only when asked for, and may be of an unknown kind
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise PkiError(f"{what}: expected PEM certificates: {error}") from None
    return found


def parse_key(pem: bytes, what: str = "key") -> ec.EllipticCurvePrivateKey:
    """Read an unencrypted PEM key on an elliptic curve; raise `PkiError` otherwise."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise PkiError(f"{what}: expected an unencrypted PEM key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{what}: expected a key on an elliptic curve, got {type(key).__name__}")
    return key


def parse_credential(certificate_pem: bytes, key_pem: bytes, what: str = "credential") -> Credential:
    """Read a certificate, what follows it in the file, and its key.

    Raises `PkiError` when one is unreadable, the key is another's, or the chain is not one signer after the other.
    """
    certificate, *chain = parse_certificates(certificate_pem, what)
    key = parse_key(key_pem, what)
    if key.public_key() != certificate.public_key():
        raise PkiError(f"{what}: the key is not the one of certificate {certificate.subject.rfc4514_string()}")
    _require_order(certificate, chain, what)
    return Credential(certificate, key, tuple(chain))


def _require_order(certificate: x509.Certificate, chain: list[x509.Certificate], what: str) -> None:
    for below, above in zip([certificate, *chain], chain, strict=False):
        try:
            below.verify_directly_issued_by(above)
        except (ValueError, TypeError, InvalidSignature):
            raise PkiError(
                f"{what}: {below.subject.rfc4514_string()} is followed by {above.subject.rfc4514_string()}, which did "
                "not sign it; put the certificates in order, the leaf first"
            ) from None


def presented_chain(authority: Credential) -> tuple[x509.Certificate, ...]:
    """Give what follows a leaf of `authority` in TLS: nothing below a self-signed one, which its verifiers hold."""
    if authority.certificate.subject == authority.certificate.issuer:
        return ()
    return (authority.certificate, *authority.chain)

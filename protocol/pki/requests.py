"""Requests for a certificate (PKCS#10, RFC 2986): a unit makes one, the school reads the key out of it and no name.

A request is believed only as far as its signature goes: whoever sent it has the private key. Names and extensions that
it asks for are ignored; the registry says who somebody is. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.pki.credential import PkiError
from protocol.pki.digests import spell_fingerprint, spki_digest
from protocol.pki.profile import CURVES, common_name

MAX_REQUEST_BYTES = 16 * 1024  # one with a P-384 key and a long name is below 1 KiB
HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


@dataclass(frozen=True)
class CertificateRequest:
    """A request whose signature was checked: its key, and the bytes that were sent."""

    public_key: ec.EllipticCurvePublicKey
    der: bytes = field(repr=False)

    @property
    def spki(self) -> str:
        """Give the digest that names the key."""
        return spki_digest(self.public_key)

    @property
    def fingerprint(self) -> str:
        """Give what a person compares before the request is granted."""
        return spell_fingerprint(self.spki)


def make_request(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """Ask for a certificate of `key` in DER; the name is a courtesy to whoever reads a log."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(common_name(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def parse_request(der: bytes, what: str = "certificate request") -> CertificateRequest:
    """Read a request in DER and check its signature.

    Raises `PkiError` that says what is wrong: its size, its form, its kind of key, its hash, its signature.
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise PkiError(f"{what}: expected at most {MAX_REQUEST_BYTES} bytes, got {len(der)}")
    try:
        request = x509.load_der_x509_csr(der)
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise PkiError(f"{what}: expected a PKCS#10 request in DER: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, CURVES):
        raise PkiError(f"{what}: expected a key on P-256 or P-384, got {_describe(key)}")
    if _canonical(key) not in request.tbs_certrequest_bytes:
        raise PkiError(f"{what}: expected the curve by its name and the point uncompressed (RFC 5480, 2.1.1 and 2.2)")
    _require_signature(request, key, what)
    return CertificateRequest(key, bytes(der))


def _canonical(key: ec.EllipticCurvePublicKey) -> bytes:
    """Give the one form in which a key may stand, so that everybody's digest of it is the same."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _describe(key: object) -> str:
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__


def _require_signature(request: x509.CertificateSigningRequest, key: ec.EllipticCurvePublicKey, what: str) -> None:
    """Check the signature ourselves: `is_signature_valid` raises several kinds of errors for a wrong algorithm."""
    try:
        algorithm = request.signature_hash_algorithm
        if not isinstance(algorithm, HASHES):
            raise PkiError(f"{what}: expected a signature with SHA-256, SHA-384 or SHA-512")
        key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(algorithm))
    except UnsupportedAlgorithm as error:
        raise PkiError(f"{what}: expected an ECDSA signature: {error}") from None
    except (InvalidSignature, ValueError, TypeError):
        raise PkiError(f"{what}: its signature is not of the key that it names") from None

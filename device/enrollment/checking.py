"""Looks at a certificate that the controller gave: whether it is for this unit, its key and its school.

Nothing is stored and nobody is asked; a certificate that passes can be shown to every server of the school. Defined in
docs/protocol/enrollment.md, "The unit".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from device.enrollment.plan import Life
from protocol.errors import ProtocolError
from protocol.pki import verify_client

LONGEST_CHAIN = 4
Chain = tuple[x509.Certificate, ...]


class CertificateRefused(ProtocolError):
    """What the controller gave is no certificate for this unit."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which certificate a unit can use: its name, its key, and the root above all."""

    device: str
    key: ec.EllipticCurvePublicKey
    root: x509.Certificate


def choose_chain(
    wanted: Wanted, given: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], *, at: datetime
) -> Chain:
    """Give the unit's certificate and the issuers to be shown with it, leaf first, without the root.

    Raises `CertificateRefused` when none of `given` is for the key, it names somebody else, or `PkiError` when it does
    not chain to the pinned root at that time.
    """
    leaf = next((one for one in given if one.public_key() == wanted.key), None)
    if leaf is None:
        raise CertificateRefused("the controller gave a certificate of another key; expected one of this unit's")
    if name_of(leaf) != wanted.device:
        raise CertificateRefused(f"the certificate is for {name_of(leaf)!r}, expected this unit, {wanted.device}")
    issuers = _issuers(leaf, wanted.root, [*given, *authorities])
    verify_client(wanted.root, leaf, issuers, at=at)
    return (leaf, *issuers)


def is_usable(wanted: Wanted, chain: Chain) -> bool:
    """Tell whether a stored chain is this unit's, whatever the time."""
    try:
        choose_chain(wanted, chain[:1], chain[1:], at=inside(chain[0]))
    except ProtocolError:
        return False
    return True


def name_of(certificate: x509.Certificate) -> str:
    """Give the common name of a certificate, empty when it has none or more than one."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else ""


def inside(certificate: x509.Certificate) -> datetime:
    """Give a time at which a certificate was certainly in force: shortly after it was issued."""
    begins_at, ends_at = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins_at + min(timedelta(hours=1, seconds=1), (ends_at - begins_at) / 2)


def life_of(certificate: x509.Certificate) -> Life:
    """Give the life of a certificate; its spread comes out of its digest."""
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    spread = int.from_bytes(digest[:4], "big") / 2**32
    return Life(begins_at=certificate.not_valid_before_utc, ends_at=certificate.not_valid_after_utc, spread=spread)


def _issuers(leaf: x509.Certificate, root: x509.Certificate, pool: Sequence[x509.Certificate]) -> Chain:
    """Follow the issuers up to the root; where nobody in the pool signed, the chain ends, and the verifier says so."""
    issuers: list[x509.Certificate] = []
    below = leaf
    while len(issuers) < LONGEST_CHAIN and not _signed(root, below):
        above = next((one for one in pool if one not in issuers and _signed(one, below)), None)
        if above is None:
            break
        issuers.append(above)
        below = above
    return tuple(issuers)


def _signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

"""The authorities: a root CA that signs authorities alone, and the issuing CAs below it.

Units pin the root CA, so that an issuing CA can be replaced without a word to any unit. Defined in
docs/protocol/pki.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from protocol.pki.credential import Credential
from protocol.pki.profile import Life, certificate_builder, common_name, key_usage, life_under, new_key, signed_by

ROOT_YEARS = 20
ISSUING_YEARS = 5
YEAR_DAYS = 365


def issue_root_authority(name: str, *, now: datetime, years: int = ROOT_YEARS) -> Credential:
    """Make the self-signed CA below which one issuing CA may stand, and which signs no end certificate."""
    return _self_signed(name, now=now, years=years, depth=1)


def issue_authority(name: str, *, now: datetime, years: int = ROOT_YEARS) -> Credential:
    """Make a self-signed CA that may sign end certificates only: a small set-up without a root CA."""
    return _self_signed(name, now=now, years=years, depth=0)


def issue_issuing_authority(root: Credential, name: str, *, now: datetime, years: int = ISSUING_YEARS) -> Credential:
    """Make a CA below `root` that signs end certificates and its own CRL; raise `PkiError` when the root is over."""
    key, life = new_key(), life_under(root, now, YEAR_DAYS * years)
    builder = certificate_builder(name, root.certificate.subject, key.public_key(), life)
    return Credential(signed_by(root, _as_authority(builder, depth=0)), key)


def _self_signed(name: str, *, now: datetime, years: int, depth: int) -> Credential:
    key, life = new_key(), Life(now, now + timedelta(days=YEAR_DAYS * years))
    builder = certificate_builder(name, common_name(name), key.public_key(), life)
    return Credential(_as_authority(builder, depth=depth).sign(key, hashes.SHA256()), key)


def _as_authority(builder: x509.CertificateBuilder, *, depth: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True).add_extension(
        key_usage("key_cert_sign", "crl_sign"), critical=True
    )

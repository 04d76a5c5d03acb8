"""Certificates with which somebody might try to be a unit, each wrong in one way; for every door that asks for one.

They are made with the school's own code where that can be, and signed by the school's own CA where the fault is not the
signature. Nothing in a door is told how they were made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocol.pki import (
    Credential,
    issue_authority,
    issue_device,
    issue_issuing_authority,
    issue_root_authority,
    issue_server,
)
from protocol.pki.profile import new_key

AGES = timedelta(days=300)  # how long ago the school was founded
TLS_REFUSES = (
    "another authority with the school's names",
    "another root above an authority with the school's names",
    "signed by itself",
    "signed by a unit",
    "ended",
    "not begun",
    "for servers",
    "for nothing",
    "without its chain",
)


def make_impostors(root: Credential, authority: Credential, device: str, *, now: datetime) -> Mapping[str, Credential]:
    """Make a certificate for every way of being wrong, all of them in the name of `device`."""
    names = [_name_of(each) for each in (root, authority)]
    other_root = issue_root_authority(names[0], now=now - AGES)
    other = issue_issuing_authority(other_root, names[1], now=now - AGES)
    unit = issue_device(authority, device, now=now)
    return {
        "another authority with the school's names": issue_device(
            issue_authority(names[1], now=now - AGES), device, now=now
        ),
        "another root above an authority with the school's names": issue_device(other, device, now=now),
        "signed by itself": _forge(device, None, now=now),
        "signed by a unit": _forge(device, unit, now=now),
        "ended": issue_device(authority, device, now=now - timedelta(days=91), days=90),
        "not begun": issue_device(authority, device, now=now + timedelta(days=2)),
        "for servers": issue_server(authority, (device,), now=now),
        "for nothing": _forge(device, authority, now=now, usage=ExtendedKeyUsageOID.CODE_SIGNING),
        "without its chain": Credential(unit.certificate, unit.key),
    }


def forge_name(authority: Credential, *, common: str, alternative: str, now: datetime) -> Credential:
    """Sign a certificate whose two names differ, as only whoever has the CA's key can."""
    return _forge(common, authority, now=now, alternative=alternative)


def _name_of(authority: Credential) -> str:
    return str(authority.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _forge(
    device: str,
    signer: Credential | None,
    *,
    now: datetime,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
    alternative: str = "",
) -> Credential:
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(signer.certificate.subject if signer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative or device)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    chain = (signer.certificate, *signer.chain) if signer else ()
    return Credential(builder.sign(signer.key if signer else key, hashes.SHA256()), key, chain)

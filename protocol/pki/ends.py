"""End certificates: of units and the bridge, which are clients, and of servers.

Makes them; who gets one, and under which name, is the registry's to say. Defined in docs/protocol/pki.md.
"""

from __future__ import annotations

import re
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from protocol.pki.credential import Credential, presented_chain
from protocol.pki.profile import Life, certificate_builder, general_name, key_usage, life_under, new_key, signed_by

DEVICE_DAYS = 90
SERVER_DAYS = 397  # browsers and Apple's TLS refuse a server's certificate of more than 398 days
BRIDGE_DAYS = 397
BRIDGE_NAME = "bridge"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")


def issue_device(authority: Credential, device: str, *, now: datetime, days: int = DEVICE_DAYS) -> Credential:
    """Make a unit's key and client certificate: common name and subject alternative name are its device id."""
    key = new_key()
    certificate = issue_device_for(authority, device, key.public_key(), now=now, days=days)
    return Credential(certificate, key, presented_chain(authority))


def issue_device_for(
    authority: Credential,
    device: str,
    public_key: ec.EllipticCurvePublicKey,
    *,
    now: datetime,
    days: int = DEVICE_DAYS,
) -> x509.Certificate:
    """Make a unit's client certificate for a key that it made itself.

    Presented with `presented_chain(authority)`. Raises `PkiError` when the authority is over.
    """
    name = (x509.DNSName(device),)
    return _issue(authority, public_key, name, ExtendedKeyUsageOID.CLIENT_AUTH, life_under(authority, now, days))


def issue_server(
    authority: Credential,
    hosts: tuple[str, ...],
    *,
    now: datetime,
    days: int = SERVER_DAYS,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Credential:
    """Make a server's certificate for host names and addresses, with a new key unless one is given.

    The first host is the common name.

    Raises `ValueError` without hosts and for names that a certificate cannot carry, `PkiError` when the authority is
    over.
    """
    if not hosts:
        raise ValueError("a server certificate names at least one host")
    key, names = key or new_key(), tuple(_host_name(host) for host in hosts)
    certificate = _issue(
        authority, key.public_key(), names, ExtendedKeyUsageOID.SERVER_AUTH, life_under(authority, now, days)
    )
    return Credential(certificate, key, presented_chain(authority))


def _host_name(host: str) -> x509.GeneralName:
    name = general_name(host)
    if isinstance(name, x509.DNSName) and not _HOST.fullmatch(host):
        raise ValueError(f"{host!r}: expected a host name or an address alone: no https://, no port, no blanks")
    return name


def issue_bridge(
    authority: Credential, *, now: datetime, days: int = BRIDGE_DAYS, key: ec.EllipticCurvePrivateKey | None = None
) -> Credential:
    """Make the bridge's client certificate for the broker, with a new key unless one is given.

    Its name is no device id and never can be one.
    """
    key = key or new_key()
    name = (x509.DNSName(BRIDGE_NAME),)
    certificate = _issue(
        authority, key.public_key(), name, ExtendedKeyUsageOID.CLIENT_AUTH, life_under(authority, now, days)
    )
    return Credential(certificate, key, presented_chain(authority))


def _issue(
    authority: Credential,
    public: ec.EllipticCurvePublicKey,
    names: tuple[x509.GeneralName, ...],
    usage: ObjectIdentifier,
    life: Life,
) -> x509.Certificate:
    builder = certificate_builder(str(names[0].value), authority.certificate.subject, public, life)
    return signed_by(
        authority,
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage("digital_signature"), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False),
    )

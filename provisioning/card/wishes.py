"""What is asked for, as texts of options or of a line of a CSV, made into a room's network; says which field is wrong.

Reads the files that are named (certificates, keys), and decides nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from provisioning.card.errors import CardError
from provisioning.card.network import Addressing, EapTls, Link, Network, Peap, Wired, make_wpa2, make_wpa3

Value = TypeVar("Value")
LINKS = ("wifi", "wifi-eap-tls", "wifi-peap")
SECURITY = ("wpa2", "wpa3")
BESIDE: Mapping[str, tuple[str, ...]] = {
    "wifi": ("wifi-security", "wifi-password"),
    "wifi-eap-tls": ("eap-identity", "eap-server", "eap-ca", "eap-certificate", "eap-key"),
    "wifi-peap": ("eap-identity", "eap-server", "eap-ca", "eap-password"),
}
"""What means something beside each way into the network; beside another it would be passed over in silence."""
NETWORK_FIELDS = (
    *LINKS,
    "wifi-security",
    "wifi-password",
    "wifi-country",
    "eap-identity",
    "eap-server",
    "eap-ca",
    "eap-certificate",
    "eap-key",
    "eap-password",
    "static",
    "gateway",
    "dns",
)


def make_network(wishes: Mapping[str, str], folder: Path) -> Network:
    """Make a network of the fields in `NETWORK_FIELDS`; names of files are relative to `folder`. Raises `CardError`."""
    addressing = Addressing(
        address=_parse(wishes, "static", IPv4Interface, "an IPv4 address with its network, as in 10.1.2.30/24"),
        gateway=_parse(wishes, "gateway", IPv4Address, "an IPv4 address"),
        dns=tuple(_parse_dns(wishes)),
    )
    return Network(link=_link(wishes, folder), addressing=addressing, country=wishes.get("wifi-country") or None)


def _parse(wishes: Mapping[str, str], field: str, parse: Callable[[str], Value], expected: str) -> Value | None:
    text = wishes.get(field, "").strip()
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        raise CardError(field, f"expected {expected}, got {text!r}") from None


def _parse_dns(wishes: Mapping[str, str]) -> list[IPv4Address]:
    parts = wishes.get("dns", "").replace(",", " ").split()
    found = (_parse({"dns": part}, "dns", IPv4Address, "IPv4 addresses") for part in parts)
    return [each for each in found if each is not None]


def _link(wishes: Mapping[str, str], folder: Path) -> Link:
    asked = [field for field in LINKS if wishes.get(field)]
    if len(asked) > 1:
        raise CardError(asked[1], f"expected one way into the network, got {' and '.join(asked)}")
    _require_used(wishes, asked[0] if asked else None)
    if not asked:
        return Wired()
    if asked == ["wifi"]:
        return _personal(wishes)
    common = {"identity": _need(wishes, "eap-identity"), "server": _need(wishes, "eap-server")}
    ca = _read_certificate(wishes, "eap-ca", folder)
    if asked == ["wifi-peap"]:
        return Peap(ssid=wishes["wifi-peap"], ca=ca, password=_need(wishes, "eap-password"), **common)
    certificate, key = _read_certificate(wishes, "eap-certificate", folder), _read_key(wishes, folder)
    _require_pair(certificate, key)
    return EapTls(ssid=wishes["wifi-eap-tls"], ca=ca, certificate=certificate, key=key, **common)


def _require_used(wishes: Mapping[str, str], link: str | None) -> None:
    used = BESIDE[link] if link else ()
    for field in dict.fromkeys(each for fields in BESIDE.values() for each in fields):
        if wishes.get(field) and field not in used:
            kinds = ", ".join(kind for kind, fields in BESIDE.items() if field in fields)
            raise CardError(field, f"expected only beside {kinds}; got {link or 'a cable'}")


def _personal(wishes: Mapping[str, str]) -> Link:
    security = wishes.get("wifi-security") or SECURITY[0]
    if security not in SECURITY:
        raise CardError("wifi-security", f"expected {' or '.join(SECURITY)}, got {security!r}")
    make = make_wpa2 if security == "wpa2" else make_wpa3
    return make(wishes["wifi"], _need(wishes, "wifi-password"))


def _need(wishes: Mapping[str, str], field: str) -> str:
    text = wishes.get(field, "")
    if not text:
        raise CardError(field, "missing; this kind of network needs it")
    if not text.isprintable():
        raise CardError(field, "expected printable text in one line")
    return text


def _read(wishes: Mapping[str, str], field: str, folder: Path) -> bytes:
    path = folder / _need(wishes, field)
    try:
        return path.read_bytes()
    except OSError as error:
        raise CardError(field, f"{path} cannot be read: {error.strerror}") from None


def _read_certificate(wishes: Mapping[str, str], field: str, folder: Path) -> bytes:
    data = _read(wishes, field, folder)
    try:
        x509.load_pem_x509_certificates(data)
    except ValueError:
        raise CardError(field, f"expected certificates in PEM, {folder / wishes[field]} holds none") from None
    return data


def _read_key(wishes: Mapping[str, str], folder: Path) -> bytes:
    data = _read(wishes, "eap-key", folder)
    try:
        load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        raise CardError(
            "eap-key", "expected a private key in PEM without a password; the unit has nobody to ask"
        ) from None
    return data


def _require_pair(certificate: bytes, key: bytes) -> None:
    public = x509.load_pem_x509_certificates(certificate)[0].public_key()
    if load_pem_private_key(key, password=None).public_key() != public:
        raise CardError("eap-key", "expected the key of eap-certificate, got another one")

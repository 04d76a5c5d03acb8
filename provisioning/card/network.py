"""How a room's unit reaches the school: by cable or Wi-Fi, with which credentials, by DHCP or a fixed address.

Pure values that refuse nonsense. A WPA2 passphrase is kept only as the key that is derived from it for this network
(IEEE 802.11, J.4), for people use passphrases twice. Rendered by `netplan` and `keyfile`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface

from provisioning.card.errors import CardError

SSID_BYTES, PSK_ROUNDS, PSK_BYTES = 32, 4096, 32
PASSPHRASE = range(8, 64)
COUNTRY = re.compile(r"[A-Z]{2}")
CA, CERTIFICATE, KEY = "school-ca.pem", "school-client.pem", "school-client.key"
"""The files of 802.1X, by the names that they have on the card and on the unit."""


@dataclass(frozen=True, kw_only=True)
class Addressing:
    """How the unit gets its address: by DHCP when `address` is None."""

    address: IPv4Interface | None = None
    gateway: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a gateway that the unit could not reach, and half of a fixed address."""
        if self.address is None and (self.gateway or self.dns):
            raise CardError("static", "expected an address beside gateway and dns; without it DHCP gives all three")
        if self.address is None:
            return
        if self.address.network.prefixlen >= 31:
            raise CardError("static", f"expected an address with its network, as in 10.1.2.30/24; got {self.address}")
        if self.address.ip in (self.address.network.network_address, self.address.network.broadcast_address):
            raise CardError("static", f"expected a unit's own address, got the network's: {self.address}")
        if self.gateway is not None and self.gateway not in self.address.network:
            raise CardError("gateway", f"expected an address within {self.address.network}, got {self.gateway}")


@dataclass(frozen=True)
class Wired:
    """A cable, and nothing to be said."""


@dataclass(frozen=True, kw_only=True)
class Wpa2:
    """WPA2 with a shared key, which is 64 hexadecimal digits; it opens this one network."""

    ssid: str
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Wpa3:
    """WPA3 (SAE) with a password, which that protocol needs as it is."""

    ssid: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class EapTls:
    """802.1X with a certificate of the unit's own; the school's RADIUS server is believed by `ca` and its name."""

    ssid: str
    identity: str
    server: str
    ca: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Peap:
    """802.1X with a name and a password (PEAP, MSCHAPv2)."""

    ssid: str
    identity: str
    server: str
    ca: bytes = field(repr=False)
    password: str = field(repr=False)


Link = Wired | Wpa2 | Wpa3 | EapTls | Peap


@dataclass(frozen=True, kw_only=True)
class Network:
    """How a unit reaches the school. `country` (two letters) says which channels Wi-Fi may use."""

    link: Link = field(default_factory=Wired)
    addressing: Addressing = field(default_factory=Addressing)
    country: str | None = None

    def __post_init__(self) -> None:
        """Refuse Wi-Fi without a country, and a network's name that none has."""
        if isinstance(self.link, Wired):
            return
        require_ssid(self.link.ssid)
        if self.country is None or not COUNTRY.fullmatch(self.country):
            raise CardError(
                "wifi-country",
                "expected two capital letters, as in ES: a Raspberry Pi leaves its radio off until it knows where it "
                f"is; got {self.country!r}",
            )

    @property
    def files(self) -> Mapping[str, bytes]:
        """Give the files that 802.1X needs beside the settings, by name."""
        if isinstance(self.link, EapTls):
            return {CA: self.link.ca, CERTIFICATE: self.link.certificate, KEY: self.link.key}
        return {CA: self.link.ca} if isinstance(self.link, Peap) else {}


def require_ssid(ssid: str) -> None:
    """Refuse what is no name of a Wi-Fi network, or one that settings' files cannot carry."""
    if not 1 <= len(ssid.encode()) <= SSID_BYTES or not ssid.isprintable() or ssid != ssid.strip():
        raise CardError("wifi", f"expected 1 to {SSID_BYTES} printable bytes, no space at either end; got {ssid!r}")


def make_wpa2(ssid: str, passphrase: str) -> Wpa2:
    """Derive the key of a WPA2 network from its passphrase; 64 hexadecimal digits are the key already."""
    if re.fullmatch(r"[0-9a-fA-F]{64}", passphrase):
        return Wpa2(ssid=ssid, key=passphrase.lower())
    _require_passphrase(passphrase)
    derived = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), ssid.encode(), PSK_ROUNDS, PSK_BYTES)
    return Wpa2(ssid=ssid, key=derived.hex())


def make_wpa3(ssid: str, password: str) -> Wpa3:
    """Take a WPA3 network's password."""
    _require_passphrase(password)
    return Wpa3(ssid=ssid, password=password)


def _require_passphrase(text: str) -> None:
    if len(text) not in PASSPHRASE or not text.isascii() or not text.isprintable():
        raise CardError("wifi-password", f"expected 8 to 63 printable ASCII characters, got {len(text)} characters")

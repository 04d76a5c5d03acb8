"""The unit's lasting network settings: a NetworkManager keyfile, on the data partition from the first start on.

Pure. The same network as `netplan`, in the form of nm-settings-keyfile(5); secrets stand in it, so that its file is
root's alone.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from provisioning.card.network import CA, CERTIFICATE, KEY, Addressing, EapTls, Link, Network, Peap, Wired, Wpa2, Wpa3

NAME = "school"
FILE = f"{NAME}.nmconnection"
FOLDER = "/data/network"
NAMESPACE = uuid.UUID("5f0b7f3e-6a52-5b1c-9a3e-2f7c0b9f4d11")
"""Made once for this purpose: a unit's connection has the same identity each time its card is made."""

Sections = Mapping[str, Mapping[str, str]]


def encode_keyfile(network: Network, device: str) -> str:
    """Write the keyfile of a unit."""
    kind = "ethernet" if isinstance(network.link, Wired) else "wifi"
    connection = {
        "id": NAME,
        "uuid": str(uuid.uuid5(NAMESPACE, device)),
        "type": kind,
        "autoconnect": "true",
        "autoconnect-retries": "0",  # for ever: nobody is there to try again
    }
    sections = {
        "connection": connection,
        **_link(network.link),
        "ipv4": _address(network.addressing),
        "ipv6": {"method": "auto"},
    }
    return "\n".join(_section(name, keys) for name, keys in sections.items())


def _section(name: str, keys: Mapping[str, str]) -> str:
    return "".join([f"[{name}]\n", *(f"{key}={_escape(value)}\n" for key, value in keys.items())])


def _escape(value: str) -> str:
    """Escape as GKeyFile reads: a backslash, and a space at the start."""
    escaped = value.replace("\\", "\\\\")
    return f"\\s{escaped[1:]}" if escaped.startswith(" ") else escaped


def _address(addressing: Addressing) -> dict[str, str]:
    if addressing.address is None:
        return {"method": "auto"}
    gateway = f",{addressing.gateway}" if addressing.gateway else ""
    keys = {"method": "manual", "address1": f"{addressing.address}{gateway}"}
    return keys | ({"dns": "".join(f"{each};" for each in addressing.dns)} if addressing.dns else {})


def _link(link: Link) -> dict[str, dict[str, str]]:
    if isinstance(link, Wired):
        return {"ethernet": {}}
    wifi = {"wifi": {"mode": "infrastructure", "ssid": _ssid(link.ssid)}}
    if isinstance(link, Wpa2):
        return {**wifi, "wifi-security": {"key-mgmt": "wpa-psk", "psk": link.key}}
    if isinstance(link, Wpa3):
        return {**wifi, "wifi-security": {"key-mgmt": "sae", "psk": link.password}}
    return {**wifi, "wifi-security": {"key-mgmt": "wpa-eap"}, "802-1x": _enterprise(link)}


def _ssid(ssid: str) -> str:
    """Write a network's name as bytes, so that no character of it can mean anything."""
    return "".join(f"{byte};" for byte in ssid.encode())


def _enterprise(link: EapTls | Peap) -> dict[str, str]:
    common = {"identity": link.identity, "ca-cert": f"{FOLDER}/{CA}", "domain-suffix-match": link.server}
    if isinstance(link, EapTls):
        own = {"client-cert": f"{FOLDER}/{CERTIFICATE}", "private-key": f"{FOLDER}/{KEY}"}
        return {"eap": "tls;", **common, **own, "private-key-password-flags": "4"}  # 4: the key has no password
    return {"eap": "peap;", **common, "phase2-auth": "mschapv2", "password": link.password}

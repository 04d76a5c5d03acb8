"""`network-config`: the network of the first start, as netplan (version 2) that cloud-init hands on to NetworkManager.

Pure. Written in the part of YAML that needs no library: block mappings, lists and quoted texts (JSON's are YAML's).
What netplan has no word for (a RADIUS server's name) goes through to NetworkManager as its own setting.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from provisioning.card.network import CA, CERTIFICATE, KEY, Addressing, EapTls, Network, Peap, Wired, Wpa2, Wpa3

WIRED, WIRELESS = "eth0", "wlan0"
PLAIN_KEY = re.compile(r"[a-z][a-z0-9_-]*")
WORDS_OF_YAML = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def encode_netplan(network: Network, files: str) -> str:
    """Write `network-config`; `files` is the folder of the files of 802.1X at the first start."""
    settings = _address(network.addressing)
    if isinstance(network.link, Wired):
        return encode_yaml({"network": {"version": 2, "ethernets": {WIRED: settings}}})
    point = _access_point(network.link, files)
    wifi = {**settings, "regulatory-domain": network.country, "access-points": {network.link.ssid: point}}
    return encode_yaml({"network": {"version": 2, "wifis": {WIRELESS: wifi}}})


def _address(addressing: Addressing) -> dict[str, Any]:
    if addressing.address is None:
        return {"dhcp4": True, "optional": True}
    settings: dict[str, Any] = {"dhcp4": False, "addresses": [str(addressing.address)], "optional": True}
    if addressing.gateway:
        settings["routes"] = [{"to": "default", "via": str(addressing.gateway)}]
    if addressing.dns:
        settings["nameservers"] = {"addresses": [str(each) for each in addressing.dns]}
    return settings


def _access_point(link: Wpa2 | Wpa3 | EapTls | Peap, files: str) -> dict[str, Any]:
    if isinstance(link, Wpa2):
        return {"auth": {"key-management": "psk", "password": link.key}}
    if isinstance(link, Wpa3):
        return {"auth": {"key-management": "sae", "password": link.password}}
    auth = {"key-management": "eap", "identity": link.identity, "ca-certificate": f"{files}/{CA}"}
    if isinstance(link, EapTls):
        auth |= {
            "method": "tls",
            "client-certificate": f"{files}/{CERTIFICATE}",
            "client-key": f"{files}/{KEY}",
        }
    else:
        auth |= {"method": "peap", "password": link.password, "phase2-auth": "MSCHAPV2"}
    return {"auth": auth, "networkmanager": {"passthrough": {"802-1x.domain-suffix-match": link.server}}}


def encode_yaml(value: Mapping[str, Any]) -> str:
    """Write mappings, lists and plain values as YAML; every text is quoted."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Mapping[str, Any]) -> Iterator[str]:
    for key, each in value.items():
        name = key if PLAIN_KEY.fullmatch(key) and key not in WORDS_OF_YAML else _quote(key)
        if isinstance(each, Mapping) and each:
            yield f"{name}:"
            yield from (f"  {line}" for line in _lines(each))
        else:
            yield f"{name}: {_quote(each)}"


def _quote(value: object) -> str:
    """Write a value as JSON, characters as they are: JSON's escapes of those beyond U+FFFF are no YAML."""
    return json.dumps(value, ensure_ascii=False)

"""A room's network: what is refused, and what cloud-init and NetworkManager are told of the same wish."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.card.errors import CardError
from provisioning.card.keyfile import encode_keyfile
from provisioning.card.netplan import encode_netplan, encode_yaml
from provisioning.card.network import Network
from provisioning.card.wishes import make_network
from tests.unit.provisioning.card.samples import PASSPHRASE, write_certificates

WIFI = {"wifi": "School", "wifi-password": PASSPHRASE, "wifi-country": "ES"}
EAP = {"wifi-country": "ES", "eap-identity": "unit-12", "eap-server": "radius.school.example"}


def netplan(network: Network) -> Any:
    """Read what netplan is told."""
    return yaml.safe_load(encode_netplan(network, "/here"))["network"]


def keyfile(network: Network) -> configparser.RawConfigParser:
    """Read what NetworkManager is told."""
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(encode_keyfile(network, "unit"))
    return parser


def test_nothing_said_is_a_cable_with_dhcp() -> None:
    """Without options a unit takes the cable and asks DHCP."""
    network = make_network({}, Path())
    assert netplan(network) == {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "optional": True}}}
    assert keyfile(network)["ipv4"]["method"] == "auto"
    assert keyfile(network)["connection"]["type"] == "ethernet"


def test_fixed_address_has_gateway_and_name_servers() -> None:
    """A fixed address says the same in both forms."""
    network = make_network({"static": "10.1.2.30/24", "gateway": "10.1.2.1", "dns": "10.1.2.1, 10.1.2.2"}, Path())
    assert netplan(network)["ethernets"]["eth0"] == {
        "dhcp4": False,
        "addresses": ["10.1.2.30/24"],
        "optional": True,
        "routes": [{"to": "default", "via": "10.1.2.1"}],
        "nameservers": {"addresses": ["10.1.2.1", "10.1.2.2"]},
    }
    assert dict(keyfile(network)["ipv4"]) == {
        "method": "manual",
        "address1": "10.1.2.30/24,10.1.2.1",
        "dns": "10.1.2.1;10.1.2.2;",
    }


def test_wpa2_passphrase_never_leaves_only_its_derived_key() -> None:
    """The passphrase stands in neither form, but the key that is derived from it (a test vector of IEEE 802.11)."""
    network = make_network({"wifi": "IEEE", "wifi-password": "password", "wifi-country": "ES"}, Path())
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"  # IEEE 802.11-2016, J.4.2
    auth = netplan(network)["wifis"]["wlan0"]["access-points"]["IEEE"]["auth"]
    assert auth == {"key-management": "psk", "password": key}
    assert keyfile(network)["wifi-security"]["psk"] == key
    assert '"password"' not in encode_keyfile(network, "unit")
    assert key not in repr(network)


def test_wpa3_needs_the_password_itself() -> None:
    """SAE is told the password, in quotes that hold whatever it is."""
    network = make_network({**WIFI, "wifi-security": "wpa3", "wifi-password": 'a"b\\c: d#'}, Path())
    wifi = netplan(network)["wifis"]["wlan0"]
    assert wifi["access-points"]["School"]["auth"] == {"key-management": "sae", "password": 'a"b\\c: d#'}
    assert wifi["regulatory-domain"] == "ES"
    assert keyfile(network)["wifi-security"]["psk"] == 'a"b\\\\c: d#'


def test_name_of_a_wifi_network_is_written_as_bytes() -> None:
    """No character of a network's name means anything to the keyfile's form."""
    network = make_network({**WIFI, "wifi": "Aula;ñ=1"}, Path())
    numbers = [int(part) for part in keyfile(network)["wifi"]["ssid"].split(";") if part]
    assert bytes(numbers).decode() == "Aula;ñ=1"
    assert "Aula;ñ=1" in netplan(network)["wifis"]["wlan0"]["access-points"]


def test_eap_tls_names_files_and_the_servers_name(tmp_path: Path) -> None:
    """Certificates lie in files; the RADIUS server is believed by authority and name in both forms."""
    network = make_network({**EAP, "wifi-eap-tls": "School", **write_certificates(tmp_path)}, tmp_path)
    point = netplan(network)["wifis"]["wlan0"]["access-points"]["School"]
    assert point["auth"]["client-key"] == "/here/school-client.key"
    assert point["networkmanager"]["passthrough"] == {"802-1x.domain-suffix-match": "radius.school.example"}
    section = keyfile(network)["802-1x"]
    assert section["private-key"] == "/data/network/school-client.key"
    assert section["domain-suffix-match"] == "radius.school.example"
    assert set(network.files) == {"school-ca.pem", "school-client.pem", "school-client.key"}


def test_peap_has_a_password_and_an_authority(tmp_path: Path) -> None:
    """PEAP is never set up without the authority that keeps the password from a stranger's access point."""
    wishes = {**EAP, "wifi-peap": "School", "eap-password": "s3cret word", "eap-ca": "ca.pem"}
    with pytest.raises(CardError, match="eap-ca"):
        make_network({**wishes, "eap-ca": ""}, tmp_path)
    write_certificates(tmp_path)
    network = make_network(wishes, tmp_path)
    assert keyfile(network)["802-1x"]["password"] == "s3cret word"
    assert netplan(network)["wifis"]["wlan0"]["access-points"]["School"]["auth"]["method"] == "peap"
    assert "s3cret word" not in repr(network)


WRONG: Mapping[str, Mapping[str, str]] = {
    "static": {"static": "10.1.2.30/33"},
    "gateway": {"static": "10.1.2.30/24", "gateway": "10.1.3.1"},
    "dns": {"static": "10.1.2.30/24", "dns": "ns.school.example"},
    "wifi": {**WIFI, "wifi": "x" * 33},
    "wifi-password": {**WIFI, "wifi-password": "short"},
    "wifi-country": {**WIFI, "wifi-country": "es"},
    "wifi-security": {**WIFI, "wifi-security": "wep"},
    "wifi-peap": {**WIFI, "wifi-peap": "Other"},
    "eap-identity": {"wifi-peap": "School", "wifi-country": "ES"},
    "eap-ca": {**EAP, "wifi-peap": "School", "eap-ca": "nowhere.pem"},
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_wish_is_refused_by_its_field(field: str, tmp_path: Path) -> None:
    """Whatever cannot work is named by the option or column that it stands in."""
    with pytest.raises(CardError) as refused:
        make_network(WRONG[field], tmp_path)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("link", "field"),
    [
        ({}, "wifi-security"),
        ({}, "wifi-password"),
        ({}, "eap-ca"),
        (WIFI, "eap-identity"),
        ({**EAP, "wifi-eap-tls": "School"}, "eap-password"),
        ({**EAP, "wifi-peap": "School"}, "eap-key"),
        ({**EAP, "wifi-peap": "School"}, "wifi-security"),
    ],
)
def test_wish_of_another_network_is_refused(link: Mapping[str, str], field: str) -> None:
    """What would mean nothing beside the chosen network is refused by its name, not passed over."""
    with pytest.raises(CardError, match="expected only beside") as refused:
        make_network({**link, field: "wpa3"}, Path())
    assert refused.value.field == field


@pytest.mark.parametrize("ssid", ["true", "123", "null", "~", 'a"b: #', "Aula ñ", "\U0001f3eb Wi-Fi"])
def test_netplan_reads_the_name_of_a_network_as_it_is(ssid: str) -> None:
    """A name that YAML could take for something else, or that needs more than 16 bits a character, stays itself."""
    (name,) = netplan(make_network({**WIFI, "wifi": ssid}, Path()))["wifis"]["wlan0"]["access-points"]
    assert name == ssid


def test_address_of_the_network_itself_is_refused() -> None:
    """10.1.2.0/24 is no unit's address, and neither half of a pair nor a lonely gateway is a network."""
    for wishes in ({"static": "10.1.2.0/24"}, {"static": "10.1.2.30/32"}, {"gateway": "10.1.2.1"}):
        with pytest.raises(CardError, match="static"):
            make_network(wishes, Path())


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """A key that is not the certificate's is found out before a card is made."""
    fields = write_certificates(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    write_certificates(other)
    with pytest.raises(CardError, match="eap-key"):
        make_network({**EAP, "wifi-eap-tls": "School", **fields, "eap-key": "other/unit.key"}, tmp_path)


def test_yaml_is_read_back_as_it_was_meant() -> None:
    """Texts that YAML would take for numbers, truths or nothing stay texts."""
    value = {
        "a": "no",
        "b": "1e3",
        "c": "",
        "d": "- x: y",
        "e": ["~", "é", "\t"],
        "x y": {"true": "null", "12": "", "- a": ":"},
        "empty": {},
    }
    assert yaml.safe_load(encode_yaml(value)) == value
    assert not re.search(r"\t", encode_yaml(value))

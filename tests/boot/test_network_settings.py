"""What is written for a network, read by those who obey it: trixie's own netplan, cloud-init and NetworkManager."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from provisioning.card.cloud import encode_user_data
from provisioning.card.keyfile import encode_keyfile
from provisioning.card.netplan import encode_netplan
from provisioning.card.network import Network
from provisioning.card.wishes import make_network
from tests.boot.machine import overlay
from tests.boot.root import enter
from tests.boot.stock import make_stock_root
from tests.unit.provisioning.card.samples import PASSPHRASE, write_certificates

pytestmark = pytest.mark.boot
EAP = {"wifi-country": "ES", "eap-identity": "unit-12", "eap-server": "radius.school.example"}
WIFI = {"wifi": "true; ñ", "wifi-password": PASSPHRASE, "wifi-country": "ES"}
WISHES: Mapping[str, Mapping[str, str]] = {
    "cable": {},
    "static": {"static": "10.1.2.30/24", "gateway": "10.1.2.1", "dns": "10.1.2.1,10.1.2.2"},
    "wpa2": WIFI,
    "wpa3": {**WIFI, "wifi-security": "wpa3"},
    "tls": {**EAP, "wifi-eap-tls": "School"},
    "peap": {**EAP, "wifi-peap": "School", "eap-password": "s3cret \\ word"},
}
SHOWN = {"tls": ("eap-ca", "eap-certificate", "eap-key"), "peap": ("eap-ca",)}
"""The files of certificates that a network's wishes name."""
SAID = {
    "cable": {("ipv4", "method"): "auto"},
    "static": {("ipv4", "method"): "manual", ("ipv4", "address1"): "10.1.2.30/24"},
    "wpa2": {("wifi-security", "key-mgmt"): "wpa-psk"},
    "wpa3": {("wifi-security", "key-mgmt"): "sae", ("wifi-security", "psk"): PASSPHRASE},
    "tls": {("802-1x", "eap"): "tls", ("802-1x", "domain-suffix-match"): "radius.school.example"},
    "peap": {("802-1x", "eap"): "peap", ("802-1x", "domain-suffix-match"): "radius.school.example"},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stock root that may be written to."""
    with overlay(make_stock_root(), tmp_path_factory.mktemp("stock")) as one:
        yield one


def wish(name: str, folder: Path) -> Network:
    """Make one of the networks above."""
    shown = {field: file for field, file in write_certificates(folder).items() if field in SHOWN.get(name, ())}
    return make_network({**WISHES[name], **shown}, folder)


def require_said(name: str, text: str) -> None:
    """Look whether NetworkManager's form of a network says what was meant."""
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(text)
    told = {(section, key): parser[section].get(key, "").rstrip(";") for section, key in SAID[name]}
    assert told == SAID[name], text


@pytest.mark.parametrize("name", WISHES)
def test_netplan_makes_the_connection_that_was_meant(name: str, root: Path, tmp_path: Path) -> None:
    """netplan takes the first start's network, and NetworkManager is told its security, address and server's name."""
    place = root / "tmp" / name
    (place / "etc/netplan").mkdir(parents=True)
    renderer = "network: {renderer: NetworkManager}\n"
    for file, text in (
        ("00-all.yaml", renderer),
        ("50-cloud-init.yaml", encode_netplan(wish(name, tmp_path), "/here")),
    ):
        (place / "etc/netplan" / file).write_text(text, "utf-8")
        (place / "etc/netplan" / file).chmod(0o600)
    enter(root, "/usr/libexec/netplan/generate", "--root-dir", f"/tmp/{name}")
    (made,) = (place / "run/NetworkManager/system-connections").iterdir()
    require_said(name, made.read_text("utf-8"))


@pytest.mark.parametrize("name", WISHES)
def test_networkmanager_reads_the_lasting_settings(name: str, root: Path, tmp_path: Path) -> None:
    """NetworkManager's own reader takes the keyfile and says the same again."""
    (root / "tmp" / "school.nmconnection").write_text(encode_keyfile(wish(name, tmp_path), "unit"), "utf-8")
    script = "nmcli --offline connection modify connection.autoconnect yes < /tmp/school.nmconnection"
    said = enter(root, "sh", "-ec", script)
    require_said(name, said)
    if name == "peap":
        assert configparser_value(said, "802-1x", "password") == WISHES[name]["eap-password"].replace("\\", "\\\\")


def configparser_value(text: str, section: str, key: str) -> str:
    """Read one value as it is written."""
    parser = configparser.RawConfigParser(strict=True)
    parser.read_string(text)
    return parser[section][key]


def test_cloud_init_finds_nothing_wrong_with_user_data(root: Path) -> None:
    """cloud-init's own schema takes what is written for it, with and without somebody who logs in."""
    for keys in ((), ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA it@school",)):
        text = encode_user_data(hostname="backrow-room-12", timezone="Europe/Madrid", ssh_keys=keys)
        (root / "tmp" / "user-data").write_text(text, "utf-8")
        said = enter(root, "cloud-init", "schema", "--config-file", "/tmp/user-data")
        assert "Valid schema" in said

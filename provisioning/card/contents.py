"""What lies on a unit's boot partition beside the stock image's own files, gathered into one folder.

    user-data, meta-data, network-config   cloud-init's
    backrow/begin                          what cloud-init calls at every start until first boot is through
    backrow/backrow-firstboot.service      keeps first boot running until then
    backrow/program/                       first boot itself, and what of `protocol` it uses
    backrow/wheels/, debs/                 libraries and the project; Debian packages, where they were given
    backrow/unit/                          device.toml, identity/, state/ as the controller wrote them
    backrow/network/                       the lasting network settings, with the files of 802.1X
    backrow/settings.json                  what first boot is told
    backrow/secret                         the one-time secret of enrollment

Nothing that lasts and is secret: no private key of the unit (it makes its own), no password of a person. First boot
overwrites and removes all of it. Defined in docs/runbooks/new-room.md.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from protocol.loopback import is_loopback
from provisioning.card.cloud import encode_meta_data, encode_user_data, make_hostname
from provisioning.card.errors import CardError
from provisioning.card.keyfile import FILE, encode_keyfile
from provisioning.card.netplan import encode_netplan
from provisioning.card.rooms import Room
from provisioning.card.wheels import LOCK
from provisioning.packaged import HERE

NETWORK_AT_START = "/boot/firmware/backrow/network"
PROGRAM = ("protocol/__init__.py", "protocol/durable.py", "provisioning/__init__.py", "provisioning/firstboot")
LACKING = ("overlayroot", "python3-picamera2", "python3-lgpio")
"""What a unit needs of Debian's and Raspberry Pi's packages, and Raspberry Pi OS Lite need not have."""


@dataclass(frozen=True, kw_only=True)
class SchoolFacts:
    """What is the same for every room of a school."""

    timezone: str
    ntp: tuple[str, ...] = ()
    proxy: str = ""
    ssh_keys: tuple[str, ...] = ()
    packages: tuple[str, ...] = LACKING
    debs: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Libraries:
    """What is installed on the unit."""

    wheels: Path
    own: Path


def write_contents(folder: Path, room: Room, unit: Path, *, school: SchoolFacts, libraries: Libraries) -> str:
    """Write everything of one card into `folder`, out of the controller's bundle `unit`; give the device id."""
    device = read_device(unit / "device.toml")
    ours = folder / "backrow"
    (ours / "unit").mkdir(parents=True)
    hostname = make_hostname(room.label, device)
    user_data = encode_user_data(hostname=hostname, timezone=school.timezone, ssh_keys=school.ssh_keys)
    _write(folder, {"user-data": user_data, "meta-data": encode_meta_data(device)})
    _write(folder, {"network-config": encode_netplan(room.network, NETWORK_AT_START)})
    _write(ours, {"settings.json": json.dumps(_settings(device, room, school), indent=2) + "\n"})
    _write_network(ours / "network", room, device)
    _copy_unit(unit, ours)
    _copy_program(ours)
    _copy_libraries(ours, school, libraries)
    return device


def read_device(path: Path) -> str:
    """Give the device id of a device.toml."""
    try:
        return str(tomllib.loads(path.read_text("utf-8"))["device"]["id"])
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise CardError("", f"{path}: expected the unit's configuration with [device] id: {error}") from None


def find_own_addresses(path: Path) -> tuple[str, ...]:
    """Name the addresses in a device.toml that mean the unit itself: no unit finds the school there."""
    tables = tomllib.loads(path.read_text("utf-8"))
    asked = (("enrollment", "url"), ("controller", "url"), ("broker", "host"))
    found = {f"[{table}] {key}": str(tables.get(table, {}).get(key, "")) for table, key in asked}
    return tuple(f"{name} = {text}" for name, text in found.items() if _is_own(urlsplit(text).hostname or text))


def _is_own(host: str) -> bool:
    """Tell whether a host is whoever asks, or all addresses of a server, at which nobody finds it."""
    try:
        return is_loopback(host) or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="\n")


def _settings(device: str, room: Room, school: SchoolFacts) -> dict[str, object]:
    return {
        "device": device,
        "label": room.label,
        "timezone": school.timezone,
        "ntp": list(school.ntp),
        "proxy": school.proxy,
        "ssh": bool(school.ssh_keys),
        "country": room.network.country or "",
        "packages": list(school.packages),
    }


def _write_network(folder: Path, room: Room, device: str) -> None:
    folder.mkdir()
    _write(folder, {FILE: encode_keyfile(room.network, device)})
    for name, data in room.network.files.items():
        (folder / name).write_bytes(data)


def _copy_unit(unit: Path, ours: Path) -> None:
    """Take what the controller wrote: identity and state lie in `data/` or beside device.toml."""
    base = unit / "data" if (unit / "data").is_dir() else unit
    shutil.copyfile(unit / "device.toml", ours / "unit" / "device.toml")
    for name in ("identity", "state"):
        shutil.copytree(base / name, ours / "unit" / name, copy_function=shutil.copyfile)
    secret = unit / "secret"
    if secret.is_file():
        shutil.copyfile(secret, ours / "secret")


def _copy_program(ours: Path) -> None:
    for name in PROGRAM:
        source, target = HERE.parent / name, ours / "program" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), copy_function=shutil.copyfile)
        else:
            shutil.copyfile(source, target)
    for name in ("begin", "backrow-firstboot.service"):
        shutil.copyfile(HERE / "firstboot" / name, ours / name)


def _copy_libraries(ours: Path, school: SchoolFacts, libraries: Libraries) -> None:
    (ours / "wheels").mkdir()
    (ours / "debs").mkdir()
    for wheel in (*sorted(libraries.wheels.glob("*.whl")), libraries.own, LOCK):
        shutil.copyfile(wheel, ours / "wheels" / wheel.name)
    for deb in school.debs:
        shutil.copyfile(deb, ours / "debs" / deb.name)

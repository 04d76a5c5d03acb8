"""Rooms, bundles and a workshop for tests of cards; folders stand in for the controller and the package index."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from protocol.ids import make_id
from protocol.pki import issue_authority, issue_server
from provisioning.card.contents import Libraries, SchoolFacts
from provisioning.card.making import Workshop
from provisioning.card.network import Network
from provisioning.card.rooms import Room
from provisioning.card.wheels import LOCK

SECRET = "7ZZH-Q2K4-XM9T-0001-ABCD-EFGH-JK"
PASSPHRASE = "the quick brown fox"


def room(label: str = "Room 12", network: Network | None = None) -> Room:
    """Make a room's wish."""
    return Room(label=label, owner="ana@school.example", network=network or Network())


def write_unit(folder: Path, device: str | None = None) -> str:
    """Write what `backrow controller device prepare` leaves: configuration, pinned keys, documents, secret."""
    device = device or make_id(os.urandom(16))
    for name in ("identity", "state"):
        (folder / "data" / name).mkdir(parents=True)
    (folder / "device.toml").write_text(f'[device]\nid = "{device}"\nlabel = "Room 12"\n', "utf-8")
    (folder / "data/identity/root.pub").write_text("root\n", "ascii")
    (folder / "data/identity/ca.pem").write_text("ca\n", "ascii")
    (folder / "data/state/keyring").write_text("keyring\n", "ascii")
    (folder / "data/state/recipients").write_text("recipients\n", "ascii")
    (folder / "secret").write_text(f"{SECRET}\n", "ascii")
    return device


def write_libraries(folder: Path) -> Libraries:
    """Write a folder of wheels that hold nothing."""
    folder.mkdir(parents=True)
    (folder / "av-19.0.2-cp312-abi3-manylinux_2_28_aarch64.whl").write_bytes(b"av")
    own = folder.parent / "backrow-0.1.0-py3-none-any.whl"
    own.write_bytes(b"own")
    return Libraries(wheels=folder, own=own)


def make_shop(cache: Path) -> Workshop:
    """Make a workshop whose units are entered nowhere."""
    return Workshop(
        prepare=lambda _room, out: print(write_unit(out) if out else "can be prepared"),
        config=Path("controller.toml"),
        school=SchoolFacts(timezone="Europe/Madrid"),
        cache=cache,
        processor="aarch64",
    )


def fill_cache(cache: Path) -> None:
    """Lay the libraries where a first card would have had them fetched."""
    import hashlib

    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    write_libraries(cache / f"wheels-{digest}-aarch64")


def write_certificates(folder: Path) -> dict[str, str]:
    """Write an authority, a certificate and its key; give them as fields of a network."""
    now = datetime.now(UTC)
    authority = issue_authority("RADIUS", now=now)
    unit = issue_server(authority, ("unit",), now=now)
    (folder / "ca.pem").write_bytes(authority.certificate_pem())
    (folder / "unit.pem").write_bytes(unit.certificate_pem())
    (folder / "unit.key").write_bytes(unit.key_pem())
    return {"eap-ca": "ca.pem", "eap-certificate": "unit.pem", "eap-key": "unit.key"}

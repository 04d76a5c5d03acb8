"""Certificates that are taken back: what the rows say, what the list says to TLS, and who may write it at once."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from controller.bridge import outbox
from controller.bridge.models import Outbox
from controller.enrollment.models import Certificate
from controller.enrollment.repo import enter_certificate
from controller.enrollment.revocation import LIST, renew_list, revoke_key, revoke_unit
from controller.keys import RETIRED_CA, load_authority
from protocol.durable import replace_file
from protocol.pki import Credential, issue_device, issue_issuing_authority, parse_credential, parse_crls
from tests.house import House, Teacher, make_house


@dataclass
class Registry:
    """A controller with units that have certificates."""

    house: House
    unit: Teacher
    authority: Credential

    @property
    def path(self) -> Path:
        """Give the list's place."""
        return self.house.services.config.controller.data / LIST

    def certify(self, device: str) -> Credential:
        """Issue a certificate to a unit and enter it."""
        credential = issue_device(self.authority, device, now=self.house.clock())
        with self.house.services.database.writing() as session:
            enter_certificate(session, device, credential.certificate, now=self.house.clock())
        return credential

    def revoke(self, device: str) -> int:
        """Take back a unit's certificates."""
        with self.house.services.database.writing() as session:
            return revoke_unit(session, device, why="lost", now=self.house.clock())

    def renew(self) -> bool:
        """Issue the list when it has to be."""
        return renew_list(self.house.services)

    @property
    def listed(self) -> set[int]:
        """Give the serial numbers in the file."""
        return {entry.serial_number for each in parse_crls(self.path.read_bytes()) for entry in each}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A controller with one unit."""
    house = make_house(tmp_path)
    yield Registry(house, house.add_teacher(), load_authority(house.services.config.controller.keys))
    house.services.database.close()


def test_first_list_is_issued_although_nothing_is_revoked(registry: Registry) -> None:
    """Without a list the broker would not start; one that is there and true is left alone."""
    assert registry.renew()
    assert registry.listed == set()
    assert not registry.renew()


def test_revoked_certificates_are_listed_and_others_are_not(registry: Registry) -> None:
    """Every certificate of the unit is taken back, no other unit's; a second time takes nothing more."""
    other = registry.house.add_teacher("Bo Lind", "Room 13")
    mine = [registry.certify(registry.unit.device) for _ in range(2)]
    registry.certify(other.device)
    registry.renew()
    assert registry.revoke(registry.unit.device) == 2
    assert registry.renew()
    assert registry.listed == {each.certificate.serial_number for each in mine}
    assert registry.revoke(registry.unit.device) == 0
    assert not registry.renew()


def test_one_key_can_be_taken_back(registry: Registry) -> None:
    """A unit that changed a key that may have been stolen goes on with its new one."""
    old, new = (registry.certify(registry.unit.device) for _ in range(2))
    with registry.house.services.database.writing() as session:
        row = session.get_one(Certificate, f"{old.certificate.serial_number:x}")
        assert revoke_key(session, registry.unit.device, row.spki, why="new key", now=registry.house.clock()) == 1
    registry.renew()
    assert registry.listed == {old.certificate.serial_number}
    assert new.certificate.serial_number not in registry.listed


def test_list_is_issued_anew_each_day(registry: Registry) -> None:
    """Long before its end, for OpenSSL lets nobody in when it is over."""
    registry.renew()
    registry.house.clock.pass_time(timedelta(hours=22))
    assert not registry.renew()
    registry.house.clock.pass_time(timedelta(hours=3))
    assert registry.renew()
    (listed,) = parse_crls(registry.path.read_bytes())
    assert listed.next_update_utc
    assert listed.next_update_utc - registry.house.clock() == timedelta(days=30)


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"])
def test_damaged_list_is_replaced(registry: Registry, damage: bytes) -> None:
    """A list that nobody can read is issued again, whatever it was."""
    registry.path.write_bytes(damage)
    assert registry.renew()
    assert registry.listed == set()


def test_certificate_leaves_the_list_some_days_after_its_end(registry: Registry) -> None:
    """The list does not grow for ever; a week is for clocks that differ."""
    credential = registry.certify(registry.unit.device)
    registry.revoke(registry.unit.device)
    registry.house.clock.now = credential.certificate.not_valid_after_utc + timedelta(days=6)
    registry.renew()
    assert registry.listed
    registry.house.clock.pass_time(timedelta(days=2))
    registry.renew()
    assert not registry.listed


def test_openssl_refuses_what_the_list_names(registry: Registry, tmp_path: Path) -> None:
    """The judge is OpenSSL, as in Mosquitto: the unit is good before its revocation, and revoked after it."""
    credential = registry.certify(registry.unit.device)
    (tmp_path / "unit.pem").write_bytes(credential.certificate_pem())
    keys = registry.house.services.config.controller.keys
    (tmp_path / "all.pem").write_bytes((keys / "ca.pem").read_bytes() + (keys / "root-ca.pem").read_bytes())

    def judge() -> str:
        registry.renew()
        at = int(registry.house.clock().timestamp())
        options = ("-CAfile", str(tmp_path / "all.pem"), "-crl_check", "-CRLfile", str(registry.path))
        command = ["openssl", "verify", "-attime", str(at), *options, str(tmp_path / "unit.pem")]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return found.stdout + found.stderr

    assert judge().endswith("unit.pem: OK\n")
    registry.revoke(registry.unit.device)
    assert "certificate revoked" in judge()


def test_each_issuing_authority_has_a_list_of_its_own(registry: Registry) -> None:
    """After the issuing CA was replaced both sign: TLS looks for the list of the CA that signed a certificate."""
    before = registry.certify(registry.unit.device)
    registry.renew()
    keys = registry.house.services.config.controller.keys
    root = parse_credential((keys / "root-ca.pem").read_bytes(), (keys / "root-ca.key").read_bytes())
    (keys / RETIRED_CA).mkdir()
    for suffix in ("pem", "key"):
        (keys / f"ca.{suffix}").rename(keys / RETIRED_CA / f"1.{suffix}")
    registry.authority = issue_issuing_authority(root, "Issuing 2", now=registry.house.clock())
    (keys / RETIRED_CA / "1-copy.key").write_text("a person's copy, which is passed over")
    (keys / "ca.pem").write_bytes(registry.authority.certificate_pem())
    replace_file(keys / "ca.key", registry.authority.key_pem())
    assert registry.renew(), "nobody with a certificate of the new one would be let in"
    after = registry.certify(registry.unit.device)
    registry.revoke(registry.unit.device)
    registry.renew()
    lists = parse_crls(registry.path.read_bytes())
    assert [[entry.serial_number for entry in each] for each in lists] == [
        [after.certificate.serial_number],
        [before.certificate.serial_number],
    ]


def test_whoever_writes_last_knows_all(registry: Registry) -> None:
    """Twenty revocations at once, each with its own list: the list at the end names all twenty."""
    people = [registry.house.add_teacher(f"T{number} Teacher", f"Room {number}") for number in range(20)]
    credentials = [registry.certify(person.device) for person in people]

    def take_back(device: str) -> None:
        registry.revoke(device)
        registry.renew()

    threads = [threading.Thread(target=take_back, args=(person.device,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.listed == {each.certificate.serial_number for each in credentials}
    assert [name for name in os.listdir(registry.path.parent) if name.startswith(f".{LIST}")] == []


def test_broker_is_told_to_forget_what_it_keeps_for_the_unit(registry: Registry) -> None:
    """Its keyring, recipients, policy and schedule are emptied: an empty retained message is none."""
    registry.revoke(registry.unit.device)
    with registry.house.services.database.reading() as session:
        rows = session.scalars(select(Outbox)).all()
        assert {(row.topic.rsplit("/", 1)[1], row.payload, row.retain) for row in rows} == {
            ("keyring", b"", True),
            ("recipients", b"", True),
            ("policy", b"", True),
            ("schedule", b"", True),
        }
        assert len(outbox.unsent(session, 10)) == 4

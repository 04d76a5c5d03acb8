"""The school's broker on a machine of its own: Debian's Mosquitto under a real systemd, with the files of the command.

The list of revoked certificates travels as in a school: the controller's file is replaced, the path unit notices, the
service looks at it, copies it and reloads. The bridge's part is in tests/unit/controller/bridge/test_closing.py.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from protocol.durable import replace_file
from protocol.pki import Credential, Revoked, encode_certificates, issue_crl, issue_device
from provisioning.broker.files import BrokerPlan, BrokerTrust, issue_broker, place_files, store_files
from tests.boot.machine import Machine, overlay, wait_for
from tests.boot.root import enter
from tests.school import School, new_id

pytestmark = pytest.mark.boot
CRL = "/srv/backrow/revoked.crl"
FOLDER = "/etc/mosquitto/backrow"
SPEAK = (
    *("mosquitto_pub", "-h", "localhost", "-p", "8883", "--cafile", f"{FOLDER}/ca.pem"),
    *("--cert", "/etc/unit.pem", "--key", "/etc/unit.key", "-q", "1", "-m", "here"),
)


@pytest.fixture
def unit_certificate(school: School) -> tuple[str, Credential]:
    """A unit's name and certificate."""
    device = new_id()
    return device, issue_device(school.authority, device, now=datetime.now(UTC))


@pytest.fixture
def broker_machine(
    base: Path, school: School, unit_certificate: tuple[str, Credential], tmp_path: Path
) -> Iterator[Machine]:
    """A server with the broker's files in place; it is not switched on yet."""
    unit = school.make_unit(tmp_path / "unit")
    with overlay(base, tmp_path) as root:
        _install(root, school, unit_certificate[1])
        machine = Machine(root=root, unit=unit, binds=())
        try:
            yield machine
        finally:
            machine.end()


def _install(root: Path, school: School, unit: Credential) -> None:
    now = datetime.now(UTC)
    plan = BrokerPlan(crl=PurePosixPath(CRL))
    authority_pem = encode_certificates([school.root_authority.certificate])
    server = issue_broker(school.authority, ("localhost",), now=now)
    store_files(root / "out", place_files(plan, BrokerTrust(authority_pem=authority_pem, server=server)))
    shutil.copytree(root / "out" / "etc", root / "etc", dirs_exist_ok=True)
    (root / "etc/unit.pem").write_bytes(unit.certificate_pem())
    (root / "etc/unit.key").write_bytes(unit.key_pem())
    (root / CRL[1:]).parent.mkdir(parents=True, mode=0o750)
    put_list(root, school)
    enter(root, "systemctl", "enable", "mosquitto", "backrow-crl.path", "backrow-crl.timer")


def put_list(root: Path, school: School, *revoked: Credential) -> None:
    """Replace the controller's list, as the controller does it."""
    now = datetime.now(UTC)
    entries = [Revoked(each.certificate.serial_number, now) for each in revoked]
    replace_file(root / CRL[1:], issue_crl(school.authority, entries, now=now), mode=0o640)


def test_revocation_reaches_the_broker_by_itself(
    broker_machine: Machine, school: School, unit_certificate: tuple[str, Credential]
) -> None:
    """The broker starts in its sandbox with its files' rights; a new list is read; what is no list is not handed on."""
    machine, (device, credential) = broker_machine, unit_certificate
    machine.boot()
    speak = (*SPEAK, "-i", device, "-t", f"backrow/v1/{device}/up/health")
    machine.run(*speak)
    assert machine.run("stat", "-c", "%a %U %G", f"{FOLDER}/server.key").strip() == "640 root mosquitto"
    assert machine.run("stat", "-c", "%a %U", "/var/lib/mosquitto").strip() == "700 mosquitto"
    began = time.monotonic()
    put_list(machine.root, school, credential)
    wait_for(lambda: machine.fails(*speak), "the unit is let in no more")
    print(f"systemd handed a new list to the broker within {time.monotonic() - began:.2f} s")
    replace_file(machine.root / CRL[1:], b"this is no list\n", mode=0o640)
    wait_for(lambda: "failed" in machine.ask("systemctl", "is-failed", "backrow-crl.service"), "the service says no")
    assert machine.fails(*speak), "the list from before is in force"
    assert machine.show("mosquitto", "ActiveState") == "active"
    put_list(machine.root, school)
    wait_for(lambda: not machine.fails(*speak), "the path unit goes on after a failure")
    for _ in range(30):  # while the service runs systemd does not look at the path
        put_list(machine.root, school)
        time.sleep(0.05)
    put_list(machine.root, school, credential)
    wait_for(lambda: machine.fails(*speak), "the last of many lists is the one that counts")


def test_broker_waits_for_its_first_list(broker_machine: Machine, school: School) -> None:
    """A broker that knows of no revocation would let everybody in: it stays away, and comes when there is a list."""
    machine = broker_machine
    (machine.root / CRL[1:]).unlink()
    machine.boot()
    time.sleep(15)  # longer than systemd's own patience with a service that fails
    assert machine.show("mosquitto", "ActiveState") != "active"
    put_list(machine.root, school)
    wait_for(lambda: machine.show("mosquitto", "ActiveState") == "active", "the broker has started")

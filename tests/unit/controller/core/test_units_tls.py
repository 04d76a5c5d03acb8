"""Who gets through to the units' application: TLS first, then the registry, over the real listener."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from cheroot.wsgi import Server

from controller import Surface, create_app, server
from controller.config import People, Units
from controller.enrollment.models import Certificate
from controller.enrollment.revocation import revoke_unit
from protocol.durable import replace_file
from protocol.pki import Credential, issue_bridge, issue_device, parse_credential
from tests.controller_process import ControllerProcess, make_controller
from tests.impostors import TLS_REFUSES, forge_name, make_impostors
from tests.school import new_id
from tests.tls_client import NEW, OLD, speaks

TIMEOUT_S = 20.0


@dataclass
class Door:
    """The units' listener of a controller with one unit; the listener for people stands beside it, with TLS too."""

    controller: ControllerProcess
    units: Server
    people: Server

    def ask(self, credential: Credential, folder: Path) -> requests.Response:
        """Ask for the documents with a certificate; raise `requests.ConnectionError` when TLS refuses."""
        (folder / "tls.pem").write_bytes(credential.certificate_pem())
        replace_file(folder / "tls.key", credential.key_pem())
        return self.ask_as((str(folder / "tls.pem"), str(folder / "tls.key")))

    def ask_as(self, files: tuple[str, str]) -> requests.Response:
        """Ask for the documents with the files of a certificate."""
        with requests.Session() as session:
            session.trust_env = False
            session.verify, session.cert = self.controller.authority, files
            return session.get(f"https://127.0.0.1:{port_of(self.units)}/units/v1/documents", timeout=TIMEOUT_S)

    @property
    def keys(self) -> Path:
        """Give the folder of the school's keys."""
        return self.controller.services.config.controller.keys

    def authority(self, name: str = "ca") -> Credential:
        """Give the school's issuing CA, or its root CA."""
        return parse_credential((self.keys / f"{name}.pem").read_bytes(), (self.keys / f"{name}.key").read_bytes())


def port_of(listener: Server) -> int:
    """Give the port that a listener was bound to."""
    return int(listener.bind_addr[1])


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A controller that serves both."""
    controller = make_controller(tmp_path_factory.mktemp("school"))
    services = controller.services
    keys = services.config.controller.keys
    people = People(port=0, tls_certificate=keys / "server.pem", tls_key=keys / "server.key")
    config = replace(services.config, units=Units(port=0), people=people)
    listeners = (
        server.units_listener(create_app(config, Surface.UNITS, services), config),
        server.people_listener(create_app(config, Surface.PEOPLE, services), config),
    )
    threads = [threading.Thread(target=listener.serve) for listener in listeners]
    for listener, thread in zip(listeners, threads, strict=True):
        listener.prepare()
        thread.start()
    yield Door(controller, *listeners)
    for listener, thread in zip(listeners, threads, strict=True):
        listener.stop()
        thread.join()
    controller.close()


def test_unit_of_the_school_is_answered(door: Door) -> None:
    """What the tests below refuse is not refused for another reason."""
    assert door.ask_as(door.controller.certificate).status_code == 200


@pytest.mark.parametrize("fault", TLS_REFUSES)
def test_certificate_with_a_fault_is_refused(door: Door, tmp_path: Path, fault: str) -> None:
    """The handshake fails: nothing of ours is asked."""
    now = door.controller.services.clock()
    impostors = make_impostors(door.authority("root-ca"), door.authority(), door.controller.device, now=now)
    with pytest.raises(requests.ConnectionError):
        door.ask(impostors[fault], tmp_path)


def test_good_certificate_that_is_not_registered_is_refused(door: Door, tmp_path: Path) -> None:
    """Signed by the school's CA, right in every way, and not the registry's: whoever has the CA's key is no unit yet.

    Among them two names that differ (either way round), the bridge's certificate, and one in the name of a real unit.
    """
    now, authority, device = door.controller.services.clock(), door.authority(), door.controller.device
    strangers = (
        issue_device(authority, device, now=now),
        issue_device(authority, new_id(), now=now),
        forge_name(authority, common=device, alternative=new_id(), now=now),
        forge_name(authority, common=new_id(), alternative=device, now=now),
        issue_bridge(authority, now=now),
    )
    answers = [door.ask(stranger, tmp_path) for stranger in strangers]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert {answer.json()["error"] for answer in answers} == {"certificate_unknown"}


def test_certificate_that_ended_on_an_open_connection_is_refused(door: Door) -> None:
    """TLS looked at the dates when the connection began, perhaps weeks ago; the registry does at each request."""
    services = door.controller.services
    with requests.Session() as session:
        session.trust_env = False
        session.verify, session.cert = door.controller.authority, door.controller.certificate
        address = f"https://127.0.0.1:{port_of(door.units)}/units/v1/documents"
        assert session.get(address, timeout=TIMEOUT_S).status_code == 200
        _move_end(door, timedelta(days=-1))
        assert session.get(address, timeout=TIMEOUT_S).json()["error"] == "certificate_unknown"
        _move_end(door, timedelta(days=89))
        assert session.get(address, timeout=TIMEOUT_S).status_code == 200
        with services.database.writing() as rows:
            revoke_unit(rows, door.controller.device, why="lost", now=services.clock())
        assert session.get(address, timeout=TIMEOUT_S).json()["error"] == "certificate_unknown"


def _move_end(door: Door, ahead: timedelta) -> None:
    services = door.controller.services
    with services.database.writing() as session:
        for row in session.query(Certificate).filter_by(device=door.controller.device):
            row.ends_at = services.clock() + ahead


@pytest.mark.parametrize("version", OLD)
def test_old_tls_is_refused(door: Door, version: str) -> None:
    """TLS 1.0 and 1.1 end in the handshake, for units and for people."""
    assert not speaks(port_of(door.units), version)
    assert not speaks(port_of(door.people), version)


@pytest.mark.parametrize("version", NEW)
def test_new_tls_is_spoken(door: Door, version: str) -> None:
    """The check above can fail: the same client speaks TLS 1.2 and 1.3 with both."""
    certificate, key = door.controller.certificate
    assert speaks(port_of(door.units), version, "-cert", certificate, "-key", key)
    assert speaks(port_of(door.people), version)

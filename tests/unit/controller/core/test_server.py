"""The listeners: who gets through TLS, what WSGI is told of them, and what a plain one serves."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from cheroot.wsgi import Server

from controller import server
from controller.config import Config, Core, People, Units
from controller.errors import OperatorError
from protocol.durable import replace_file
from protocol.pki import encode_certificates, issue_device, issue_server
from tests.lesson import BEGAN_AT
from tests.school import School, make_school, new_id

TIMEOUT_S = 10.0


def tell(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with what WSGI was told of the connection."""
    start("200 OK", [("Content-Type", "application/json")])
    told = {key: value for key, value in environ.items() if key.startswith("SSL_CLIENT") or key == "wsgi.url_scheme"}
    return [json.dumps(told).encode()]


@contextmanager
def serving(listener: Server) -> Iterator[int]:
    """Serve and give the port."""
    listener.prepare()
    thread = threading.Thread(target=listener.serve)
    thread.start()
    try:
        yield listener.bind_addr[1]
    finally:
        listener.stop()
        thread.join()


@pytest.fixture
def school(tmp_path: Path) -> School:
    """Make a school whose server certificate is for loopback."""
    return make_school(tmp_path, now=BEGAN_AT)


@pytest.fixture
def config(school: School, tmp_path: Path) -> Config:
    """Make a configuration whose listeners take any free port."""
    core = Core(data=tmp_path / "data", keys=school.keys, key_store=tmp_path / "store")
    return Config(controller=core, people=People(port=0), units=Units(port=0))


@contextmanager
def client(school: School) -> Iterator[requests.Session]:
    """Make a client that trusts the school's authority and nobody else."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(school.keys / "root-ca.pem")
        yield session


def test_unit_is_told_to_the_application_by_its_certificate(school: School, config: Config, tmp_path: Path) -> None:
    """A verified certificate reaches WSGI with its common name and itself; without one there is no connection."""
    device = new_id()
    credential = issue_device(school.authority, device, now=BEGAN_AT)
    (tmp_path / "tls.pem").write_bytes(credential.certificate_pem())
    replace_file(tmp_path / "tls.key", credential.key_pem())
    with serving(server.units_listener(tell, config)) as port, client(school) as session:
        address = f"https://127.0.0.1:{port}/"
        with pytest.raises(requests.ConnectionError):
            session.get(address, timeout=TIMEOUT_S)
        session.cert = (str(tmp_path / "tls.pem"), str(tmp_path / "tls.key"))
        for _ in range(2):  # the second request comes over the same connection
            told = session.get(address, timeout=TIMEOUT_S).json()
            assert (told["SSL_CLIENT_VERIFY"], told["SSL_CLIENT_S_DN_CN"]) == ("SUCCESS", device)
            assert told["SSL_CLIENT_CERT"] == encode_certificates([credential.certificate]).decode().strip()


def test_server_certificate_is_no_unit(school: School, config: Config) -> None:
    """A certificate of the same authority that is for servers does not let anybody in."""
    with serving(server.units_listener(tell, config)) as port, client(school) as session:
        session.cert = (str(school.keys / "server.pem"), str(school.keys / "server.key"))
        with pytest.raises(requests.ConnectionError):
            session.get(f"https://127.0.0.1:{port}/", timeout=TIMEOUT_S)


def test_people_are_asked_for_no_certificate(school: School, config: Config) -> None:
    """Browsers get TLS without a client certificate, and plain HTTP on the TLS port is not answered with a page."""
    people = People(port=0, tls_certificate=school.keys / "server.pem", tls_key=school.keys / "server.key")
    with serving(server.people_listener(tell, replace(config, people=people))) as port, client(school) as session:
        told = session.get(f"https://127.0.0.1:{port}/", timeout=TIMEOUT_S).json()
        assert (told["wsgi.url_scheme"], told["SSL_CLIENT_VERIFY"]) == ("https", "NONE")
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{port}/", timeout=TIMEOUT_S)


@pytest.mark.parametrize("name", ["server.pem", "server.key", "root-ca.pem"])
def test_listener_without_its_tls_files_names_them(school: School, config: Config, name: str) -> None:
    """A file that is missing, or is none, is one sentence with its path."""
    (school.keys / name).unlink()
    with pytest.raises(OperatorError, match=rf"{name}.*cannot be used for TLS: .*No such file"):
        server.units_listener(tell, config)
    replace_file(school.keys / name, b"rubbish")
    with pytest.raises(OperatorError, match=rf"{name}.*cannot be used for TLS"):
        server.units_listener(tell, config)


def test_plain_listener_serves_loopback(school: School, config: Config) -> None:
    """Without TLS, which the configuration allows on loopback only, HTTP is served."""
    with serving(server.people_listener(tell, config)) as port, client(school) as session:
        assert session.get(f"http://127.0.0.1:{port}/", timeout=TIMEOUT_S).json() == {"wsgi.url_scheme": "http"}


def test_header_cannot_pretend_a_certificate(school: School, config: Config) -> None:
    """What a client writes into its headers never looks like what TLS verified."""
    plain = replace(config, units=Units(port=0, tls=False))
    with serving(server.units_listener(tell, plain)) as port, client(school) as session:
        headers = {"SSL_CLIENT_VERIFY": "SUCCESS", "Ssl-Client-Verify": "SUCCESS", "SSL-CLIENT-S-DN-CN": new_id()}
        told = session.get(f"http://127.0.0.1:{port}/", headers=headers, timeout=TIMEOUT_S).json()
        assert told == {"wsgi.url_scheme": "http"}


def shown_serial(port: int, school: School) -> int:
    """Give the serial number of the certificate that a listener shows."""
    context = ssl.create_default_context(cafile=school.keys / "root-ca.pem")
    with (
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        return int(str(sock.getpeercert()["serialNumber"]), 16)  # type: ignore[index]  # it was asked for


def test_renewed_certificate_is_shown_without_a_restart(
    school: School, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """A rotation shows at the next connection; half of one shows the certificate of before, and is logged."""
    people = replace(config.people, tls_certificate=school.keys / "server.pem", tls_key=school.keys / "server.key")
    with serving(server.people_listener(tell, replace(config, people=people))) as port:
        first = shown_serial(port, school)
        renewed = issue_server(school.authority, ("127.0.0.1",), now=school.now)
        replace_file(school.keys / "server.pem", renewed.certificate_pem())
        assert shown_serial(port, school) == first
        assert "the certificate of before stays in use" in caplog.text
        replace_file(school.keys / "server.key", renewed.key_pem())
        assert shown_serial(port, school) == renewed.certificate.serial_number

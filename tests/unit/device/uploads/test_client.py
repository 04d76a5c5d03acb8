"""The uploader's door: who is let in, where it goes, how long it waits, and what it never follows."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from device.identity.tls import TlsFiles
from device.uploads.client import AddressError, Client, ClientSettings, LinkError, Request, ShutOutError
from protocol.pki import issue_authority, issue_device
from tests.fakes.ingest import Ingest, IngestServer
from tests.school import School, UnitBundle, make_school
from tests.unit.device.uploads.conftest import NOW

DOCUMENTS = Request("GET", "units/v1/documents")


@pytest.fixture
def school(tmp_path: Path) -> School:
    return make_school(tmp_path / "school", now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    return school.make_unit(tmp_path / "unit")


@pytest.fixture
def secure_url(school: School, unit: UnitBundle) -> Iterator[str]:
    """A server that shows the school's certificate and requires a client certificate of its authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(school.keys / "server.pem", school.keys / "server.key")
    context.load_verify_locations(school.keys / "root-ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with IngestServer(Ingest(school, unit.recorder.verifying, lambda: NOW), tls=context) as server:
        yield server.url


@contextmanager
def open_client(
    url: str, data: Path, *, timeout_s: float = 10.0, is_clock_trusted: Callable[[], bool] = lambda: True
) -> Iterator[Client]:
    tls = TlsFiles(
        authority=data / "identity" / "ca.pem",
        certificate=data / "certificate" / "tls.pem",
        key=data / "identity" / "tls.key",
        is_clock_trusted=is_clock_trusted,
    )
    settings = ClientSettings(url=url, tls=tls, connect_timeout_s=timeout_s, read_timeout_s=timeout_s)
    client = Client(settings)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def raw_server(answer: bytes) -> Iterator[str]:
    """Answer one connection with the same bytes, whatever it asks; with none, never answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)
            if not answer:
                done.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        thread.join()
        listener.close()


def test_client_shows_its_certificate_and_checks_the_servers(secure_url: str, unit: UnitBundle) -> None:
    """With the unit's own certificate and the school's authority, a request over TLS is answered."""
    with open_client(secure_url, unit.data) as client:
        assert client.ask(DOCUMENTS).status == 200


def test_client_refuses_a_server_of_another_authority(secure_url: str, unit: UnitBundle) -> None:
    """A server whose certificate another authority signed is not spoken to."""
    stranger = issue_authority("Stranger", now=NOW)
    (unit.data / "identity" / "ca.pem").write_bytes(stranger.certificate_pem())
    with open_client(secure_url, unit.data) as client, pytest.raises(LinkError, match="certificate"):
        client.ask(DOCUMENTS)


def test_client_of_another_school_is_refused(secure_url: str, school: School, unit: UnitBundle) -> None:
    """A unit whose certificate another authority signed gets no answer, and is told by the alert whose fault it is.

    An alert can be overtaken by the connection's end, so that one try may only say that the link broke.
    """
    stranger = issue_authority("Stranger", now=NOW)
    credential = issue_device(stranger, unit.device, now=NOW)
    school.put_certificate(unit.data, credential)
    heard: set[type[LinkError]] = set()
    with open_client(secure_url, unit.data) as client:
        for _ in range(30):
            with pytest.raises(LinkError) as caught:
                client.ask(DOCUMENTS)
            heard.add(caught.type)
    assert ShutOutError in heard
    assert heard <= {ShutOutError, LinkError}


def test_client_without_its_certificate_files_says_which(secure_url: str, unit: UnitBundle) -> None:
    """A missing certificate file is an error of the link that names the file, so that the loop goes on."""
    (unit.data / "certificate" / "tls.pem").unlink()
    with open_client(secure_url, unit.data) as client, pytest.raises(LinkError, match=r"tls\.pem"):
        client.ask(DOCUMENTS)


def test_client_takes_up_a_new_certificate_without_a_restart(secure_url: str, school: School, unit: UnitBundle) -> None:
    """A connection that stands is let go when the certificate is renewed, and the next request shows the new one."""
    with open_client(secure_url, unit.data) as client:
        assert client.ask(DOCUMENTS).status == 200
        (unit.data / "certificate" / "tls.pem").write_bytes(issue_authority("X", now=NOW).certificate_pem())
        with pytest.raises(LinkError, match=r"(?i)key"):
            client.ask(DOCUMENTS)
        school.put_certificate(unit.data, issue_device(school.authority, unit.device, now=school.now))
        assert client.ask(DOCUMENTS).status == 200


@pytest.mark.parametrize("url", ["http://controller.school", "http://192.0.2.1:80", "http://127.0.0.1.evil.example"])
def test_client_refuses_plain_http_to_other_machines(url: str, tmp_path: Path) -> None:
    """Without TLS the uploader speaks to its own machine alone."""
    with pytest.raises(AddressError, match="expected https"), open_client(url, tmp_path):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "[::1]", "localhost"])
def test_client_takes_plain_http_on_loopback(host: str, tmp_path: Path) -> None:
    """Tests and a demo on one machine need no TLS."""
    with open_client(f"http://{host}:9", tmp_path) as client:
        assert client.address_of("units/v1/lease") == f"http://{host}:9/units/v1/lease"


@pytest.mark.parametrize("path", ["https://evil.example/x", "//evil.example/x", "http://127.0.0.1:99/x"])
def test_client_never_leaves_its_controller(path: str, tmp_path: Path) -> None:
    """An address that leads elsewhere (a Location, a record) is refused before anything is sent."""
    with open_client("http://127.0.0.1:9", tmp_path) as client, pytest.raises(LinkError, match="leads away"):
        client.ask(Request("PATCH", path))


def test_client_keeps_the_prefix_of_its_controller(tmp_path: Path) -> None:
    """A controller below a path of a proxy is asked below that path."""
    with open_client("https://school.example/backrow/", tmp_path) as client:
        assert client.address_of("units/v1/lease") == "https://school.example/backrow/units/v1/lease"


def test_client_follows_no_redirect(tmp_path: Path) -> None:
    """A redirect is given back as it is: the lease and the footage go nowhere else."""
    answer = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/x\r\nContent-Length: 0\r\n\r\n"
    with raw_server(answer) as url, open_client(url, tmp_path) as client:
        assert client.ask(DOCUMENTS).status == 307


def test_client_ignores_the_proxies_of_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named in the environment is not used."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with raw_server(b"HTTP/1.1 204 No Content\r\n\r\n") as url, open_client(url, tmp_path) as client:
        assert client.ask(DOCUMENTS).status == 204


def test_client_gives_up_waiting(tmp_path: Path) -> None:
    """A server that takes the request and says nothing costs the time-out, not the night."""
    with (
        raw_server(b"") as url,
        open_client(url, tmp_path, timeout_s=0.3) as client,
        pytest.raises(LinkError, match="timed out"),
    ):
        client.ask(DOCUMENTS)


def test_client_refuses_an_endless_answer(tmp_path: Path) -> None:
    """An answer of more than 2 MiB is not read to its end."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (3 * 1024 * 1024)
    with raw_server(answer) as url, open_client(url, tmp_path) as client, pytest.raises(LinkError, match="at most"):
        client.ask(DOCUMENTS)


def test_client_says_who_did_not_answer(tmp_path: Path) -> None:
    """When nobody listens, the error names the address."""
    with open_client("http://127.0.0.1:9", tmp_path) as client, pytest.raises(LinkError, match=r"127\.0\.0\.1:9/units"):
        client.ask(DOCUMENTS)

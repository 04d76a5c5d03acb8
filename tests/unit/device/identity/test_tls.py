"""TLS with a wrong clock: what is believed while the time is not known, and what is refused whatever the clock says."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device.identity.tls import TlsFiles
from protocol.pki import Credential, issue_authority, issue_issuing_authority, issue_server
from tests.school import School, UnitBundle, make_school

CLOCKS = ("1970-01-02 03:04:05", "2000-01-01 00:00:00", f"{datetime.now(UTC).year + 10}-06-01 12:00:00")
DAY = timedelta(days=1)
ASK = """
import socket, sys
from datetime import UTC, datetime
from pathlib import Path
from device.identity.tls import TlsFiles
data, port, trusted = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "trusted"
tls = TlsFiles(authority=data / "identity/ca.pem", certificate=data / "certificate/tls.pem",
               key=data / "identity/tls.key", is_clock_trusted=lambda: trusted)
print(datetime.now(UTC).year)
with socket.create_connection(("127.0.0.1", port), 20) as raw:
    with tls.context().wrap_socket(raw, server_hostname="127.0.0.1") as shown:
        print(shown.recv(5).decode())
"""


@pytest.fixture
def school(tmp_path: Path) -> School:
    return make_school(tmp_path / "school", now=datetime.now(UTC))


@pytest.fixture
def unit(school: School, tmp_path: Path) -> UnitBundle:
    return school.make_unit(tmp_path / "unit")


@contextmanager
def greeter(credential: Credential, folder: Path) -> Iterator[int]:
    """Say hello over TLS to whoever connects, with this certificate; give the port."""
    (folder / "greeter.pem").write_bytes(credential.certificate_pem())
    (folder / "greeter.key").write_bytes(credential.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "greeter.pem", folder / "greeter.key")
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    thread = threading.Thread(target=_greet, args=(listener, context, stop))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
        listener.close()


def _greet(listener: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    while not stop.is_set():
        connection, _ = listener.accept()
        connection.settimeout(20)
        try:
            with context.wrap_socket(connection, server_side=True) as shown:
                shown.sendall(b"hello")
        except OSError:
            connection.close()  # the client did not believe us, or has gone


def ask_at(clock: str, unit: UnitBundle, port: int, trust: str) -> subprocess.CompletedProcess[str]:
    """Ask the greeter from a process whose clock stands at `clock`."""
    command = ("faketime", clock, sys.executable, "-c", ASK, str(unit.data), str(port), trust)
    utc = {**os.environ, "TZ": "UTC"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=utc)
    assert done.stdout.startswith(clock[:4]), (done.stdout, done.stderr)
    return done


@pytest.mark.parametrize("clock", CLOCKS)
def test_unit_with_a_wrong_clock_speaks_with_its_school(
    school: School, unit: UnitBundle, tmp_path: Path, clock: str
) -> None:
    """At 1970, at 2000 and ten years ahead: chain and name are right, and no date is asked for."""
    server = issue_server(school.authority, ("127.0.0.1",), now=datetime.now(UTC))
    with greeter(server, tmp_path) as port:
        assert "hello" in ask_at(clock, unit, port, "not trusted").stdout


@pytest.mark.parametrize("clock", CLOCKS)
def test_dates_count_when_the_clock_is_trusted(school: School, unit: UnitBundle, tmp_path: Path, clock: str) -> None:
    """A clock that the network has set is believed, and a certificate outside its dates is refused."""
    server = issue_server(school.authority, ("127.0.0.1",), now=datetime.now(UTC))
    with greeter(server, tmp_path) as port:
        done = ask_at(clock, unit, port, "trusted")
    assert "hello" not in done.stdout
    assert "has expired" in done.stderr or "not yet valid" in done.stderr


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("trust", ["trusted", "not trusted"])
@pytest.mark.parametrize("whose", ["rogue", "other name"])
def test_rogue_and_misnamed_servers_are_refused_whatever_the_clock(
    school: School, unit: UnitBundle, tmp_path: Path, clock: str, trust: str, whose: str
) -> None:
    """Another authority's certificate, and the school's own for another name, are refused in every case."""
    at = datetime.fromisoformat(clock).replace(tzinfo=UTC) - DAY  # so that dates are no reason
    rogue = whose == "rogue"
    name = "A made-up school"
    authority = issue_authority(name, now=at) if rogue else issue_issuing_authority(school.root_authority, name, now=at)
    server = issue_server(authority, ("127.0.0.1",) if rogue else ("elsewhere.school",), now=at)
    with greeter(server, tmp_path) as port:
        done = ask_at(clock, unit, port, trust)
    assert "hello" not in done.stdout
    assert "certificate verify failed" in done.stderr


def test_context_is_older_when_certificate_or_trust_has_changed(unit: UnitBundle) -> None:
    """A connection is outdated by another certificate and by a clock that became trusted, not by one that lost it."""
    trusted = [False]
    tls = TlsFiles(
        authority=unit.data / "identity" / "ca.pem",
        certificate=unit.data / "certificate" / "tls.pem",
        key=unit.data / "identity" / "tls.key",
        is_clock_trusted=lambda: trusted[0],
    )
    before = tls.stamp()
    assert not before.is_older_than(tls.stamp())
    trusted[0] = True
    assert before.is_older_than(tls.stamp())
    assert not tls.stamp().is_older_than(before)
    before = tls.stamp()
    draft = tls.certificate.with_name("new")
    draft.write_bytes(tls.certificate.read_bytes())
    draft.replace(tls.certificate)
    assert before.is_older_than(tls.stamp())
    tls.certificate.unlink()
    assert before.is_older_than(tls.stamp())
    with pytest.raises(FileNotFoundError, match=r"tls\.pem"):
        tls.context()

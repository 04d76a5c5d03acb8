"""The store behind cheroot, over a real socket: bodies are read as they arrive, and connections live on or break."""

import hashlib
import http.client
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from cheroot import wsgi

from controller.uploads.incoming import IncomingStore

DATA = bytes(range(256)) * 4000
PATIENCE_S = 30


class Door:
    """The least WSGI application that appends each request's body to one upload and answers with the offset."""

    def __init__(self, store: IncomingStore) -> None:
        self.store = store
        self.broken = Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        claim = self.store.claim("u1")
        if environ["REQUEST_METHOD"] == "PATCH":
            limit_bytes = claim.upload.length - claim.upload.offset
            claim = self.store.append(claim, environ["wsgi.input"], limit_bytes=limit_bytes)
            if claim.upload.offset < int(environ.get("HTTP_X_UNTIL", 0)):
                self.broken.set()
        start_response("200 OK", [("Content-Length", str(len(str(claim.upload.offset))))])
        return [str(claim.upload.offset).encode()]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    store = IncomingStore(tmp_path)
    store.create("u1", length_bytes=len(DATA))
    return Door(store)


@pytest.fixture
def address(door: Door) -> Iterator[tuple[str, int]]:
    server = wsgi.Server(("127.0.0.1", 0), door, numthreads=4)
    server.prepare()
    thread = Thread(target=server.serve)
    thread.start()
    yield server.bind_addr
    server.stop()
    thread.join(PATIENCE_S)


def ask(connection: http.client.HTTPConnection, method: str, body: Any = None) -> int:
    """Send one request and give the offset in its answer; an iterator as a body is sent in chunks."""
    connection.request(method, "/", body)
    return int(connection.getresponse().read())


def wait_for_bytes(path: Path, size_bytes: int) -> None:
    """Wait until the file is so long, or until the test is given up."""
    deadline_s = time.monotonic() + PATIENCE_S
    while path.stat().st_size < size_bytes and time.monotonic() < deadline_s:
        time.sleep(0.01)


def test_bodies_follow_each_other_on_one_connection(door: Door, address: tuple[str, int]) -> None:
    """Each body ends exactly where it was announced to, so that the next request is read from its first byte."""
    with closing(http.client.HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
        assert ask(connection, "PATCH", DATA[:1]) == 1
        assert ask(connection, "PATCH", b"") == 1
        assert ask(connection, "PATCH", DATA[1:9000]) == 9000
        assert ask(connection, "GET") == 9000
        assert ask(connection, "PATCH", iter([DATA[9000:9100], DATA[9100:20000]])) == 20000
        assert ask(connection, "PATCH", DATA[20000:]) == len(DATA)
    assert door.store.finish("u1").sha256 == hashlib.sha256(DATA).digest()


def test_every_byte_that_arrived_is_there_while_the_body_hangs(tmp_path: Path, address: tuple[str, int]) -> None:
    """No begun block waits to become full: a HEAD during a PATCH that hangs tells all that was sent."""
    with socket.create_connection(address, PATIENCE_S) as hanging:
        hanging.sendall(b"PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + DATA[:12345])
        wait_for_bytes(tmp_path / "u1.part", 12345)
        with closing(http.client.HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
            assert ask(connection, "GET") == 12345


def test_body_that_breaks_off_is_kept_to_its_last_byte(door: Door, address: tuple[str, int]) -> None:
    """A connection that goes away in the middle of a block loses nothing of what came before."""
    with socket.create_connection(address, PATIENCE_S) as breaking:
        request = b"PATCH / HTTP/1.1\r\nHost: x\r\nX-Until: 500000\r\nContent-Length: 500000\r\n\r\n"
        breaking.sendall(request + DATA[:12345])
    assert door.broken.wait(PATIENCE_S)
    assert door.store.offset("u1") == 12345

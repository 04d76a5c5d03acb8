"""The controller's two listeners on cheroot: people, and units with TLS and a required client certificate.

A TLS handshake is done by the worker thread that serves the connection: cheroot itself does it in the thread that
accepts, where one silent connection keeps every other waiting. Each listener has its own threads, so that long uploads
never starve the pages.
"""

from __future__ import annotations

import logging
import resource
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from cheroot import server as cheroot_server
from cheroot import wsgi

from controller.config import Config
from controller.connections import KEY, Connection
from controller.errors import OperatorError
from controller.keys import ROOT_CA
from controller.tls import TlsFiles, WorkerTlsAdapter, make_tls
from protocol.signals import call_when_told_to_end

PEOPLE_THREADS = 24
TIMEOUT_S = 30  # the longest silence inside a request; a slow classroom link pauses, a dead one ends
STOP_S = 5
SWITCH_S = 0.02
"""How long who waits for the interpreter sleeps before asking for it (Python's own: 5 ms). Where a thousand threads
wait, each for a moment, most work would be waking; who holds it lets go by itself, at every read and write."""
LONGEST_PEOPLE_BODY_BYTES = 16 * 1024 * 1024  # cheroot reads what a view left of a body into memory

log = logging.getLogger(__name__)


class WorkerConnection(cheroot_server.HTTPConnection):
    """A connection whose TLS handshake is done by the thread that serves it."""

    def communicate(self) -> bool:
        """Serve the next request; shake hands before the first one."""
        if isinstance(self.socket, ssl.SSLSocket) and not self.ssl_env and not self._shake_hands(self.socket):
            return False
        return bool(super().communicate())  # type: ignore[no-untyped-call]  # so in cheroot's stubs

    def _shake_hands(self, sock: ssl.SSLSocket) -> bool:
        try:
            sock.do_handshake()
        except OSError as error:  # ssl.SSLError is one
            log.info("no TLS with %s: %s", self.remote_addr, error)
            return False
        self.ssl_env = self.server.ssl_adapter.get_environ(sock)
        return True


class _Gateway(wsgi.Gateway_10):
    """Hands a request to the application, together with what may be asked of its connection."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # cheroot's stubs say None
        """Give the WSGI environment of the request."""
        environ: dict[str, Any] = super().get_environ()  # type: ignore[no-untyped-call]
        environ[KEY] = Connection(self._end, self._stop_reading)
        return environ

    def _end(self) -> None:
        self.req.close_connection = True  # cheroot then neither reads away the rest of the body nor keeps the socket

    def _stop_reading(self) -> None:
        with suppress(OSError):  # it is closed already
            socket.socket.shutdown(self.req.conn.socket, socket.SHUT_RD)  # of TCP, also below TLS: wakes who waits


class _Listener(wsgi.Server):
    """cheroot's server, which tells its errors to our log."""

    ConnectionClass = WorkerConnection

    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
        """Log what cheroot has to say; that a link broke is news, and no mistake of ours that wants a traceback."""
        error = sys.exc_info()[1]
        if isinstance(error, ssl.SSLError | ConnectionError | TimeoutError):
            log.info("a connection broke: %s", error)
        else:
            log.log(level, "cheroot: %s", msg, exc_info=traceback)


def make_listener(
    app: Callable[..., Any], host: str, port: int, *, threads: int, tls: WorkerTlsAdapter | None = None
) -> wsgi.Server:
    """Make a listener; it is bound by `prepare` and served by `serve`."""
    listener = _Listener(
        (host, port), app, numthreads=threads, timeout=TIMEOUT_S, shutdown_timeout=STOP_S, request_queue_size=128
    )
    listener.gateway = _Gateway
    listener.keep_alive_conn_limit = 4 * threads  # cheroot's 10 would make most units shake hands for every request
    _allow_files(8 * threads)
    listener.ssl_adapter = tls
    return listener


def _allow_files(count: int) -> None:
    """Let this process open so many files at the same time (sockets are files), as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < count:
        log.warning("this process may open %d files; %d connections of units would want %d", wanted, count // 8, count)


def people_listener(app: Callable[..., Any], config: Config) -> wsgi.Server:
    """Make the people's listener: TLS when there is a certificate, else plain on loopback."""
    people = config.people
    tls = None
    if people.tls_certificate and people.tls_key:
        tls = make_tls(TlsFiles(people.tls_certificate, people.tls_key))
    listener = make_listener(app, people.host, people.port, threads=PEOPLE_THREADS, tls=tls)
    listener.max_request_body_size = LONGEST_PEOPLE_BODY_BYTES
    return listener


def units_listener(app: Callable[..., Any], config: Config) -> wsgi.Server:
    """Make the units' listener: TLS with a required client certificate of the school's, or plain on loopback."""
    keys = config.controller.keys
    tls = None
    if config.units.tls:
        tls = make_tls(TlsFiles(keys / "server.pem", keys / "server.key", clients=keys / ROOT_CA))
    return make_listener(app, config.units.host, config.units.port, threads=config.units.threads, tls=tls)


def serve(listeners: dict[str, wsgi.Server], ready: Callable[[], None], path: Path) -> None:
    """Bind all listeners, say so, and serve until SIGTERM or SIGINT; then let running requests end, and return.

    `listeners` is keyed by table of the configuration at `path`. Raises `OperatorError` when an address cannot be
    listened on or a listener fails; nothing is left running, however it ends.
    """
    sys.setswitchinterval(SWITCH_S)
    stop, failed = threading.Event(), threading.Event()
    call_when_told_to_end(stop.set)
    with ExitStack() as ending:
        for table, listener in listeners.items():
            _bind(listener, f"{path}: [{table}]")
            ending.callback(listener.stop)
        with ThreadPoolExecutor(len(listeners)) as threads, ending.pop_all():
            for listener in listeners.values():
                threads.submit(_serve_one, listener, stop, failed)
            ready()
            stop.wait()
    if failed.is_set():
        raise OperatorError("a listener ended by a mistake of its own; the log says which")


def _bind(listener: wsgi.Server, where: str) -> None:
    host, port = listener.bind_addr
    try:
        listener.prepare()
    except OSError as error:
        raise OperatorError(
            f"{where} host, port: {host}:{port} cannot be listened on: {error}; choose another address or port, or end "
            "the program that holds it (ss -ltnp shows which)"
        ) from None


def _serve_one(listener: wsgi.Server, stop: threading.Event, failed: threading.Event) -> None:
    try:
        listener.serve()
    except Exception:
        log.exception("a listener ended; the controller stops")
        failed.set()
    finally:
        stop.set()

"""TLS of the listeners: contexts made of files, and made anew when the files change: no renewal needs a restart.

A context that cannot be made of what lies there changes nothing: the one before goes on, and the log says why. Decides
nothing about who is let in beyond the chain of a client's certificate.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cheroot.ssl.builtin import BuiltinSSLAdapter

from controller.errors import OperatorError
from controller.live_keys import Stamp, stamp_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TlsFiles:
    """A listener's certificate and key, and whom a client's certificate must chain to; None asks for none."""

    certificate: Path
    key: Path
    clients: Path | None = None

    def make_context(self) -> ssl.SSLContext:
        """Make a context of the files, TLS 1.2 or newer; raise `OperatorError` that names them."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load(context.load_cert_chain, self.certificate, self.key)
        if self.clients:
            _load(context.load_verify_locations, self.clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def stamp(self) -> Stamp:
        """Give what changes when a file does."""
        return tuple(stamp_of(path) for path in (self.certificate, self.key, self.clients) if path)


class WorkerTlsAdapter(BuiltinSSLAdapter):
    """Wraps sockets without a handshake, which the thread that serves them does; always with the newest context."""

    def __init__(self, files: TlsFiles, context: ssl.SSLContext) -> None:
        """Begin with a context that was made of the files."""
        super().__init__(str(files.certificate), str(files.key))
        self._files, self._stamp = files, files.stamp()
        self.context = context  # the one that cheroot makes asks for no client certificate

    def wrap(self, sock: Any) -> tuple[ssl.SSLSocket, dict[str, str]]:
        """Wrap a socket that was accepted; nothing is read from it yet. Called by the accepting thread alone."""
        self._look()
        return self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False), {}

    def _look(self) -> None:
        stamp = self._files.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = self._files.make_context()
        except OperatorError as error:
            log.error("the certificate of before stays in use: %s", error)
        else:
            log.info("%s: the renewed certificate is in use", self._files.certificate)


def make_tls(files: TlsFiles) -> WorkerTlsAdapter:
    """Make a listener's adapter; raise `OperatorError` when the files cannot be used."""
    return WorkerTlsAdapter(files, files.make_context())


def _load(load: Callable[..., None], *files: Path) -> None:
    try:
        load(*files)
    except OSError as error:  # ssl.SSLError is one
        raise OperatorError(
            f"{' and '.join(map(str, files))}: cannot be used for TLS: {error}; see that they exist, can be read by "
            "this user, and belong together"
        ) from None

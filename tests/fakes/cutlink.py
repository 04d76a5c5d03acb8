"""A link that is cut in the middle: a TCP relay on loopback which ends connections after some bytes, and counts that.

It looks into nothing, so that TLS goes through it as it is. Whichever connection brings the last of so many bytes
towards the server as the next of `after_bytes` says is cut there; when there are no more of them the link holds.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

BLOCK_BYTES = 16 * 1024
PATIENCE_S = 20.0


class CutLink:
    """A context manager; `port` is where clients connect to."""

    def __init__(self, server: tuple[str, int], after_bytes: Iterable[int]) -> None:
        self.cuts = 0
        self._server = server
        self._after_bytes = iter(after_bytes)
        self._left = next(self._after_bytes, None)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.1)
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def port(self) -> int:
        """Give the port."""
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ending.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._relay, args=(client,))
                thread.start()
                self._threads.append(thread)

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server, PATIENCE_S) as server:
            client.settimeout(0.2)
            back = threading.Thread(target=self._pass_back, args=(server, client))
            back.start()
            with suppress(ConnectionError):
                self._pass_on(client, server)
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            back.join(PATIENCE_S)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Pass bytes on to the server, and cut both connections when they were enough."""
        while not self._ending.is_set():
            try:
                block = client.recv(BLOCK_BYTES)
            except TimeoutError:
                continue
            if not block:
                return
            passes = self._let_pass(len(block))
            server.sendall(block[:passes])
            if passes < len(block):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return

    def _let_pass(self, count: int) -> int:
        """Tell how many of so many bytes go through; fewer when the link is cut among them."""
        with self._lock:
            if self._left is None or count <= self._left:
                self._left = None if self._left is None else self._left - count
                return count
            passes, self._left = self._left, next(self._after_bytes, None)
            self.cuts += 1
            return passes

    def _pass_back(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while block := server.recv(BLOCK_BYTES):
                client.sendall(block)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)

"""A tiny TCP proxy: the link between a unit and the controller, which a test can count, cut, stall and take away.

It looks into nothing (what passes is TLS). Each connection has two threads of its own; all of them end with the wire.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

BLOCK_BYTES = 16 * 1024
RESET = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST, as a link that vanishes does


@dataclass(frozen=True)
class Fate:
    """What becomes of a connection: so many bytes go up, then it is cut, or (`stalls`) silent until someone leaves."""

    after_bytes: int | None = None
    stalls: bool = False


LASTING = Fate()


class Wire:
    """Listens on a port of its own and carries everything to `target`; `up_bytes` counts what the unit sent.

    `source` is the address from which the controller sees the unit come.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.up_bytes = 0
        self.cuts = 0
        self.is_down = False
        self.source = "127.0.0.1"
        self._next_fate: Callable[[], Fate] = lambda: LASTING
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, name="wire", daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def disturb(self, next_fate: Callable[[], Fate]) -> None:
        """Ask `next_fate` for the fate of each connection from now on; those that stand are cut."""
        self._next_fate = next_fate
        self.cut()

    def mend(self) -> None:
        """Let connections last."""
        self.disturb(lambda: LASTING)

    def cut(self) -> None:
        """Cut all connections that stand."""
        with self._lock:
            standing = list(self._open)
        for each in standing:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the port and of every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)
        self._listener.close()
        self.cut()
        for thread in self._threads[1:]:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                unit, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._carry, args=(unit, self._next_fate()), name="wire", daemon=True)
            self._threads = [self._threads[0], *(each for each in self._threads[1:] if each.is_alive()), thread]
            thread.start()

    def _carry(self, unit: socket.socket, fate: Fate) -> None:
        with unit:
            if self.is_down:
                unit.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            try:
                there = ("127.0.0.1", self._target)
                controller = socket.create_connection(there, timeout=5, source_address=(self.source, 0))
            except OSError:
                return
            controller.settimeout(None)
            with controller:
                self._join(unit, controller, fate)

    def _join(self, unit: socket.socket, controller: socket.socket, fate: Fate) -> None:
        with self._lock:
            self._open |= {unit, controller}
        down = threading.Thread(target=_pump_down, args=(controller, unit), name="wire", daemon=True)
        down.start()
        try:
            self._pump_up(unit, controller, fate)
        finally:
            for end in (unit, controller):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            down.join(5)
            with self._lock:
                self._open -= {unit, controller}

    def _pump_up(self, unit: socket.socket, controller: socket.socket, fate: Fate) -> None:
        left = fate.after_bytes
        with suppress(OSError):
            while left is None or left > 0:
                block = unit.recv(BLOCK_BYTES if left is None else min(left, BLOCK_BYTES))
                if not block:
                    return
                controller.sendall(block)
                self.up_bytes += len(block)
                left = None if left is None else left - len(block)
            self.cuts += 1
            if fate.stalls:
                _wait_until_somebody_leaves(unit)
            unit.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def _wait_until_somebody_leaves(unit: socket.socket) -> None:
    """Take what comes and carry nothing on."""
    while unit.recv(BLOCK_BYTES):
        pass


def _pump_down(controller: socket.socket, unit: socket.socket) -> None:
    with suppress(OSError):
        while block := controller.recv(BLOCK_BYTES):
            unit.sendall(block)
    with suppress(OSError):
        unit.shutdown(socket.SHUT_RDWR)

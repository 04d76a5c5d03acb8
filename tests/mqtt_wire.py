"""MQTT 3.1.1 over TLS, spoken by hand: a client that may break every rule, for tests that attack the broker.

It has no limits, no queue and no manners: what it is told to send goes out as it is. Packets are those of the OASIS
standard, section 3. `settle` waits until the broker has worked through everything that was sent before.
"""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

TIMEOUT_S = 20.0
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13
GRANTED = 0


class Heard(NamedTuple):
    """A message that the broker delivered."""

    topic: str
    payload: bytes
    retain: bool


class Will(NamedTuple):
    """What the broker shall say when the connection breaks."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(frozen=True, kw_only=True)
class Papers:
    """What a client shows, and whom it trusts."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Make the client's TLS context."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.authority))
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return len(data).to_bytes(2, "big") + data


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    length, left = b"", len(body)
    while True:
        left, low = divmod(left, 128)
        length += bytes([low | (0x80 if left else 0)])
        if not left:
            return bytes([kind << 4 | flags]) + length + body


@dataclass
class Wire:
    """One connection. `heard` is what was delivered, `answers` counts the other packets by their type."""

    socket: socket.socket
    heard: list[Heard] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.drop()

    def connect(self, client: str, *, will: Will | None = None, clean: int = 1) -> int:
        """Say CONNECT and give the return code; when the broker hangs up, close and raise `OSError`."""
        flags = clean << 1
        payload = _text(client)
        if will:
            flags |= 0x04 | 0x08 | (0x20 if will.retain else 0)
            payload += _text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload
        try:
            self.send(_packet(CONNECT, 0, _text("MQTT") + bytes([4, flags, 0, 60]) + payload))
            return self._await(CONNACK)[1]
        except OSError:
            self.drop()
            raise

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: int = 0) -> None:
        """Say PUBLISH; whatever the broker answers is only counted."""
        number = b"\x00\x01" if qos else b""
        self.send(_packet(PUBLISH, qos << 1 | retain, _text(topic) + number + payload))

    def subscribe(self, *filters: str) -> None:
        """Say SUBSCRIBE at QoS 0; that it is granted means nothing."""
        body = b"\x00\x02" + b"".join(_text(each) + b"\x00" for each in filters)
        self.send(_packet(SUBSCRIBE, 2, body))

    def settle(self) -> None:
        """Ask for a sign of life, and take in everything that the broker says before it."""
        self.send(_packet(PINGREQ, 0, b""))
        self._await(PINGRESP)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def is_closed(self, within_s: float) -> bool:
        """Tell whether the broker hangs up within that time; what it delivers until then is taken in."""
        self.socket.settimeout(within_s)
        try:
            while True:
                self._take()
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT_S)

    def drop(self) -> None:
        """Break the connection without a word."""
        self.socket.close()

    def _await(self, kind: int) -> bytes:
        while True:
            found, body = self._take()
            if found == kind:
                return body

    def _take(self) -> tuple[int, bytes]:
        head = self._read(1)[0]
        length = shift = 0
        while True:
            (byte,) = self._read(1)
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        body = self._read(length)
        if head >> 4 == PUBLISH:
            self._note(head, body)
        else:
            self.answers[head >> 4] += 1
        return head >> 4, body

    def _note(self, head: int, body: bytes) -> None:
        size = int.from_bytes(body[:2], "big")
        start = 2 + size + (2 if head & 0x06 else 0)
        self.heard.append(Heard(body[2 : 2 + size].decode(), body[start:], bool(head & 1)))
        if head & 0x06:
            self.send(_packet(PUBACK, 0, body[2 + size : start]))

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionResetError("the broker hung up")
            data += more
        return data


def dial(
    port: int, papers: Papers, *, context: ssl.SSLContext | None = None, session: ssl.SSLSession | None = None
) -> Wire:
    """Open TLS to a broker on loopback, or resume a session; raise `OSError` when it does not want to."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    try:
        tls = context or papers.context()
        return Wire(tls.wrap_socket(plain, server_hostname="127.0.0.1", session=session))
    except BaseException:
        plain.close()
        raise


def dial_plain(port: int) -> Wire:
    """Open a connection without TLS to a broker on loopback."""
    return Wire(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S))

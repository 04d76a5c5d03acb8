"""The textual header of an age file: parse it strictly, encode it, and check its MAC.

Knows stanzas by form only, never what their types mean (that is for the identities), and touches no payload.
Defined by C2SP age.md ("Header") and docs/protocol/envelope.md.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from protocol.envelope.base64text import encode_raw, parse_raw
from protocol.envelope.derive import derive_key
from protocol.envelope.errors import HeaderError, HeaderMacError, HeaderTruncatedError

FILE_KEY_BYTES = 16
HEADER_LIMIT_BYTES = 1 << 20
"""Not of the specification: a header that never ends must not fill the memory (this is some 600 hybrid stanzas)."""

_MAGIC = b"age-encryption.org/"
_VERSION_LINE = _MAGIC + b"v1"
_COLUMNS = 64
_MAC_BYTES = 32
_END_LINE_TAIL = len(b" ") + 43 + len(b"\n")


@dataclass(frozen=True)
class Stanza:
    """One wrapping of the file key: its type and further arguments, and the wrapped bytes."""

    arguments: tuple[str, ...]
    body: bytes

    @property
    def type(self) -> str:
        """The first argument, which says whose stanza this is."""
        return self.arguments[0]


@dataclass(frozen=True)
class Header:
    """A well-formed header; `raw` are its bytes exactly, from the version line to the end of the MAC line."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    raw: bytes

    def verify_mac(self, file_key: bytes) -> None:
        """Raise HeaderMacError unless the header was made by someone who knows the file key."""
        if not hmac.compare_digest(_compute_mac(file_key, self.raw[:-_END_LINE_TAIL]), self.mac):
            raise HeaderMacError


def encode_header(stanzas: Iterable[Stanza], file_key: bytes) -> bytes:
    """The bytes of a header with these stanzas, its MAC made with the file key."""
    covered = b"".join([_VERSION_LINE, b"\n", *map(_encode_stanza, stanzas), b"---"])
    return covered + b" " + encode_raw(_compute_mac(file_key, covered)) + b"\n"


def parse_header(data: bytes) -> Header:
    """The header that `data` consists of; raises HeaderError when it is malformed, cut short, or followed by more."""
    parser = HeaderParser()
    header = parser.feed(data)
    if header is None:
        parser.raise_truncated()
    if parser.rest:
        raise HeaderError(f"expected nothing after the header's {len(header.raw)} bytes, got {len(parser.rest)} more")
    return header


def _compute_mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(derive_key(file_key, salt=b"", info=b"header"), covered, "sha256")


def _encode_stanza(stanza: Stanza) -> bytes:
    body = encode_raw(stanza.body)
    # A body always ends with a line shorter than 64 columns, if need be an empty one.
    lines = [body[at : at + _COLUMNS] for at in range(0, len(body) + 1, _COLUMNS)]
    return b"\n".join([f"-> {' '.join(stanza.arguments)}".encode("ascii"), *lines, b""])


class HeaderParser:
    """Reads a header from bytes as they come; `rest` is what came after it."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._line_start = 0
        self._line_number = 0
        self._stanzas: list[Stanza] = []
        self._arguments: tuple[str, ...] = ()
        self._body: list[bytes] = []
        self._header: Header | None = None

    @property
    def rest(self) -> bytes:
        """The bytes after the header, or of the line that is not complete yet."""
        return bytes(self._data[self._line_start :])

    def feed(self, data: bytes) -> Header | None:
        """Take more bytes: the header once it is complete, else None; raises HeaderError at the first broken line."""
        self._data += data
        while self._header is None:
            end = self._data.find(b"\n", self._line_start)
            if end < 0:
                self._check_unfinished_line()
                break
            line = bytes(self._data[self._line_start : end])
            self._line_start, self._line_number = end + 1, self._line_number + 1
            self._take_line(line)
        return self._header

    def raise_truncated(self) -> NoReturn:
        """Raise HeaderTruncatedError for a file that ended here."""
        raise HeaderTruncatedError(
            f"the file ends inside its age header, after {len(self._data)} bytes and {self._line_number} whole lines: "
            "nothing in it can be opened"
        )

    def _check_unfinished_line(self) -> None:
        if self._line_number == 0 and not (_VERSION_LINE + b"\n").startswith(self._data):
            self._take_version(bytes(self._data))
        if len(self._data) > HEADER_LIMIT_BYTES:
            raise HeaderError(f"expected the age header to end within {HEADER_LIMIT_BYTES} bytes")

    def _take_line(self, line: bytes) -> None:
        if self._line_number == 1:
            self._take_version(line)
        elif self._arguments:
            self._take_body(line)
        elif line.startswith(b"-> "):
            self._arguments = self._parse_arguments(line[3:])
        elif line.startswith(b"---"):
            self._take_end(line)
        else:
            self._fail("expected a stanza ('-> ') or the end ('---')", line)

    def _take_version(self, line: bytes) -> None:
        if not line.startswith(_MAGIC):
            raise HeaderError(f"this is not an age file: expected it to begin with {_show(_MAGIC)}, got {_show(line)}")
        if line != _VERSION_LINE:
            raise HeaderError(f"expected version v1 of the age format, got {_show(line[len(_MAGIC) :])}")

    def _parse_arguments(self, text: bytes) -> tuple[str, ...]:
        arguments = text.split(b" ")
        if not all(argument and all(0x21 <= code <= 0x7E for code in argument) for argument in arguments):
            self._fail("expected arguments of visible ASCII characters, with one space between them", text)
        return tuple(argument.decode("ascii") for argument in arguments)

    def _take_body(self, line: bytes) -> None:
        if len(line) > _COLUMNS:
            self._fail(f"expected a stanza's body in lines of at most {_COLUMNS} columns, got {len(line)}", line)
        self._body.append(line)
        if len(line) == _COLUMNS:
            return
        body = self._parse_base64(b"".join(self._body), what="stanza's body")
        self._stanzas.append(Stanza(self._arguments, body))
        self._arguments, self._body = (), []

    def _take_end(self, line: bytes) -> None:
        if not line.startswith(b"--- "):
            self._fail("expected one space and the MAC after '---'", line)
        if not self._stanzas:
            self._fail("expected at least one stanza before the end", line)
        mac = self._parse_base64(line[4:], what="MAC")
        if len(mac) != _MAC_BYTES:
            self._fail(f"expected a MAC of {_MAC_BYTES} bytes, got {len(mac)}", line)
        self._header = Header(tuple(self._stanzas), mac, bytes(self._data[: self._line_start]))

    def _parse_base64(self, text: bytes, *, what: str) -> bytes:
        try:
            return parse_raw(text)
        except ValueError as error:
            raise HeaderError(f"age header, line {self._line_number}: the {what} is malformed: {error}") from error

    def _fail(self, expected: str, line: bytes) -> NoReturn:
        raise HeaderError(f"age header, line {self._line_number}: {expected}, got {_show(line)}")


def _show(line: bytes) -> str:
    """A line for a message: printable, and short."""
    return repr(line[:40])[1:] + ("…" if len(line) > 40 else "")

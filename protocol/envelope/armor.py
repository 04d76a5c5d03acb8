"""ASCII armor, on the reading side only: Backrow opens armored files and makes none.

Strict: nothing but whitespace around the armor, full lines, canonical base64; LF and CRLF both end a line.
Defined by C2SP age.md ("ASCII armor") and RFC 7468 section 3.
"""

from collections import deque

from protocol.envelope.base64text import parse_padded
from protocol.envelope.errors import ArmorError, ArmorTruncatedError
from protocol.envelope.source import ByteSource

BEGIN_LINE = b"-----BEGIN AGE ENCRYPTED FILE-----"
END_LINE = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_WHITESPACE = b" \t\r\n"
_LEADING_LIMIT_BYTES = 1024
_BLOCK_BYTES = 16 * 1024


def unarmor(source: ByteSource) -> ByteSource:
    """The binary content of `source`: decoded when it begins like armor, itself when it does not."""
    start = source.read(_LEADING_LIMIT_BYTES)
    source.push_back(start)
    if start.lstrip(_WHITESPACE).startswith(BEGIN_LINE[:11]):
        return ByteSource(ArmorReader(source))
    return source


class ArmorReader:
    """The decoded bytes of armor; raises ArmorError where the armor breaks a rule, after what came before it."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._lines: deque[bytes] = deque()
        self._unended = b""
        self._line_number = 0
        self._decoded = bytearray()
        self._ended = False
        self._short_line_seen = False
        self._fault: ArmorError | OSError | None = None

    def read(self, size: int, /) -> bytes:
        """At most `size` decoded bytes, none at the end of the armor."""
        while not (self._decoded or self._ended):
            if self._fault is not None:
                raise self._fault
            self._read_block()
        part = bytes(self._decoded[:size])
        del self._decoded[:size]
        return part

    def _read_block(self) -> None:
        """Decode a block of lines; one that is wrong is kept as the fault until what was decoded has been given."""
        try:
            if self._line_number == 0:
                self._read_begin()
            for _ in range(_BLOCK_BYTES // _COLUMNS):
                self._read_line()
                if self._ended:
                    break
        except (ArmorError, OSError) as error:
            self._fault = error

    def _read_begin(self) -> None:
        self._add_text(self._source.read(_LEADING_LIMIT_BYTES).lstrip(_WHITESPACE))
        line = self._next_line()
        if line != BEGIN_LINE:
            shown = "nothing" if line is None else repr(line[:40])
            raise ArmorError(f"expected armor to begin with {BEGIN_LINE.decode()}, got {shown}")

    def _read_line(self) -> None:
        line = self._next_line()
        if line is None:
            raise ArmorTruncatedError(f"the armor ends after line {self._line_number} without {END_LINE.decode()}")
        if line == END_LINE:
            self._read_end()
        else:
            self._decoded += self._decode(line)

    def _decode(self, line: bytes) -> bytes:
        if self._short_line_seen or not 0 < len(line) <= _COLUMNS:
            raise ArmorError(
                f"armor, line {self._line_number}: expected lines of {_COLUMNS} columns, "
                f"a shorter one last and then {END_LINE.decode()}, got {line[:70]!r}"
            )
        self._short_line_seen = len(line) < _COLUMNS or line.endswith(b"=")
        try:
            return parse_padded(line)
        except ValueError as error:
            raise ArmorError(f"armor, line {self._line_number}: {error}") from error

    def _read_end(self) -> None:
        text = b"\n".join([*self._lines, self._unended])
        while not text.strip(_WHITESPACE):
            text = self._source.read_some(_BLOCK_BYTES)
            if not text:
                self._source.raise_fault()
                self._ended = True
                return
        raise ArmorError(f"armor: expected nothing after its END line, got {text.strip()[:40]!r}")

    def _next_line(self) -> bytes | None:
        """The next line without its ending, or None when the text ends instead."""
        while not self._lines and len(self._unended) <= _BLOCK_BYTES:
            text = self._source.read_some(_BLOCK_BYTES)
            if not text:
                return self._last_line()
            self._add_text(text)
        self._line_number += 1
        return self._lines.popleft().removesuffix(b"\r") if self._lines else self._unended

    def _last_line(self) -> bytes | None:
        self._source.raise_fault()
        line, self._unended = self._unended, b""
        # A line that the file's end cut off is no broken line, unless it is the END line, which may lack its newline.
        return line if line in (END_LINE, END_LINE + b"\r") else None

    def _add_text(self, text: bytes) -> None:
        *lines, self._unended = (self._unended + text).split(b"\n")
        self._lines.extend(lines)

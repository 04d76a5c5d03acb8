"""The manifest of a recording: signed, hash-chained lines that the recorder writes and everybody can check.

Each line is a signed line (protocol.signing) of the recorder's own key; it names the SHA-256 of the line before it, so
that gaps, forks, reordering and truncation show. `opened` names the digest of a segment's age header before any of its
media is written; whatever whole chunks stand behind that header later are provably the recorder's. Defined in
docs/protocol/manifest.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.contents import (
    KINDS,
    Begun,
    Closed,
    CloseReason,
    Content,
    Event,
    EventName,
    FragmentEntry,
    Moment,
    Opened,
    Recovered,
    Sealed,
    Sound,
    SoundVerdict,
)
from protocol.errors import ProtocolError
from protocol.signing import SigningKey, VerifyingKey, sign_line, verify_line

__all__ = [
    "DOMAIN",
    "KEY_INDEX",
    "NO_LINE",
    "TICKS_PER_SECOND",
    "Begun",
    "CloseReason",
    "Closed",
    "Content",
    "Event",
    "EventName",
    "ForkError",
    "FragmentEntry",
    "Line",
    "Manifest",
    "ManifestError",
    "Moment",
    "Opened",
    "Recovered",
    "Sealed",
    "Segment",
    "Sound",
    "SoundVerdict",
    "digest_of",
    "parse_lines",
    "parse_manifest",
    "require_extension",
    "sign_content",
    "whole_lines",
]

DOMAIN = "manifest"
NO_LINE = "0" * 64
KEY_INDEX = 0  # `key.age`; segments count from 1
TICKS_PER_SECOND = 90_000


class ManifestError(ProtocolError):
    """A manifest breaks its chain or its grammar."""


class ForkError(ManifestError):
    """Two manifests of one recording disagree about a line that both hold."""


def digest_of(data: bytes) -> str:
    """Give the SHA-256 of some bytes in hexadecimal, the form of every digest in a manifest."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Line:
    """One verified line: its place, its content, when it was written, and the digest of its bytes."""

    number: int
    previous: str
    content: Content
    moment: Moment
    digest: str = field(compare=False)


def sign_content(content: Content, *, moment: Moment, number: int, previous: str, key: SigningKey) -> bytes:
    """Encode and sign one line: `number` counts from 0, `previous` is the digest of the line before (or `NO_LINE`)."""
    body = {"line": content.LINE, "n": number, "prev": previous, "at": encode_record(moment)}
    return sign_line(encode_canonical({**encode_record(content), **body}), domain=DOMAIN, key=key)


def parse_lines(data: bytes, key: VerifyingKey) -> Iterator[Line]:
    """Verify line by line: signature, place and chain; raise `ManifestError`, `SignatureError` or `CodecError`."""
    previous = NO_LINE
    for number, raw in enumerate(data.splitlines(keepends=True)):
        line = _parse_line(raw, key, number)
        if (line.number, line.previous) != (number, previous):
            raise ManifestError(
                f"manifest line {number}: expected number {number} after {previous[:12]}…, "
                f"got number {line.number} after {line.previous[:12]}…: a line is missing, moved or replaced"
            )
        previous = line.digest
        yield line


def _parse_line(raw: bytes, key: VerifyingKey, number: int) -> Line:
    what = f"manifest line {number}"
    fields = parse_canonical(verify_line(raw, domain=DOMAIN, keys=(key,), what=what), what)
    kind = KINDS.get(str(fields.pop("line", None)))
    if kind is None:
        raise ManifestError(f"{what}.line: expected one of {sorted(KINDS)}")
    place = parse_record(_Place, {name: fields.pop(name) for name in ("n", "prev", "at") if name in fields}, what)
    content = parse_record(kind, fields, what)
    return Line(number=place.n, previous=place.prev, content=content, moment=place.at, digest=digest_of(raw))


@dataclass(frozen=True, kw_only=True)
class _Place:
    n: int
    prev: str
    at: Moment


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A segment as the manifest tells it: how it was opened, and how it ended (None while it is being written)."""

    opened: Opened
    ended: Sealed | Recovered | None
    moment: Moment

    @property
    def index(self) -> int:
        """Give the segment's place in the recording, from 1."""
        return self.opened.index


def _tells_time_of(moment: Moment, earlier: Moment) -> bool:
    return moment.wall_trusted and moment.boot == earlier.boot


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A verified manifest, whole or as far as it has been written."""

    lines: tuple[Line, ...]
    begun: Begun
    segments: tuple[Segment, ...]
    closed: Closed | None

    @property
    def head(self) -> str:
        """Give the digest of the last line."""
        return self.lines[-1].digest

    @property
    def began(self) -> Moment:
        """Give the moment of the press."""
        return self.lines[0].moment

    @property
    def began_at(self) -> datetime:
        """Give when the press was; a clock that was set later in the same boot mends a time that nobody could trust."""
        began = self.began
        later = next((each.moment for each in self.lines if _tells_time_of(each.moment, began)), began)
        return later.wall_at - timedelta(milliseconds=later.monotonic_ms - began.monotonic_ms)

    @property
    def events(self) -> tuple[Line, ...]:
        """Give the lines that hold events, in order."""
        return tuple(line for line in self.lines if isinstance(line.content, Event))

    @property
    def discarded(self) -> bool:
        """Tell whether the teacher discarded the recording and did not take that back.

        Only a line that stands after `closed` can take a discard back (the grammar refuses one before it).
        """
        names = {line.content.name for line in self.events if isinstance(line.content, Event)}
        discarded = self.closed is not None and self.closed.reason is CloseReason.DISCARDED
        return discarded and EventName.UNDISCARD not in names

    def expected(self, index: int) -> tuple[str, int] | None:
        """Give digest and length of an object (0 is `key.age`), or None while the manifest does not name it."""
        if index == KEY_INDEX:
            return self.begun.key_digest, self.begun.key_bytes
        ended = self.segments[index - 1].ended if 0 < index <= len(self.segments) else None
        return (ended.digest, ended.size_bytes) if ended else None

    def objects(self) -> tuple[int, ...]:
        """Give the indexes of all objects that can be delivered now, `key.age` first."""
        return (KEY_INDEX, *(segment.index for segment in self.segments if segment.ended))


def parse_manifest(data: bytes, key: VerifyingKey) -> Manifest:
    """Verify a manifest that `key`, the recorder's own, signed; raise a `ProtocolError` that names the line."""
    if data and not data.endswith(b"\n"):
        raise ManifestError("manifest: the last line is cut off; send the manifest up to its last line feed")
    lines = tuple(parse_lines(data, key))
    if not lines or not isinstance(lines[0].content, Begun):
        raise ManifestError("manifest line 0: expected 'begun'")
    grammar = _Grammar()
    for line in lines[1:]:
        grammar.take(line)
    return Manifest(lines=lines, begun=lines[0].content, segments=tuple(grammar.segments), closed=grammar.closed)


class _Grammar:
    """Which line may follow which: segments open one after the other and end at most once; `closed` ends them."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.closed: Closed | None = None

    def take(self, line: Line) -> None:
        content = line.content
        if isinstance(content, Event):
            self._note(line, content)
            return
        if self.closed or isinstance(content, Begun):
            raise ManifestError(f"manifest line {line.number}: {content.LINE!r} cannot stand here")
        if isinstance(content, Opened):
            self._open(line, content)
        elif isinstance(content, Closed):
            self._close(line, content)
        else:
            self._end(line, content)

    def _note(self, line: Line, event: Event) -> None:
        discarded = self.closed is not None and self.closed.reason is CloseReason.DISCARDED
        if event.name is EventName.UNDISCARD and not discarded:
            raise ManifestError(f"manifest line {line.number}: 'undiscard' stands only after a discard")

    def _open(self, line: Line, opened: Opened) -> None:
        last = self.segments[-1] if self.segments else None
        expected, takes = len(self.segments) + 1, _takes_after(last)
        if opened.index != expected or (last and not last.ended) or opened.take not in takes:
            raise ManifestError(
                f"manifest line {line.number}: segment {opened.index} of take {opened.take} opened, expected segment "
                f"{expected} of take {' or '.join(map(str, takes))}, after the one before has ended"
            )
        self.segments.append(Segment(opened=opened, ended=None, moment=line.moment))

    def _end(self, line: Line, ended: Sealed | Recovered) -> None:
        last = self.segments[-1] if self.segments else None
        if last is None or last.ended or last.index != ended.index:
            raise ManifestError(f"manifest line {line.number}: segment {ended.index} ends but is not open")
        self.segments[-1] = Segment(opened=last.opened, ended=ended, moment=last.moment)

    def _close(self, line: Line, closed: Closed) -> None:
        if closed.segments != len(self.segments) or (self.segments and not self.segments[-1].ended):
            raise ManifestError(
                f"manifest line {line.number}: closed with {closed.segments} segments, the lines before hold "
                f"{len(self.segments)}{'' if not self.segments or self.segments[-1].ended else ', the last one open'}"
            )
        self.closed = closed


def _takes_after(last: Segment | None) -> tuple[int, ...]:
    """Give the takes to which the next segment may belong: a segment that was cut off ended its take."""
    if last is None:
        return (1,)
    take = last.opened.take
    return (take + 1,) if isinstance(last.ended, Recovered) else (take, take + 1)


def whole_lines(data: bytes) -> bytes:
    """Give a manifest that is still being written up to its last line feed: a line after it is not durable yet."""
    return data[: data.rfind(b"\n") + 1]


def require_extension(held: bytes, arrived: bytes, recording: str) -> None:
    """Raise `ForkError` unless one manifest of `recording` is the beginning of the other, byte for byte."""
    shorter = min(len(held), len(arrived))
    if held[:shorter] != arrived[:shorter]:
        raise ForkError(
            f"recording {recording}: the manifest that arrived differs from the one held within the first {shorter} "
            "bytes; a recorder only ever appends, so one of the two was not written by it"
        )

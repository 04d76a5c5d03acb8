"""Writes what waits on the unit onto a stick, as one sealed stream: never in the clear, and never a copy on the card.

Reads the spool as a guest, and erases nothing there. What does not match its manifest stays. An export that was begun
before is begun again. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from device.identity import DocumentStore
from device.stick.note import StickRefused
from device.stick.parts import PartsWriter
from device.stick.plan import LEAST_ROOM_BYTES, Cargo, Load, pick_epoch, plan_load, waiting_indexes
from device.uploads.parcel import Parcel, SpoolFileError
from device.uploads.spooled import Spool
from protocol.documents import Recipients
from protocol.durable import Files
from protocol.envelope import Recipient, SealingWriter, parse_recipient
from protocol.epochs import LIMIT_BYTES
from protocol.stick import (
    MIB,
    MOST_BYTES,
    RECORD_BYTES,
    Head,
    Kind,
    Way,
    content_that_fits,
    padding_bytes,
    record_header,
)
from protocol.stick_folder import StickFolder
from protocol.words import mark

KEPT_FREE_BYTES = 64 * MIB
"""What stays free on the stick: for the school's answer, the note, and the file system's own rounding."""
BLOCK_BYTES = MIB
SIGNATURES_DIFFER_BYTES = 16  # in DER, by a few bytes from one to the next; and `false` is longer than `true`
_ZEROS = bytes(BLOCK_BYTES)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """How an export ended. `everything`: all that waits is on the stick. `damaged`: something cannot be read here."""

    everything: bool
    damaged: bool


@dataclass(frozen=True, kw_only=True)
class Source:
    """What of the unit goes onto a stick; `sign` writes and signs the head."""

    spool: Spool
    store: DocumentStore
    statement: Path
    known_at: datetime
    head: Head
    sign: Callable[[Head], bytes]


class Exporter:
    """One export of a unit onto a stick."""

    def __init__(self, source: Source, folder: StickFolder, files: Files, *, room_bytes: Callable[[], int]) -> None:
        self._source = source
        self._folder = folder
        self._files = files
        self._room_bytes = room_bytes
        self._damaged = False

    def run(self) -> Exported:
        """Write the export; raise `StickRefused`, `OSError` when stick or card refuses, and a `ProtocolError`."""
        recipient = self._pick_recipient()
        self._folder.make(self._files)
        self._folder.clear(self._files)
        statement = _read_statement(self._source.statement)
        load = self._plan(statement)
        sink = PartsWriter(self._folder, self._files)
        try:
            content = _Content(SealingWriter(sink, [recipient]))
            self._write(content, load, statement)
            content.finish(load.whole_bytes)
            sink.finish()
        finally:
            sink.close()
        return Exported(everything=load.everything, damaged=self._damaged)

    def _pick_recipient(self) -> Recipient:
        """Take the list also when its end has passed: what waits must reach the school all the same."""
        held = self._source.store.load_whatever_its_end(Recipients)
        if held.document is None or not held.document.epochs:
            raise StickRefused(mark("The unit holds no list of the school's keys to seal to (state/recipients)."))
        return parse_recipient(pick_epoch(held.document.epochs, self._source.known_at).recipient)

    def _plan(self, statement: bytes) -> Load:
        room = content_that_fits(self._room_bytes() - KEPT_FREE_BYTES)
        if room < LEAST_ROOM_BYTES:
            least = (LEAST_ROOM_BYTES + KEPT_FREE_BYTES) // MIB
            words = mark("The stick is too full or too small: %(least)s MiB must be free; a lesson has about 700.")
            raise StickRefused(words, least=least)
        head = len(self._source.sign(self._source.head)) + SIGNATURES_DIFFER_BYTES
        fixed = len(Way.TO_SCHOOL.value) + 2 * RECORD_BYTES + head + len(statement)
        return plan_load(self._waiting(), fixed_bytes=fixed, room_bytes=room)

    def _waiting(self) -> Iterator[Cargo]:
        look = self._source.spool.look()
        self._damaged = self._damaged or bool(look.unreadable)
        for recording in look.recordings:
            receipt = self._source.store.load_receipt(recording.recording, self._source.known_at).document
            if recording.is_covered_by(receipt):
                continue
            size = len(self._source.spool.manifest_bytes(recording))
            if size > MOST_BYTES[Kind.MANIFEST]:
                self._damaged = True
                continue
            yield Cargo(recording=recording, manifest_bytes=size, indexes=waiting_indexes(recording, receipt))

    def _write(self, content: _Content, load: Load, statement: bytes) -> None:
        content.put(Kind.HEAD, self._source.sign(replace(self._source.head, everything=load.everything)))
        if statement:
            content.put(Kind.STATEMENT, statement)
        for cargo in load.cargo:
            self._write_recording(content, cargo)

    def _write_recording(self, content: _Content, cargo: Cargo) -> None:
        content.put(Kind.MANIFEST, self._source.spool.manifest_bytes(cargo.recording))
        for index in cargo.indexes:
            named, name = cargo.recording.find(index), cargo.recording.recording
            path = self._source.spool.object_path(name, index)
            parcel = Parcel(recording=name, index=index, path=path, digest=named.digest, size_bytes=named.size_bytes)
            try:
                parcel.check()
                file = parcel.open()
            except SpoolFileError as error:
                log.debug("left on the card: %s", error)  # it names a recording
                self._damaged = True
                continue
            with file:
                content.put_from(file, index, named.size_bytes)


class _Content:
    """The records of an export, on their way into the seal."""

    def __init__(self, writer: SealingWriter) -> None:
        self._writer = writer
        self._written = 0
        self._send(Way.TO_SCHOOL.value)

    def put(self, kind: Kind, body: bytes) -> None:
        """Write a whole record."""
        self._send(record_header(kind, len(body)) + body)

    def put_from(self, file: io.BufferedReader, index: int, size_bytes: int) -> None:
        """Write an object out of its file; raise `OSError` when that ends too early, for the record was announced."""
        self._send(record_header(Kind.OBJECT, size_bytes, index))
        left = size_bytes
        while left:
            block = file.read(min(left, BLOCK_BYTES))
            if not block:
                raise OSError(f"{Path(file.name).name}: it became shorter while it was read")
            self._send(block)
            left -= len(block)

    def finish(self, whole_bytes: int) -> None:
        """Pad, end, and make it durable."""
        padding = padding_bytes(self._written, whole_bytes)
        self._send(record_header(Kind.PADDING, padding))
        for _ in range(padding // BLOCK_BYTES):
            self._send(_ZEROS)
        self._send(_ZEROS[: padding % BLOCK_BYTES])
        self._send(record_header(Kind.END, 0))
        self._writer.finish()

    def _send(self, data: bytes) -> None:
        self._writer.write(data)
        self._written += len(data)


def free_bytes(folder: Path) -> int:
    """Tell how much can still be written where a folder lies; raise `OSError`."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _read_statement(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT_BYTES)
    except FileNotFoundError:
        return b""

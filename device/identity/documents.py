"""The unit's store of signed documents in `state/`: verified before they are kept, and again whenever they are used.

One file a stream holds the newest line; an older one, a fork and one for another unit are refused. A held file that no
longer verifies counts as absent, with the reason, and never stops the unit. Whether a document still holds is asked
when it is used, not when it arrives: the clock may be wrong by then or now. Defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

from protocol.commands import Command, Task
from protocol.documents import (
    Document,
    Keyring,
    Lease,
    Policy,
    Purpose,
    Receipt,
    Recipients,
    Trust,
    Undo,
    Withdrawal,
    require_current,
    verify_document,
)
from protocol.durable import PRIVATE, SHARED, Files, replace_file
from protocol.errors import ProtocolError
from protocol.ids import is_id, parse_id
from protocol.messages import Verdict
from protocol.schedule import Schedule
from protocol.signing import VerifyingKey
from protocol.succession import Standing, compare_documents

Kind = TypeVar("Kind", bound=Document)
OF_A_UNIT: tuple[type[Document], ...] = (Keyring, Recipients, Policy, Withdrawal, Lease, Schedule)
FOLDERS: dict[type[Document], str] = {Receipt: "receipts", Undo: "undo"}
COMMANDS = "commands"
REMEMBERED = 128
"""How many verified lines are remembered: a week of lessons has fewer."""
DOCUMENTS: dict[str, type[Document]] = {kind.KIND: kind for kind in OF_A_UNIT + tuple(FOLDERS) + (Command,)}
TELLTALE: tuple[type[Document], ...] = (Lease, Receipt, Undo, Withdrawal)
"""Kinds that a log must not tell of: whoever reads it would learn when or how often a room records (promise P7)."""


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What became of a document that arrived; generation and version are 0 when it could not be read."""

    verdict: Verdict
    kind: str
    generation: int = 0
    version: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Held(Generic[Kind]):
    """A document that is held and holds now, with its signed line; or none, and why."""

    document: Kind | None = None
    line: bytes = b""
    reason: str = ""


class DocumentStore:
    """The documents of one unit under `folder` (its `state/`), believed as far as `root` reaches."""

    def __init__(self, folder: Path, *, device: str, root: VerifyingKey, files: Files) -> None:
        self._folder = folder
        self._device = device
        self._bare = Trust(root=root)
        self._files = files
        self._trusted: tuple[bytes, Trust] = (b"", self._bare)
        self._verified: dict[bytes, tuple[Trust, Document]] = {}

    def accept(self, kind: type[Kind], line: bytes) -> Acceptance:
        """Verify a line that arrived and keep it, durably, when it is newer than the one held.

        A refusal is an answer and no error; a disk that fails raises `OSError` and nothing was accepted.
        """
        try:
            document = self._verify(kind, line, self.trust)
            with self._locked():
                standing = compare_documents(line, self._verified_line(kind, document), kind)
                if standing is Standing.NEWER:
                    self._store(self._path_of(document), line)
        except ProtocolError as error:
            return Acceptance(verdict=Verdict.REFUSED, kind=kind.KIND, reason=str(error))
        verdict, reason = {
            Standing.NEWER: (Verdict.APPLIED, ""),
            Standing.SAME: (Verdict.HELD_ALREADY, ""),
            Standing.OLDER: (Verdict.REFUSED, "a newer one is held"),
        }[standing]
        generation, version = document.order
        return Acceptance(verdict=verdict, kind=kind.KIND, generation=generation, version=version, reason=reason)

    def load(self, kind: type[Kind], now: datetime) -> Held[Kind]:
        """Give the document of a kind that is held and holds at `now`; receipts have `load_receipt`."""
        return self._load(kind, self._folder / kind.KIND, now)

    def load_whatever_its_end(self, kind: type[Kind]) -> Held[Kind]:
        """Give the document of a kind that is held, also when its end has passed; it is verified all the same."""
        return self._load(kind, self._folder / kind.KIND, None)

    def load_receipt(self, recording: str, now: datetime) -> Held[Receipt]:
        """Give the newest receipt of a recording."""
        held = self._load(Receipt, self._path_for(Receipt, recording), now)
        if held.document and held.document.recording != recording:
            return Held(reason=f"receipt {recording}: it is for recording {held.document.recording}")
        return held

    def load_undo(self, recording: str, now: datetime) -> Held[Undo]:
        """Give the owner's word that a discarded recording shall be kept."""
        held = self._load(Undo, self._path_for(Undo, recording), now)
        if held.document and held.document.recording != recording:
            return Held(reason=f"undo {recording}: it is for recording {held.document.recording}")
        return held

    def load_command(self, task: Task, now: datetime) -> Held[Command]:
        """Give the newest command for a task."""
        held = self._load(Command, self._folder / COMMANDS / task, now)
        if held.document and held.document.task is not task:
            return Held(reason=f"command {task}: it is for {held.document.task}")
        return held

    def find_obstacle(self) -> str:
        """Say which of the unit's documents lies here and cannot be read, and what to do; nothing when there is none.

        One that is not there, does not verify or has run out is no obstacle: another one comes.
        """
        for kind in OF_A_UNIT:
            try:
                (self._folder / kind.KIND).read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                remedy = "this process's user must be able to read it; run: systemd-tmpfiles --create backrow.conf"
                return f"{self._folder / kind.KIND}: {error.strerror}; {remedy}"
        return ""

    def newest_instant(self) -> datetime | None:
        """Give the latest `issued_at` of the documents held: the time is at least that (a clock may be behind)."""
        trust = self.trust
        issued = (self._issued_at(kind, trust) for kind in OF_A_UNIT)
        return max((at for at in issued if at), default=None)

    def _issued_at(self, kind: type[Document], trust: Trust) -> datetime | None:
        try:
            return self._verify(kind, self._read(self._folder / kind.KIND), trust).issued_at
        except ProtocolError:
            return None

    def forget_all_but(self, recordings: Collection[str]) -> None:
        """Remove what is held about recordings of which nothing is left; raise `OSError` when the disk fails.

        Only whole documents are looked at: beside them another process may be writing the draft of one.
        """
        for folder in (self._folder / name for name in FOLDERS.values()):
            names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
            for name in names:
                if is_id(name) and name not in recordings:
                    self._files.unlink(folder / name)

    @property
    def trust(self) -> Trust:
        """Give the root, and the keyring held when it verifies."""
        try:
            line = self._read(self._folder / Keyring.KIND)
            if line != self._trusted[0]:
                keyring = verify_document(Keyring, line, self._bare)
                self._trusted = line, Trust(root=self._bare.root, keyring=keyring)
            return self._trusted[1]
        except ProtocolError:
            return self._bare

    def _load(self, kind: type[Kind], path: Path, now: datetime | None) -> Held[Kind]:
        try:
            line = self._read(path)
            document = self._verify(kind, line, self.trust)
            if now is not None:
                self._require_current(document, now)
        except ProtocolError as error:
            return Held(reason=str(error))
        return Held(document=document, line=line)

    def _require_current(self, document: Document, now: datetime) -> None:
        require_current(document, now)
        keyring = self.trust.keyring
        if document.SIGNED_FOR is not Purpose.ROOT and keyring:
            require_current(keyring, now)

    def _verify(self, kind: type[Kind], line: bytes, trust: Trust) -> Kind:
        document = self._verify_signature(kind, line, trust)
        named = getattr(document, "device", self._device)
        if named != self._device:
            raise ProtocolError(f"{kind.KIND}.device: expected this unit, {self._device}, got {named[:40]!r}")
        return document

    def _verify_signature(self, kind: type[Kind], line: bytes, trust: Trust) -> Kind:
        """Verify a line; the very bytes that were verified lately under the very same keyring are not worked out again.

        A schedule of weeks is long, receipts of copies are many, and a unit that sends looks at them twice a second.
        """
        known = self._verified.get(line)
        if known and known[0] is trust and isinstance(known[1], kind):
            return known[1]
        document = verify_document(kind, line, trust)
        if len(self._verified) >= REMEMBERED:
            self._verified.clear()
        self._verified[line] = trust, document
        return document

    def _verified_line(self, kind: type[Document], arrived: Document) -> bytes | None:
        """Give the held line of the stream, or None when there is none that verifies."""
        try:
            line = self._read(self._path_of(arrived))
            self._verify(kind, line, self.trust)
        except ProtocolError:
            return None
        return line

    def _path_of(self, document: Document) -> Path:
        if isinstance(document, Command):
            return self._folder / COMMANDS / document.task
        if isinstance(document, Receipt | Undo):
            return self._path_for(type(document), document.recording)
        return self._folder / document.KIND

    def _path_for(self, kind: type[Document], recording: str) -> Path:
        return self._folder / FOLDERS[kind] / parse_id(recording, "recording")

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise ProtocolError(f"{path.name}: none is held ({error.strerror})") from None

    def _store(self, path: Path, line: bytes) -> None:
        self._files.make_folder(path.parent)
        replace_file(path, line, mode=SHARED, files=self._files)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep agent and uploader from replacing a newer document by an older one between look and write."""
        self._files.make_folder(self._folder)
        descriptor = self._files.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE | 0o060)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            self._files.close(descriptor)

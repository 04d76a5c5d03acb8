"""Reads back what is held, again and again, and compares it with what the recorder signed: a disk damages in silence.

What was never read comes first, then what was not read for longest, so that a restart goes on where it was. What is
damaged or gone is marked, leaves the next receipt, and is wanted from its unit again; what was marked and is whole
after all is taken back into it. Holds no lock and no session while it reads, goes no faster than its budget, and opens
no footage. Index 0 stands for the key's entry and for the manifest. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BufferedReader

from sqlalchemy.orm import Session

from controller.recordings import repo
from controller.recordings.manifests import contains_head
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.recordings.wanted import mark_damaged
from controller.services import Services
from protocol.errors import ProtocolError
from protocol.manifest import KEY_INDEX, Manifest

BLOCK_BYTES = 1024 * 1024
BATCH = 64
RESTS_S = 60.0
TROUBLE_S = 600.0
FIRST_AFTER = timedelta(hours=20)
"""How long after it came an object is read back first: the night after, while its unit may still have a copy."""
DAMAGED_AGAIN = timedelta(days=1)
"""How often what is marked is looked at again: it may have been put back by hand."""

log = logging.getLogger(__name__)


class StoreAwayError(Exception):
    """Rows say that something is held, and the whole folder is empty: its disk is not mounted, and nothing is lost."""


@dataclass(frozen=True)
class Looked:
    """One object that was looked at: whether it is whole, the row it was compared with, and which file it was."""

    held: HeldObject
    whole: bool
    inode: int | None = None


@dataclass(frozen=True)
class _Read:
    """What came of reading an object: its digest, "" when it cannot be read, and which file it was."""

    digest: str = ""
    inode: int | None = None


class Scrubber:
    """The endless reading. `wait` waits so many seconds, and tells whether to stop."""

    def __init__(self, services: Services, wait: Callable[[float], bool]) -> None:
        self._services = services
        self._wait = wait
        self._looked_at_damaged: datetime | None = None

    def run(self) -> None:
        """Read until told to stop.

        With the priority of every other thread: one of a lower priority would have the interpreter and the database's
        lock taken from it by the whole system while it holds them, and leases would wait for it.
        """
        pause = 0.0
        while not self._wait(pause):
            pause = self._try_turn()

    def _try_turn(self) -> float:
        try:
            return 0.0 if self.turn() else RESTS_S
        except StoreAwayError as error:
            log.error("%s", error)
        except Exception:
            log.exception("reading back failed; it is tried again in %d s", TROUBLE_S)
        return TROUBLE_S

    def turn(self) -> int:
        """Read one batch and write down what was found; tell how many objects it was, 0 when nothing is due.

        Raises `StoreAwayError`, and `OSError` where the system refuses for a reason that is none of the object's.
        """
        now = self._services.clock()
        with self._services.database.reading() as session:
            due = repo.due_for_reading(session, now - self._cycle, held_before=now - self._first, most=BATCH)
            if not due and self._is_due_again(now):
                due, self._looked_at_damaged = repo.damaged_objects(session, most=BATCH), now
            rows = {held.recording: session.get_one(Recording, held.recording) for held in due}
        looked = []
        for held in due:
            found = self._look(rows[held.recording], held)
            if found is None:
                break  # told to stop: the rest is due still
            looked.append(found)
        self._write_down(looked)
        return len(looked)

    @property
    def _cycle(self) -> timedelta:
        return timedelta(days=self._services.config.scrub.cycle_days)

    @property
    def _first(self) -> timedelta:
        """Tell how long after it came an object is read back for the first time."""
        return min(self._cycle, FIRST_AFTER)

    def _is_due_again(self, now: datetime) -> bool:
        return self._looked_at_damaged is None or now - self._looked_at_damaged >= DAMAGED_AGAIN

    def _look(self, row: Recording, held: HeldObject) -> Looked | None:
        """Look at one object; None when told to stop meanwhile. Of what is destroyed there is nothing to look at."""
        if row.state is RecordingState.DESTROYED:
            return Looked(held, whole=True)
        manifest = self._load(row)
        if held.object_index == KEY_INDEX:
            return Looked(held, whole=manifest is not None and self._opens(row, manifest))
        expected = manifest.expected(held.object_index) if manifest else (held.digest, held.size_bytes)
        read = self._read(row.id, held.object_index)
        whole = read is not None and expected is not None and read.digest == expected[0]
        return Looked(held, whole=whole, inode=read.inode) if read else None

    def _load(self, row: Recording) -> Manifest | None:
        """Give the manifest, or None when it is damaged or not the one that was held."""
        try:
            manifest = self._services.manifests.load(row.id, row.recorder_key)
        except (FileNotFoundError, ProtocolError):
            return None
        return manifest if contains_head(manifest, row) else None

    def _opens(self, row: Recording, manifest: Manifest) -> bool:
        return self._services.key_store.opens(row.id, manifest.begun.recipient)

    def _read(self, recording: str, index: int) -> _Read | None:
        """Hash an object from the disk at the pace of the budget; None when told to stop."""
        try:
            with self._services.objects.open(recording, index) as file:
                inode = _inode(file)
                try:
                    digest = self._hash(file)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    digest = ""  # a sector that the disk cannot read
        except FileNotFoundError:
            return _Read()
        return None if digest is None else _Read(digest, inode)

    def _hash(self, file: BufferedReader) -> str | None:
        digest, pace = hashlib.sha256(), BLOCK_BYTES / self._services.config.scrub.bytes_per_s
        _drop_cached(file)  # what the system remembers says nothing about the disk
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            if self._wait(pace):
                return None
        _drop_cached(file)  # and what nobody else reads shall not push out what somebody does
        return digest.hexdigest()

    def _write_down(self, looked: Iterable[Looked]) -> None:
        """Write down what was found, in one short transaction; what changed since it was looked at is left alone."""
        found = list(looked)
        damaged = [one for one in found if not one.whole]
        if damaged:
            self._require_there()
        if not found:
            return
        with self._services.database.writing() as session:
            for one in found:
                self._write_one(session, one, self._services.clock())

    def _write_one(self, session: Session, one: Looked, now: datetime) -> None:
        held = session.get(HeldObject, (one.held.recording, one.held.object_index), with_for_update=True)
        if held is None or (held.verified_at, held.damaged_at) != (one.held.verified_at, one.held.damaged_at):
            return
        row = session.get_one(Recording, held.recording)
        if one.whole:
            repo.note_whole(session, held, now)
        elif row.state is not RecordingState.DESTROYED and self._is_still(one):
            mark_damaged(row, held, now)
            if held.object_index != KEY_INDEX:
                self._services.objects.set_aside(row.id, held.object_index)

    def _is_still(self, one: Looked) -> bool:
        """Tell whether the file that was read still lies there: the same object may have come a second time."""
        if one.held.object_index == KEY_INDEX:
            return True
        try:
            with self._services.objects.open(one.held.recording, one.held.object_index) as file:
                return _inode(file) == one.inode
        except FileNotFoundError:
            return one.inode is None

    def _require_there(self) -> None:
        """Raise `StoreAwayError` rather than call everything lost because a disk is not mounted."""
        services = self._services
        for name, is_there in (("objects", services.objects.is_there()), ("key_store", services.key_store.is_there())):
            if not is_there:
                raise StoreAwayError(
                    f"the folder of {name} is empty: is its disk mounted? Nothing is marked as damaged"
                )


def _drop_cached(file: BufferedReader) -> None:
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _inode(file: BufferedReader) -> int:
    return os.fstat(file.fileno()).st_ino

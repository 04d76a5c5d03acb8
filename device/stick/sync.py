"""One visit of a stick: what the school answered is taken, then what waits is written, and the note says how it went.

Puts the parts together out of the unit's configuration. One visit at a time. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from device.asked import believed_now
from device.config import DeviceConfig
from device.hardware.clock import SystemClock
from device.hardware.ports import Clock
from device.identity import DocumentStore, load_root
from device.stick.answer import Taken, take_answer
from device.stick.export import Exported, Exporter, Source, free_bytes
from device.stick.keys import Signer, load_identity, load_signer
from device.stick.note import DAMAGED, FINISHED, MORE, NO_ANSWER, REFUSED, WRITING, StickRefused
from device.uploads.introduction import introduce
from device.uploads.spooled import Spool
from protocol import abilities, board, counters
from protocol.durable import PRIVATE, REAL, Files
from protocol.envelope import KeyIdentity
from protocol.keyfiles import load_verifying_key
from protocol.stick import Head, encode_head
from protocol.stick_folder import StickFolder
from protocol.stick_note import Said, write_note
from protocol.words import mark

LOCK = "stick.lock"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A unit and a stick at `root`. `card` is the door to the unit's disk, `stick` the one to the stick's."""

    config: DeviceConfig
    root: Path
    clock: Clock
    card: Files
    stick: Files
    room_bytes: Callable[[Path], int]

    @property
    def folder(self) -> StickFolder:
        """Give what the unit has on the stick."""
        return StickFolder(self.root, self.config.device.id)

    def store(self) -> DocumentStore:
        """Open the unit's documents."""
        data = self.config.data
        return DocumentStore(
            data / "state", device=self.config.device.id, root=load_root(data / "identity"), files=self.card
        )

    def identity(self) -> KeyIdentity:
        """Load or make the identity that opens answers."""
        return load_identity(self.config.data / "uploads", self.card)


def real_visit(config: DeviceConfig, root: Path) -> Visit:
    """Put a visit together for the real world."""
    return Visit(config=config, root=root, clock=SystemClock(), card=REAL, stick=REAL, room_bytes=free_bytes)


def take(visit: Visit) -> Taken:
    """Take the school's answer; raise `OSError`, `StickRefused` or a `ProtocolError`."""
    with _alone(visit):
        return _take(visit)


def export(visit: Visit) -> Exported:
    """Write what waits, and the note; raise `OSError`, `StickRefused` or a `ProtocolError`."""
    with _alone(visit):
        return _export(visit, Taken(found=False))


def sync(visit: Visit) -> tuple[Taken, Exported]:
    """Take, then write; raise `OSError`, `StickRefused` or a `ProtocolError`."""
    with _alone(visit):
        taken = _take(visit)
        return taken, _export(visit, taken)


def _take(visit: Visit) -> Taken:
    return take_answer(visit.folder, visit.identity(), visit.store())


def _export(visit: Visit, taken: Taken) -> Exported:
    unit = {"unit": visit.config.device.label}
    write_note(visit.root, [Said(WRITING, unit)], visit.stick)
    try:
        exported = _exporter(visit).run()
    except StickRefused as refused:
        write_note(visit.root, [Said(REFUSED, unit), refused.said], visit.stick)
        raise
    chosen = ((FINISHED, True), (MORE, not exported.everything), (DAMAGED, exported.damaged))
    said = [Said(words, unit) for words, applies in (*chosen, (NO_ANSWER, bool(taken.problem))) if applies]
    write_note(visit.root, said, visit.stick)
    return exported


def _exporter(visit: Visit) -> Exporter:
    data, store = visit.config.data, visit.store()
    known_at, signer = _known_at(visit, store), load_signer(visit.config)
    source = Source(
        spool=Spool(data / "spool", load_verifying_key(data / "identity" / "recorder.pub")),
        store=store,
        statement=data / "recorder" / "epochs",
        known_at=known_at,
        head=_head(visit, signer, known_at),
        sign=partial(encode_head, key=signer.key),
    )
    return Exporter(source, visit.folder, visit.stick, room_bytes=lambda: visit.room_bytes(visit.root))


def _known_at(visit: Visit, store: DocumentStore) -> datetime:
    """Give the time as well as the unit knows it: a document that it holds was issued before now."""
    now, proven = believed_now(visit.config.data / "recorder", visit.clock), store.newest_instant()
    return max(now, proven) if proven else now


def _head(visit: Visit, signer: Signer, made_at: datetime) -> Head:
    said = introduce(visit.config.data / "state")
    return Head(
        device=visit.config.device.id,
        made_at=made_at,
        certificate=signer.certificate,
        return_to=str(visit.identity().recipient),
        everything=True,
        counters=said.get(counters.HEADER, ""),
        board=said.get(board.HEADER, ""),
        abilities=said.get(abilities.HEADER, ""),
    )


@contextmanager
def _alone(visit: Visit) -> Iterator[None]:
    """Keep a second visit out; what the first one writes would be torn."""
    folder = visit.config.data / "uploads"
    visit.card.make_folder(folder)
    descriptor = visit.card.open(folder / LOCK, os.O_RDWR | os.O_CREAT, PRIVATE | 0o060)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StickRefused(mark("Another stick is being written at this unit; wait until it has finished.")) from None
    finally:
        visit.card.close(descriptor)

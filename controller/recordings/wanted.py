"""What the controller still wants of a recording: what its manifest names and nobody holds, or holds damaged.

What a killed process left whole in its place is adopted, and what was found damaged is taken back in the next receipt.
Files are read and hashed before the database is locked (`find_lying`), never while it is.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from controller.recordings import repo
from controller.recordings.ingest import Arrived, hold, settle
from controller.recordings.models import HeldObject, Recording, RecordingState
from controller.services import Services
from protocol.manifest import KEY_INDEX, Manifest

log = logging.getLogger(__name__)


def find_lying(services: Services, manifest: Manifest) -> Mapping[int, Arrived]:
    """Find what lies whole in its place and is not held: a process was killed before it wrote the row.

    Hashes what it finds; call it before the writing session.
    """
    with services.database.reading() as session:
        held = repo.held_indexes(session, manifest.begun.recording)
    looked = ((index, _find(services, manifest, index)) for index in manifest.objects() if index not in held)
    return {index: found for index, found in looked if found}


def find_wanted(
    services: Services, session: Session, row: Recording, manifest: Manifest, *, lying: Mapping[int, Arrived]
) -> tuple[int, ...]:
    """Give the indexes of objects that are named and not held; what is `lying` in its place is adopted.

    Call inside a writing session.
    """
    if row.state is RecordingState.DESTROYED or manifest.discarded:
        return ()
    rows = {item.object_index: item for item in repo.held_objects(session, row.id)}
    wanted, now = [], services.clock()
    for index in manifest.objects():
        held = rows.get(index)
        if held and held.damaged_at is None and is_in_place(services, held):
            continue
        if index in lying and (held is None or held.damaged_at):
            hold(session, manifest, lying[index], now)
            continue
        wanted.append(index)
        if held:
            mark_damaged(row, held, now)
    settle(session, row, manifest, now)
    return tuple(wanted)


def is_in_place(services: Services, held: HeldObject) -> bool:
    """Tell by the length whether an object lies where it should; a changed byte is found when it is read back."""
    if held.object_index == KEY_INDEX:
        return services.key_store.holds(held.recording)
    return services.objects.size_bytes(held.recording, held.object_index) == held.size_bytes


def mark_damaged(row: Recording, held: HeldObject, now: datetime) -> None:
    """Take an object back in the next receipt: it is damaged or gone. Its unit sends it again if it still has it.

    What is ready stays so: the rest of it plays.
    """
    if held.damaged_at is None:
        held.damaged_at, row.receipt_due = now, True
        log.error("the server's disk: an object was found to be damaged or gone; see docs/runbooks/server-disk.md")


def _find(services: Services, manifest: Manifest, index: int) -> Arrived | None:
    recording, expected = manifest.begun.recording, manifest.expected(index)
    if expected is None:
        return None
    digest, size_bytes = expected
    if index == KEY_INDEX:
        found = services.key_store.opens(recording, manifest.begun.recipient)
        return Arrived(Path(), index, digest, size_bytes) if found else None
    if services.objects.size_bytes(recording, index) != size_bytes:
        return None
    with services.objects.open(recording, index) as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == digest
    return Arrived(Path(), index, digest, size_bytes) if same else None

"""What must be true of a unit's lessons in the morning after a night: whole, held once, receipted; from the outside.

Files, rows and receipts are compared with what the test itself laid into the spool.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from controller.recordings.models import HeldObject
from protocol.documents import Receipt, verify_document
from protocol.manifest import KEY_INDEX
from tests.e2e.district import District, Unit
from tests.lesson import Lesson


def receipt_items(district: District, unit: Unit, lesson: Lesson) -> dict[int, tuple[str, int]]:
    """Give what the receipt that a unit holds names, verified; nothing without one."""
    path = unit.data / "state" / "receipts" / lesson.id
    if not path.exists():
        return {}
    receipt = verify_document(Receipt, path.read_bytes(), district.services.keys.trust)
    return {item.index: (item.digest, item.size_bytes) for item in receipt.items}


def facts(lesson: Lesson) -> dict[int, tuple[str, int]]:
    """Give digest and length of each object that was laid into the spool."""
    return {index: (hashlib.sha256(data).hexdigest(), len(data)) for index, data in lesson.objects.items()}


def check_home(district: District, unit: Unit) -> None:
    """Check the files in the store, the rows, and the receipts of a unit's lessons."""
    for lesson in unit.lessons:
        wanted = facts(lesson)
        with district.services.database.reading() as session:
            held = session.scalars(select(HeldObject).where(HeldObject.recording == lesson.id)).all()
        rows = sorted((row.object_index, (row.digest, row.size_bytes)) for row in held)
        assert rows == sorted(wanted.items()), f"{unit.folder.name}: rows differ from what was sealed"
        folder = district.services.config.controller.data / "objects" / lesson.id
        for index, data in lesson.objects.items():
            if index != KEY_INDEX:
                assert (folder / f"{index:06d}.age").read_bytes() == data, f"{unit.folder.name}: object {index} differs"
        assert district.services.key_store.get(lesson.id).encode() == lesson.identity.encode()
        assert receipt_items(district, unit, lesson) == wanted, f"{unit.folder.name}: the receipt is not for all of it"

"""Exports that no honest unit writes, sealed to the school as well as anybody could who knows its public recipient."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric import ec

from device.stick.keys import load_signer
from protocol.durable import REAL
from protocol.envelope import Recipient, seal
from protocol.stick import Head, Kind, Way, encode_head, record_header
from tests.house import NIGHT
from tests.lesson import Lesson
from tests.unit.controller.stick.conftest import Carried

Records = Sequence[tuple[Kind, int, bytes]]


def honest_head(carried: Carried) -> Head:
    """Give the head that the unit would write."""
    return Head(
        device=carried.teacher.device,
        made_at=NIGHT,
        certificate=load_signer(carried.visit.config).certificate,
        return_to=str(carried.visit.identity().recipient),
        everything=True,
    )


def signed(carried: Carried, head: Head, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """Sign a head with the unit's key, or another."""
    return encode_head(head, key or load_signer(carried.visit.config).key)


def of_lesson(lesson: Lesson, **changed: bytes) -> list[tuple[Kind, int, bytes]]:
    """Give the records of a lesson; `changed` says other bytes for the manifest, or an object by its number as `o1`."""
    objects = {index: changed.get(f"o{index}", data) for index, data in lesson.objects.items()}
    manifest = (Kind.MANIFEST, 0, changed.get("manifest", lesson.manifest))
    return [manifest, *((Kind.OBJECT, index, data) for index, data in objects.items())]


def lay(carried: Carried, records: Records, *, head: bytes | None = None, end: bytes | None = None) -> None:
    """Lay an export with these records after the head; `end` stands there instead of the record END."""
    said = head if head is not None else signed(carried, honest_head(carried))
    framed = [record_header(kind, len(body), index) + body for kind, index, body in ((Kind.HEAD, 0, said), *records)]
    content = Way.TO_SCHOOL.value + b"".join(framed) + (record_header(Kind.END, 0) if end is None else end)
    lay_sealed(carried, seal(content, [recipient(carried)]))


def lay_sealed(carried: Carried, sealed: bytes) -> None:
    """Lay a sealed file as a whole export."""
    carried.folder.make(REAL)
    carried.folder.clear(REAL)
    carried.folder.part(1).write_bytes(sealed)


def recipient(carried: Carried) -> Recipient:
    """Give the recipient of this week."""
    return carried.house.services.keys.epochs[carried.house.epoch].recipient

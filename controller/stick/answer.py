"""The school's answer on a stick: what the unit would have fetched, sealed to the key that its head named.

Documents as `GET /units/v1/documents` gives them, and the receipts of the recordings that the export names. It is
padded, and says nothing to whoever carries it (promise P7). Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from controller.devices.unit_views import documents_of
from controller.recordings import receipts
from controller.recordings.models import Recording
from controller.services import Services
from protocol.durable import Files
from protocol.envelope import parse_recipient, seal
from protocol.stick import (
    LEAST_FROM_SCHOOL_BYTES,
    MOST_BYTES,
    Head,
    Kind,
    Way,
    class_of,
    padding_bytes,
    record_header,
)
from protocol.stick_folder import StickFolder, lay_file

log = logging.getLogger(__name__)


def lay_answer(services: Services, folder: StickFolder, head: Head, named: Iterable[str], files: Files) -> None:
    """Put the answer onto the stick, in place of the one before; raise `OSError` when the stick refuses.

    `named`: the recordings of which the unit wants receipts; of those that are another's, or not here, there is none.
    """
    lines = [*documents_of(services, head.device), *_receipts(services, head.device, named)]
    lay_file(folder.answer, seal(frame(lines), [parse_recipient(head.return_to)]), files)


def frame(lines: Iterable[bytes]) -> bytes:
    """Frame signed lines as the content of an answer, padded to its class."""
    content = Way.FROM_SCHOOL.value + b"".join(_record(line) for line in lines)
    padding = padding_bytes(len(content), class_of(len(content), LEAST_FROM_SCHOOL_BYTES))
    return content + record_header(Kind.PADDING, padding) + bytes(padding) + record_header(Kind.END, 0)


def _record(line: bytes) -> bytes:
    if len(line) > MOST_BYTES[Kind.DOCUMENT]:
        log.error("a document of %d bytes is too long for a stick, and is left out of the answer", len(line))
        return b""
    return record_header(Kind.DOCUMENT, len(line)) + line


def _receipts(services: Services, device: str, named: Iterable[str]) -> Iterator[bytes]:
    for recording in named:
        with services.database.reading() as session:
            row = session.get(Recording, recording)
        line = receipts.receipt_of(services, recording) if row and row.device == device else None
        if line:
            yield line

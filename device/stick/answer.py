"""Takes what the school answered on a stick: each signed line is offered to the document store, which alone believes.

What was taken before a damaged place stays taken; the next answer brings the rest. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

from device.identity import TELLTALE, Acceptance, DocumentStore
from protocol.codec import parse_canonical
from protocol.commands import Command
from protocol.documents import Document, Keyring, Policy, Receipt, Recipients, Undo, Withdrawal
from protocol.envelope import EnvelopeError, KeyIdentity, NoMatchError, OpenReader
from protocol.errors import ProtocolError
from protocol.schedule import Schedule
from protocol.signing import split_line
from protocol.stick import MIB, Kind, StickError, Way, read_records
from protocol.stick_folder import StickFolder, open_file

MOST_BYTES = 256 * MIB
BROUGHT: dict[str, type[Document]] = {
    kind.KIND: kind for kind in (Keyring, Recipients, Policy, Withdrawal, Undo, Command, Schedule, Receipt)
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What came of an answer: whether there was one, and what is wrong with it."""

    found: bool
    problem: str = ""


def take_answer(folder: StickFolder, identity: KeyIdentity, store: DocumentStore) -> Taken:
    """Offer what the answer brings to the store; raise `OSError` when the unit's own card refuses."""
    try:
        file = open_file(folder.answer)
    except FileNotFoundError:
        return Taken(found=False)
    except OSError as error:
        return Taken(found=True, problem=f"the school's answer cannot be read: {error.strerror or error}")
    with file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            return Taken(found=True, problem=f"the school's answer is longer than {MOST_BYTES // MIB} MiB")
        try:
            for record in read_records(OpenReader(file, [identity]), Way.FROM_SCHOOL):
                if record.kind is Kind.DOCUMENT:
                    _offer(record.read_all(), store)
        except NoMatchError:
            return Taken(found=True, problem="the school's answer is not for this unit, or for an older key of it")
        except (EnvelopeError, StickError) as error:
            return Taken(found=True, problem=f"the school's answer is damaged: {error}")
    return Taken(found=True)


def _offer(line: bytes, store: DocumentStore) -> None:
    kind = _kind_of(line)
    if kind is not None:
        _log(store.accept(kind, line))


def _kind_of(line: bytes) -> type[Document] | None:
    """Tell which kind a line says that it is; unknown and unreadable ones are passed over with a word."""
    try:
        named = parse_canonical(split_line(line, "document").body, "document").get("document")
    except ProtocolError as error:
        log.warning("a document on the stick is ignored: %s", error)
        return None
    return BROUGHT.get(str(named))


def _log(accepted: Acceptance) -> None:
    level = logging.DEBUG if accepted.kind in (kind.KIND for kind in TELLTALE) else logging.INFO
    log.log(level, "%s: %s %s", accepted.kind, accepted.verdict.value, accepted.reason)

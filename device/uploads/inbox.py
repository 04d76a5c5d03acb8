"""Fetches signed statements over HTTPS and offers them to the document store, which alone decides what is believed.

For units whose broker is gone this is the way by which keyring, policy and leases come; receipts come this way always.
A statement signed by an unknown key is offered again after the newest keyring was fetched. With the request goes what
the unit says of itself (device/uploads/introduction.py).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from device.identity import TELLTALE, Acceptance, DocumentStore
from device.uploads.endpoints import Endpoints
from protocol.backlog import HEADER, Backlog, encode_backlog
from protocol.codec import parse_canonical
from protocol.commands import Command
from protocol.documents import Document, Keyring, Lease, Policy, Receipt, Recipients, Undo, Withdrawal
from protocol.errors import ProtocolError
from protocol.schedule import Schedule
from protocol.signing import split_line

log = logging.getLogger(__name__)
FETCHED: dict[str, type[Document]] = {
    kind.KIND: kind for kind in (Keyring, Recipients, Policy, Withdrawal, Undo, Command, Schedule, Receipt)
}


class Inbox:
    """Every method raises `LinkError` or `RefusalError` when the controller does not answer or says no."""

    def __init__(self, endpoints: Endpoints, store: DocumentStore, introduce: Callable[[], Mapping[str, str]]) -> None:
        self._endpoints = endpoints
        self._store = store
        self._introduce = introduce

    def fetch_documents(self) -> None:
        """Fetch the documents of this unit and keep what is newer; the keyring is offered first."""
        lines = [(kind, line) for line in self._endpoints.documents(self._introduce()) if (kind := _kind_of(line))]
        for kind, line in sorted(lines, key=lambda one: one[0] is not Keyring):
            _log(self._store.accept(kind, line))

    def forget_all_but(self, recordings: Collection[str]) -> None:
        """Forget what is held about recordings that are no longer in the spool."""
        self._store.forget_all_but(recordings)

    def fetch_lease(self, waiting: Backlog) -> None:
        """Say what waits, fetch the lease in force, if there is one, and keep it when it is newer."""
        line = self._endpoints.lease({HEADER: encode_backlog(waiting)})
        if line is not None:
            self._accept(Lease, line)

    def fetch_receipt(self, recording: str, lease: bytes, now: datetime) -> Receipt | None:
        """Fetch the newest receipt of a recording and give the one that is held then."""
        line = self._endpoints.receipt(recording, lease)
        if line is not None:
            self._accept(Receipt, line)
        return self._store.load_receipt(recording, now).document

    def _accept(self, kind: type[Document], line: bytes) -> None:
        accepted = self._store.accept(kind, line)
        if accepted.generation == 0:
            log.info("%s; fetching the newest keyring", accepted.reason)
            self.fetch_documents()
            accepted = self._store.accept(kind, line)
        _log(accepted)


def _kind_of(line: bytes) -> type[Document] | None:
    """Tell which kind a line says that it is; unknown and unreadable ones are passed over with a word."""
    try:
        named = parse_canonical(split_line(line, "document").body, "document").get("document")
    except ProtocolError as error:
        log.warning("a document that was fetched is ignored: %s", error)
        return None
    return FETCHED.get(str(named))


def _log(accepted: Acceptance) -> None:
    level = logging.DEBUG if accepted.kind in (kind.KIND for kind in TELLTALE) else logging.INFO
    log.log(level, "%s: %s %s", accepted.kind, accepted.verdict.value, accepted.reason)

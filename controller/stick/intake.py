"""Takes in what a unit put onto a stick, record by record, by the very code of an upload (controller/uploads).

Each object is held by itself, or not at all: what breaks off, or is not what was signed, leaves nothing half-written.
Which checks there are, and what of them IT is told, says docs/protocol/stick.md; no recording is named (promise P7).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

from sqlalchemy.exc import OperationalError

from controller.db import is_disk_full
from controller.epochs.services import take_statement
from controller.errors import Refusal
from controller.uploads.arrivals import Arrivals
from controller.uploads.incoming import IncomingError, IncomingStore
from controller.uploads.policy import QUOTA_CODES
from protocol.codec import parse_canonical
from protocol.errors import ProtocolError
from protocol.ids import parse_id
from protocol.signing import split_line
from protocol.stick import Kind, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.services import Services

EXPECTED = frozenset({"statement_older", "statement_unverified", "discarded", "destroyed", "epoch_ended"})
"""Refusals of what an honest unit may bring. Nobody is told of them here: they would tell what was recorded."""

log = logging.getLogger(__name__)


class StickUnreadableError(Exception):
    """The stick itself refused to be read; the words are the system's."""


class Intake:
    """What one export brings. `require_admitted` raises when the unit may deliver no more; asked at each recording."""

    def __init__(
        self, services: Services, incoming: IncomingStore, device: str, require_admitted: Callable[[], object]
    ) -> None:
        self._services = services
        self._incoming = incoming
        self._arrivals = Arrivals(services, incoming)
        self._device = device
        self._require_admitted = require_admitted
        self._recording = ""
        self._wanted: frozenset[int] = frozenset()
        self.named: list[str] = []
        """The recordings that the export names, in its order; whose they are is not looked at."""
        self.stopped = ""
        """Why nothing more is taken in; "" while it is. What the export names is still read, for its receipts."""
        self.is_foul = False
        """Something was not what the unit's recorder signed, and was not taken in."""

    def stop(self, why: str) -> None:
        """Take nothing more in; the first reason stands."""
        self.stopped = self.stopped or why

    def take(self, record: Record) -> None:
        """Take in a statement, a manifest or an object; what else there is is passed over.

        Raises what reading the stick raises, and what `require_admitted` does.
        """
        if record.kind is Kind.MANIFEST:
            self._take_manifest(record.read_all())
        elif record.kind is Kind.STATEMENT:
            self._take_statement(record.read_all())
        elif record.kind is Kind.OBJECT and record.index in self._wanted and not self.stopped:
            self._take_object(record)

    def _take_statement(self, line: bytes) -> None:
        """Keep the statement if it is the newest; one of the key before, on an older stick, does not verify."""
        with self._judged(), self._services.database.writing() as session:
            take_statement(session, self._device, line, self._services.clock())

    def _take_manifest(self, data: bytes) -> None:
        self._wanted, self._recording = frozenset(), _recording_of(data)
        if not self._recording:
            self.is_foul = True
            return
        self.named.append(self._recording)
        self._require_admitted()
        if not self.stopped:
            with self._judged():
                announced = self._arrivals.announce(self._device, self._recording, data)
                self._wanted = frozenset(announced.wanted)

    def _take_object(self, record: Record) -> None:
        metadata = {"recording": self._recording.encode(), "index": b"%d" % record.index}
        with self._judged():
            claim = self._arrivals.create(self._device, record.size_bytes, metadata)
            try:
                self._arrivals.finish(self._incoming.append(claim, record, limit_bytes=record.size_bytes))
            finally:
                self._incoming.discard(claim.upload.id)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Keep what a refusal or a fault of this server's disk means for the rest of the export."""
        try:
            yield
        except Refusal as refusal:
            self._judge(refusal)
        except (IncomingError, OSError, OperationalError) as error:
            log.exception("the server's disk refused while a stick was taken in")
            if isinstance(error, OperationalError):
                self.stop(describe_database(error))
            else:
                self.stop(f"the server's disk refused: {error}")

    def _judge(self, refusal: Refusal) -> None:
        if refusal.status is HTTPStatus.INSUFFICIENT_STORAGE:
            self.stop("the server's disk is full; docs/runbooks/server-disk.md says what to do")
        elif refusal.code in QUOTA_CODES:
            self.stop("the unit brought as much as a unit may in a day; import the stick again tomorrow")
        elif refusal.status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.stop(refusal.detail)
        elif refusal.code not in EXPECTED:
            log.warning("something on a stick of unit %s was refused: %s", self._device, refusal.code)
            self.is_foul = True


def describe_database(error: OperationalError) -> str:
    """Say what it is when the database refuses: its disk is full, or others held it for too long."""
    if is_disk_full(error):
        return "the server's disk is full; docs/runbooks/server-disk.md says what to do"
    return "the server's database is busy, or cannot be used; import the stick again"


def _recording_of(data: bytes) -> str:
    """Read which recording a manifest says that it is of; "" where it says none. `Arrivals.announce` verifies it."""
    line = data.partition(b"\n")[0] + b"\n"
    try:
        named = parse_canonical(split_line(line, "manifest").body, "manifest").get("recording")
        return parse_id(str(named), "recording")
    except ProtocolError:
        return ""

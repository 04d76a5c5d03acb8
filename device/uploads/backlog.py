"""What waits on this unit, and what of it must leave before the next school day; agent and uploader say it alike.

Reads the spool as a guest, the uploader's records, the recorder's status and the free space of the card. It goes to
the controller's scheduler alone, at times that tell nothing (promise P7). Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from device.health.status import load_status
from device.identity import DocumentStore
from device.spool.store import SpoolStore
from device.uploads.gauge import load_measured
from device.uploads.plan import Waiting, decide_due, waiting_bytes
from device.uploads.records import Records
from device.uploads.spooled import Spool
from protocol.backlog import Backlog
from protocol.documents import Receipt
from protocol.durable import REAL
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)


Receipts = Callable[[str], Receipt | None]


def receipts_at(store: DocumentStore, now: datetime) -> Receipts:
    """Give what tells the verified receipt of a recording that is held and holds at `now`."""
    return lambda recording: store.load_receipt(recording, now).document


class Backlogs:
    """Looks at one unit's data folder; `reserve_bytes` is what its recorder sets aside.

    `receipts` is asked once a look, since to ask for the time is to read every document of the unit.
    """

    def __init__(
        self,
        data: Path,
        spool: Spool,
        records: Records,
        *,
        receipts: Callable[[], Receipts],
        reserve_bytes: int,
    ) -> None:
        self._data = data
        self._spool = spool
        self._records = records
        self._receipts = receipts
        self._reserve_bytes = reserve_bytes

    def look(self) -> Waiting:
        """Add up what waits to be delivered; what cannot be read counts nothing, the uploader says why."""
        try:
            recordings = self._spool.look().recordings
        except OSError as error:
            log.error("the spool cannot be listed: %s", error.strerror)  # a path may name a recording
            recordings = ()
        receipt_of = self._receipts()
        found = [(one, receipt_of(one.recording)) for one in recordings]
        sizes = [(one.began_at, waiting_bytes(one, self._records.load(one.recording), has)) for one, has in found]
        waiting = [(began_at, size) for began_at, size in sizes if size > 0]
        kept_bytes = sum(self._spool.lying_bytes(one.recording, one.named_in(has)) for one, has in found)
        total, measured = sum(size for _, size in waiting), load_measured(self._data / "uploads")
        backlog = Backlog(
            waiting_bytes=total,
            due_bytes=self._due(total, kept_bytes),
            measured_bps=measured.measured_bps,
            link_bps=measured.link_bps,
        )
        return Waiting(backlog=backlog, oldest_at=min((began_at for began_at, _ in waiting), default=None))

    def _due(self, waiting: int, kept_bytes: int) -> int:
        """Ask the card; nothing is due as far as is known while the recorder has not said how much a day may bring."""
        try:
            day_bytes = load_status(self._data / "recorder" / "status").day_bytes
            found = os.statvfs(self._data / "spool")
            reserved = SpoolStore(self._data / "spool", REAL).reserve_bytes
        except (ProtocolError, OSError) as error:
            log.debug("what is due is not known: %s", error)
            return 0
        free_bytes = found.f_bavail * found.f_frsize + kept_bytes
        missing = max(0, self._reserve_bytes - reserved)
        return decide_due(waiting, free_bytes=free_bytes, missing_bytes=missing, day_bytes=day_bytes or 0)

"""What one unit may have here at once and in a day: a unit that is broken or hostile does not fill the controller.

Uploads that are not finished are counted as long as they were announced to be, from the files that lie in `incoming/`;
what was delivered, from the rows of uploads that ended. The codes are those of docs/protocol/uploads.md.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from controller.audit.models import Incident
from controller.audit.repo import note_daily, units_with
from controller.errors import Refusal
from controller.recordings.models import Recording
from controller.services import Services
from controller.uploads.incoming import IncomingStore
from controller.uploads.models import Upload
from controller.uploads.policy import QUOTA_CODES, Denial, Quota, Usage, judge_recordings, judge_usage

DAY = timedelta(days=1)
_OWNER = select(Recording.device).where(Recording.id == bindparam("recording"))
_ENDED = select(func.count(), func.coalesce(func.sum(Upload.size_bytes), 0)).where(
    Upload.device == bindparam("device"), Upload.ended_at > bindparam("since")
)
_BEGUN = select(func.count()).where(
    Recording.device == bindparam("device"), Recording.first_seen_at > bindparam("since")
)
_KNOWN = select(Recording.id).where(Recording.id == bindparam("recording"))


def over_quota(session: Session, now: datetime) -> frozenset[str]:
    """Give the units that were refused by a quota in the last 24 hours: a fault, and not how much they sent."""
    return units_with(session, QUOTA_CODES, since=now - DAY)


class Quotas:
    """The quotas of all units, in the one process that takes uploads in. Safe for threads."""

    def __init__(self, services: Services, incoming: IncomingStore) -> None:
        self._services = services
        self._incoming = incoming
        self._lock = threading.Lock()
        self._unfinished: dict[str, dict[str, int]] | None = None

    def require_upload(self, device: str, length_bytes: int) -> None:
        """Raise `Refusal`, and write it down once a day, unless the unit may make an upload of this length."""
        settings = self._services.config.uploads
        quota = Quota(
            unfinished=settings.unit_unfinished_uploads,
            unfinished_bytes=settings.unit_unfinished_bytes,
            daily=settings.unit_daily_uploads,
            daily_bytes=settings.unit_daily_bytes,
        )
        if judge_usage(self._usage(device), quota, length_bytes=length_bytes):
            self._forget_gone(device)
            denial = judge_usage(self._usage(device), quota, length_bytes=length_bytes)
            if denial:
                self._refuse(device, denial)

    def require_recording(self, device: str, recording: str) -> None:
        """Raise `Refusal`, and write it down once a day, when the unit brings too many new recordings in a day."""
        database, since = self._services.database, self._services.clock() - DAY
        if database.find(_KNOWN, recording=recording):
            return
        (begun,) = database.find(_BEGUN, device=device, since=since) or (0,)
        denial = judge_recordings(begun, most=self._services.config.uploads.unit_daily_recordings)
        if denial:
            self._refuse(device, denial)

    def note_made(self, device: str, upload: str, length_bytes: int) -> None:
        """Count an upload that was made; that it is gone is found when the count matters."""
        with self._lock:
            self._all().setdefault(device, {})[upload] = length_bytes

    def _usage(self, device: str) -> Usage:
        since = self._services.clock() - DAY
        count, delivered = self._services.database.find(_ENDED, device=device, since=since) or (0, 0)
        with self._lock:
            mine = self._all().get(device, {})
            return Usage(len(mine), sum(mine.values()), count, int(delivered))

    def _forget_gone(self, device: str) -> None:
        """Forget the uploads that were finished, ended or swept meanwhile, also by another process."""
        with self._lock:
            mine = self._all().get(device, {})
            self._all()[device] = {upload: size for upload, size in mine.items() if self._incoming.holds(upload)}

    def _all(self) -> dict[str, dict[str, int]]:
        """Give the uploads that are not finished, by unit; read from the disk when first asked. Under the lock."""
        if self._unfinished is None:
            self._unfinished = {}
            for upload, announced in self._incoming.announced():
                recording = announced.metadata.get("recording", b"").decode("ascii", "replace")
                owner = self._services.database.find(_OWNER, recording=recording)
                if owner:
                    self._unfinished.setdefault(owner[0], {})[upload] = announced.length_bytes
        return self._unfinished

    def _refuse(self, device: str, denial: Denial) -> None:
        with self._services.database.writing() as session:
            at = self._services.clock()
            note_daily(session, Incident(device=device, recording=None, kind=denial.code, detail=denial.detail, at=at))
        raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, denial.code, denial.detail)

"""Keeps the days on which the unit recorded, and says once a school day how many days of space are left.

Once a day, with how much a day may bring, because a number that changed during a lesson would tell when a room records
(promise P7). The file holds a sum of bytes for each day and no recording; it stays on the unit, for the recorder alone.
Rules: device/spool/days.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path

from device.spool.days import Day, add_day, add_manifests, count_bytes, decide_day_bytes, decide_days_left, name_day
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import Files, replace_file
from protocol.errors import ProtocolError
from protocol.manifest import Manifest

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What the file holds: the days of what has been erased, and what was said last and on which day."""

    days: tuple[Day, ...] = ()
    said_on: str = ""
    days_left: int = 0
    day_bytes: int = 0


class Outlook:
    """The ledger at `path` and the answer of the day; `zone` is the school's own."""

    def __init__(self, path: Path, *, lesson_bytes: int, zone: tzinfo, files: Files) -> None:
        self._path = path
        self._lesson_bytes = lesson_bytes
        self._zone = zone
        self._files = files
        self._ledger = _load(path)

    @property
    def days_left(self) -> int | None:
        """Give what was said last; None before the first time."""
        return self._ledger.days_left if self._ledger.said_on else None

    @property
    def day_bytes(self) -> int | None:
        """Give how much a school day may bring, as it was worked out last; None before the first time."""
        return self._ledger.day_bytes or None

    def is_due(self, now: datetime) -> bool:
        """Tell whether a new school day has begun since it was said."""
        return self._ledger.said_on != name_day(now, self._zone)

    def look_ahead(self, now: datetime, room_bytes: int, manifests: Iterable[Manifest]) -> None:
        """Say the answer of today, from what was erased and from the `manifests` of what is in the spool."""
        days = add_manifests(self._ledger.days, manifests, self._zone)
        left = decide_days_left(room_bytes, days, lesson_bytes=self._lesson_bytes)
        most = decide_day_bytes(days, lesson_bytes=self._lesson_bytes)
        self._keep(replace(self._ledger, said_on=name_day(now, self._zone), days_left=left, day_bytes=most))

    def note_erased(self, manifest: Manifest) -> None:
        """Keep a recording's bytes with its day, before it is erased."""
        day = name_day(manifest.began.wall_at, self._zone)
        self._keep(replace(self._ledger, days=add_day(self._ledger.days, day, count_bytes(manifest))))

    def _keep(self, ledger: Ledger) -> None:
        """Write it down; a disk that refuses costs an estimate, and must not keep anything from being erased."""
        self._ledger = ledger
        try:
            replace_file(self._path, encode_canonical(encode_record(ledger)), files=self._files)
        except OSError as error:
            log.warning("the days recorded so far cannot be written: %s", error)


def _load(path: Path) -> Ledger:
    try:
        return parse_record(Ledger, parse_canonical(path.read_bytes(), "recorder/days"), "recorder/days")
    except FileNotFoundError:
        return Ledger()
    except (OSError, ProtocolError) as error:
        log.warning("%s; the days recorded so far are counted anew", error)
        return Ledger()

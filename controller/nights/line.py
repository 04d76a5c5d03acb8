"""How the school's line is used: bytes taken from units, counted in memory, written by site and slot of five minutes.

For a chart and for estimates alone: what was taken in is known by receipts. A crash loses what was counted since the
last flush, a minute at most. Of one unit nothing is written: its count becomes its site's before it leaves memory.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from controller.calendar.policy import Hours, openings
from controller.calendar.repo import read_calendar
from controller.db import Instant
from controller.devices.models import Device
from controller.nights.models import LineUse
from controller.services import Services

SLOT = timedelta(minutes=5)
FLUSH_S = 60.0
_ADD = text(
    "INSERT INTO line_use (site, slot_at, taken_bytes, cap_bps) VALUES (:site, :slot_at, :taken_bytes, :cap_bps) "
    "ON CONFLICT (site, slot_at) DO UPDATE SET taken_bytes = line_use.taken_bytes + excluded.taken_bytes, "
    "cap_bps = excluded.cap_bps"
).bindparams(bindparam("slot_at", type_=Instant()))

log = logging.getLogger(__name__)


class LineMeter:
    """Bytes taken from each unit since somebody last asked. Safe for threads; asked for every block that comes in."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, int] = {}

    def count(self, device: str, count: int) -> None:
        """Count bytes that a unit sent."""
        with self._lock:
            self._taken[device] = self._taken.get(device, 0) + count

    def drain(self) -> dict[str, int]:
        """Give what was counted, by unit, and begin anew."""
        with self._lock:
            taken, self._taken = self._taken, {}
        return taken


class LineLog:
    """Writes what a meter counted, once a minute, in one statement."""

    def __init__(self, services: Services, meter: LineMeter) -> None:
        self._services = services
        self._meter = meter
        self._since = services.clock()

    def flush(self) -> None:
        """Write what was counted since the last flush into the slot in which that was.

        Where the database cannot be written it is logged, and counted into the next flush.
        """
        since, self._since = self._since, self._services.clock()
        taken = self._meter.drain()
        try:
            if taken:
                self._write(slot_of(since), taken)
        except SQLAlchemyError as error:
            log.warning("what the line was used for could not be written, and is written later: %s", error)
            for device, count in taken.items():
                self._meter.count(device, count)

    def _write(self, slot_at: datetime, taken: Mapping[str, int]) -> None:
        with self._services.database.writing() as session:
            by_site: dict[str, int] = {}
            units = session.execute(select(Device.id, Device.site).where(Device.id.in_(taken)))
            sites = {device: site for device, site in units}
            for device, count in taken.items():
                site = sites.get(device, "")
                by_site[site] = by_site.get(site, 0) + count
            session.execute(_ADD, self._rows(session, slot_at, by_site))

    def _rows(self, session: Session, slot_at: datetime, by_site: Mapping[str, int]) -> Sequence[Mapping[str, Any]]:
        config = self._services.config
        calendar = read_calendar(session, config, slot_at)
        return [
            {
                "site": site,
                "slot_at": slot_at,
                "taken_bytes": count,
                "cap_bps": allowed_bps(calendar.of(site), config.controller.time_zone, slot_at),
            }
            for site, count in sorted(by_site.items())
        ]

    def run(self, stop: threading.Event) -> None:
        """Flush on every full minute until stopped, and a last time then."""
        while not stop.wait(FLUSH_S - self._services.clock().timestamp() % FLUSH_S):
            self.flush()
        self.flush()


@contextmanager
def flushing(services: Services, meter: LineMeter) -> Iterator[None]:
    """Write what a meter counts while this lasts, in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=LineLog(services, meter).run, args=(stop,), name="line use")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def slot_of(at: datetime) -> datetime:
    """Give the beginning of the slot in which an instant lies."""
    return at - timedelta(seconds=at.timestamp() % SLOT.total_seconds())


def allowed_bps(hours: Hours, zone: tzinfo, slot_at: datetime) -> int:
    """Give what a site is allowed in a slot on average: half of its rate where it opens in the middle."""
    found = openings(hours, zone, slot_at, slot_at + SLOT)
    bits = sum(opening.rate_bps * (opening.ends_at - opening.begins_at).total_seconds() for opening in found)
    return round(bits / SLOT.total_seconds())


def forget_line_use(session: Session, before: datetime) -> None:
    """Remove the slots before an instant."""
    session.execute(delete(LineUse).where(LineUse.slot_at < before))

"""Closing the live sessions of units that are let in no more: the broker checks certificates only when one connects.

The rows are looked at twice a second, so that it does not matter which process revoked, nor that the bridge was away.
A session is closed by connecting under its client id (a take-over; docs/protocol/mqtt.md). That is done several times:
until the broker has read its new list the unit may come back. Who is revoked is decided elsewhere.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from controller.enrollment.models import Certificate
from controller.services import Services

LOOK_S = 0.5
AGAIN = tuple(timedelta(seconds=seconds) for seconds in (0, 1, 2, 4, 8, 16, 32))
"""When a session is closed, counted from when the revocation was seen. The broker reads its list within a second."""
SOON = AGAIN[:3]
"""The same for a unit that has another certificate, which is good: it is not to be disturbed for longer than needed."""
QUIET = timedelta(seconds=2)  # whoever goes on speaking is closed again, but not more often than that

log = logging.getLogger(__name__)


class Closer(Protocol):
    """The door to the broker (controller/bridge/link.py)."""

    def take_over(self, client: str) -> bool:
        """End the session of a client; tell whether the broker confirmed it."""


@dataclass
class Closing:
    """Which sessions are to be closed and when; one loop that ends when `stop` is set."""

    services: Services
    closer: Closer
    stop: threading.Event
    closed: int = 0
    _seen: set[str] = field(default_factory=set)
    _due: dict[str, list[datetime]] = field(default_factory=dict)
    _speakers: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    _quiet_until: dict[str, datetime] = field(default_factory=dict)

    def heard_from(self, device: str) -> None:
        """Note that a device spoke which is none of the school's, or no more; may be called from any thread."""
        self._speakers.put(device)

    def close_all(self) -> None:
        """Close what has to be closed, until stopped. A failing database or broker is asked again."""
        while not self.stop.is_set():
            try:
                self.look()
            except OperationalError:
                log.exception("the revoked certificates could not be read; trying again")
            self.perform()
            self.stop.wait(LOOK_S)

    def look(self) -> None:
        """Read which certificates were revoked since the last look, and who spoke without a good one."""
        now, speakers = self.services.clock(), set(_drained(self._speakers))
        with self.services.database.reading() as session:
            revoked = {
                serial: (device, SOON if _has_good_certificate(session, device, now) else AGAIN)
                for serial, device in _revoked(session, now)
                if serial not in self._seen
            }
            strangers = [device for device in speakers if not _has_good_certificate(session, device, now)]
        for serial, (device, times) in revoked.items():
            self._seen.add(serial)
            self._due[device] = [now + after for after in times]
        for device in strangers:
            if self._quiet_until.get(device, now) <= now:
                self._quiet_until[device] = now + QUIET
                self._due.setdefault(device, []).insert(0, now)
        self._quiet_until = {device: until for device, until in self._quiet_until.items() if until > now}

    def perform(self) -> None:
        """Close every session whose time has come; one that the broker did not confirm stays due."""
        now = self.services.clock()
        for device in [device for device, times in self._due.items() if times[0] <= now]:
            if self.stop.is_set() or not self.closer.take_over(device):
                continue
            self.closed += 1
            self._due[device] = [at for at in self._due[device] if at > now]
            if not self._due[device]:
                del self._due[device]


def _revoked(session: Session, now: datetime) -> Iterable[tuple[str, str]]:
    """Give serial number and unit of each certificate that was revoked and would still be good."""
    taken_back = select(Certificate.serial, Certificate.device).where(
        Certificate.revoked_at.is_not(None), Certificate.ends_at > now
    )
    return [(serial, device) for serial, device in session.execute(taken_back)]


def _has_good_certificate(session: Session, device: str, now: datetime) -> bool:
    good = select(Certificate.serial).where(
        Certificate.device == device, Certificate.revoked_at.is_(None), Certificate.ends_at > now
    )
    return session.execute(good.limit(1)).first() is not None


def _drained(waiting: queue.SimpleQueue[str]) -> Iterator[str]:
    while True:
        try:
            yield waiting.get_nowait()
        except queue.Empty:
            return

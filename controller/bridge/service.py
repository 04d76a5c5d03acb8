"""The bridge: what units say over MQTT goes into the database, what the outbox holds goes to the broker.

One writer, in batches: it flushes each second or every 500 messages. Whatever is malformed is logged, counted and
dropped; a message or a broker can never end the loop. A unit's birth brings everything that it may have missed into
the outbox again. Nothing here believes a message for more than scheduling and showing (docs/protocol/mqtt.md).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.orm import Session

from controller.bridge import outbox
from controller.bridge.models import Outbox
from controller.bridge.said import UnknownDeviceError, hear
from controller.services import Services
from protocol.errors import ProtocolError
from protocol.topics import parse_up

FLUSH_S = 1.0
LAST_S = 0.2  # what was said while the bridge is being stopped
BATCH = 500
SENT_AT_ONCE = 100  # a bridge that is killed sends at most so many again
LOOK_S = 0.5  # how soon a new row of the outbox is published
CONFIRM_S = 10.0
FORGET_EVERY = timedelta(hours=1)

log = logging.getLogger(__name__)


class Message(Protocol):
    """What a unit said."""

    @property
    def topic(self) -> str:
        """Give the topic."""

    @property
    def payload(self) -> bytes:
        """Give the bytes."""


class Messages(Protocol):
    """The queue of what units said."""

    def get(self, block: bool = True, timeout: float | None = None) -> Message:  # noqa: FBT001, FBT002 - queue.Queue's
        """Give the next message; raise `queue.Empty` when none comes in time."""


class Link(Protocol):
    """The door to the broker (controller/bridge/link.py)."""

    @property
    def messages(self) -> Messages:
        """Give the queue of what units said."""

    def publish_all(self, messages: Sequence[Outbox], *, timeout_s: float) -> int:
        """Publish in order, and tell how many, from the first on, the broker confirmed."""


@dataclass
class Counts:
    """What the bridge did since it began."""

    heard: int = 0
    malformed: int = 0
    sent: int = 0


@dataclass
class Bridge:
    """Both directions; each is a loop that ends when `stop` is set."""

    services: Services
    link: Link
    stop: threading.Event
    on_stranger: Callable[[str], None]
    """Called with the device of the topic when a message is from nobody of the school's."""
    counts: Counts = field(default_factory=Counts)

    def hear_all(self) -> None:
        """Take what units say and write it down, batch by batch, until stopped."""
        batch: list[Message] = []
        while not self.stop.is_set():
            batch += gather(self.link.messages, BATCH - len(batch), FLUSH_S)
            if batch and self._write(batch):
                batch = []
        batch += gather(self.link.messages, BATCH, LAST_S)
        if batch:
            self._write(batch)

    def _write(self, batch: Sequence[Message]) -> bool:
        """Write a batch in one transaction; tell whether it is written. A busy database is asked again."""
        try:
            with self.services.database.writing() as session:
                heard = sum(self._hear(session, message) for message in batch)
        except OperationalError:
            log.exception("the database did not take %d message(s); they are kept and written again", len(batch))
            self.stop.wait(FLUSH_S)
            return False
        self.counts.heard += heard
        self.counts.malformed += len(batch) - heard
        return True

    def _hear(self, session: Session, message: Message) -> bool:
        try:
            with session.begin_nested():
                hear(self.services, session, message.topic, message.payload)
        except (ProtocolError, DataError, IntegrityError) as error:
            log.warning("a message on %s was dropped: %s", message.topic[:120], error)
            if isinstance(error, UnknownDeviceError):
                self.on_stranger(parse_up(message.topic).device)
            return False
        return True

    def send_all(self) -> None:
        """Publish the outbox's rows in order, and mark what the broker confirmed, until stopped."""
        forgotten_at = self.services.clock()
        while not self.stop.is_set():
            try:
                idle = self.send_some() == 0
                if self.services.clock() - forgotten_at > FORGET_EVERY:
                    forgotten_at = self.services.clock()
                    self._forget()
            except OperationalError:
                log.exception("the outbox could not be read or marked; trying again")
                idle = True
            if idle:
                self.stop.wait(LOOK_S)

    def send_some(self) -> int:
        """Publish some of what waits, up to the first row that the broker does not confirm. Tell how many were sent."""
        with self.services.database.reading() as session:
            rows = outbox.unsent(session, SENT_AT_ONCE)
        count = self.link.publish_all(rows, timeout_s=CONFIRM_S) if rows else 0
        if count:
            with self.services.database.writing() as session:
                outbox.mark_sent(session, [row.id for row in rows[:count]], self.services.clock())
        self.counts.sent += count
        return count

    def _forget(self) -> None:
        with self.services.database.writing() as session:
            outbox.forget_sent(session, self.services.clock())


def gather(messages: Messages, most: int, within_s: float) -> list[Message]:
    """Take what is there or comes within `within_s`, at most `most`."""
    gathered: list[Message] = []
    deadline = time.monotonic() + within_s
    while len(gathered) < most and (left_s := deadline - time.monotonic()) > 0:
        try:
            gathered.append(messages.get(timeout=left_s))
        except queue.Empty:
            break
    return gathered

"""One visit of a stick at the school: each unit's export is taken in, and then its answer and the note are laid.

One visit at a time on a server. What is said of it is the same for a unit that recorded nothing and for one that
recorded all week (promise P7). Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.exc import OperationalError

from controller.devices.abilities import note_abilities
from controller.devices.boards import note_board
from controller.devices.counters import note_counters
from controller.devices.policy import judge_carried_counters
from controller.disk.services import look
from controller.errors import OperatorError, Refusal
from controller.services import Services
from controller.stick.answer import lay_answer
from controller.stick.intake import Intake, StickUnreadableError, describe_database
from controller.stick.speaker import NotAdmittedError, Speaker, find_speaker
from controller.uploads.incoming import IncomingStore
from protocol.durable import PRIVATE, REAL, Files
from protocol.envelope import EnvelopeError, NoMatchError, OpenReader
from protocol.stick import Head, Kind, Record, StickError, Way, read_records
from protocol.stick_folder import PartsReader, StickFolder, unit_folders

LOCK = "stick.lock"
ARRIVING = "stick"
"""Folder for the one object that is on its way: apart from the uploads, which another process looks after."""

NO_EPOCH = (
    "nothing of this school opens it: it is of another school, or sealed to a week that has ended (see: backrow "
    "controller epochs list)"
)
TORN = "the stick was pulled out before the unit had finished: plug it in at the unit again, and wait"
DAMAGED = (
    "what lies before the damaged place was taken in; the unit writes the rest again: bring the stick back to it, or "
    "better another one"
)
FOUL = (
    "something on it is not what the unit's recorder signed, and was not taken in; see docs/runbooks/usb-stick.md, "
    '"Something was refused"'
)
QUARANTINED = "the unit is quarantined: nothing was taken in. Look at it, then: backrow controller device accept"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one unit's export. `answered`: the answer is on the stick; `problems`: for people, none is well.

    `label`: the room; "" of a unit that did not prove itself.
    """

    device: str
    label: str = ""
    answered: bool = False
    problems: tuple[str, ...] = ()


@contextmanager
def visiting(services: Services) -> Iterator[IncomingStore]:
    """Keep a second visit out, and give a place for what arrives, in which nothing is left of a visit that was killed.

    Raises `OperatorError`.
    """
    data = services.config.controller.data
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        incoming = IncomingStore(data / ARRIVING)
        for upload in incoming.upload_ids():
            incoming.discard(upload)
        incoming.sweep(services.clock())
        yield incoming
    except BlockingIOError:
        raise OperatorError("another stick is being taken in on this server; wait until that has finished") from None
    finally:
        os.close(descriptor)


def find_exports(root: Path) -> tuple[StickFolder, ...]:
    """Give the folders of the units that wrote onto a stick, whole or not; raise `OSError`."""
    return tuple(folder for folder in unit_folders(root) if folder.parts() or folder.is_torn())


def take_in(services: Services, incoming: IncomingStore, folder: StickFolder, stick: Files = REAL) -> Outcome:
    """Take in what one unit wrote, and lay the answer; what refuses is told in the outcome."""
    if not folder.parts():
        return Outcome(device=folder.device, problems=(TORN,))
    return Export(services, incoming, folder).take_in(stick)


class Export:
    """One unit's export, on its way in."""

    def __init__(self, services: Services, incoming: IncomingStore, folder: StickFolder) -> None:
        self._services = services
        self._incoming = incoming
        self._folder = folder
        self._speaker: Speaker | None = None
        self._intake: Intake | None = None
        self._problems: list[str] = []

    def take_in(self, stick: Files) -> Outcome:
        """Read the export to its end, or as far as it goes; then answer."""
        try:
            self._read()
        except NoMatchError:
            self._problems.append(NO_EPOCH)
        except NotAdmittedError as refused:
            self._speaker = None
            self._problems.append(str(refused))
        except (EnvelopeError, StickError, StickUnreadableError) as error:
            self._problems.append(f"the stick is damaged: {error}; {DAMAGED}")
        except OperationalError as error:
            self._problems.append(describe_database(error))
        return self._end(stick)

    def _read(self) -> None:
        with PartsReader(self._folder.parts()) as parts:
            opened = OpenReader(_Stick(parts), tuple(self._services.keys.epochs.values()))
            for record in read_records(opened, Way.TO_SCHOOL):
                if record.kind is Kind.HEAD:
                    self._begin(record)
                    if self._intake is None:
                        return
                elif self._intake:
                    self._intake.take(record)

    def _begin(self, record: Record) -> None:
        data = record.read_all()
        head = self._admit(data).head
        self._note(head)
        self._speaker = self._admit(data)  # its counters may have quarantined it just now
        if not self._speaker.delivers:
            self._problems.append(QUARANTINED)
            return
        self._intake = Intake(self._services, self._incoming, head.device, partial(self._require_delivering, data))
        with self._services.database.reading() as session:
            if look(self._services, session, self._services.clock()).is_full:
                self._intake.stop("the server's disk has no room; docs/runbooks/server-disk.md says what to do")

    def _admit(self, data: bytes) -> Speaker:
        return find_speaker(self._services, self._folder.device, data)

    def _require_delivering(self, data: bytes) -> None:
        """Look again: a unit may be declared lost, or be quarantined, while its stick is read."""
        speaker = self._admit(data)
        if self._intake and not speaker.delivers:
            self._intake.stop(QUARANTINED)

    def _note(self, head: Head) -> None:
        try:
            note_counters(self._services, head.device, head.counters or None, judge_carried_counters)
        except Refusal as refusal:
            raise NotAdmittedError(f"it is refused: {refusal.detail}") from None
        note_board(self._services, head.device, head.board or None)
        if head.abilities:  # what was said over HTTPS since counts where a stick says nothing
            note_abilities(self._services, head.device, head.abilities)

    def _end(self, stick: Files) -> Outcome:
        if self._speaker is None:
            return Outcome(device=self._folder.device, problems=tuple(self._problems))
        if self._intake:
            self._problems += [self._intake.stopped] if self._intake.stopped else []
            self._problems += [FOUL] if self._intake.is_foul else []
        answered = self._answer(self._speaker, self._intake.named if self._intake else (), stick)
        return Outcome(
            device=self._folder.device, label=self._speaker.label, answered=answered, problems=tuple(self._problems)
        )

    def _answer(self, speaker: Speaker, named: list[str] | tuple[()], stick: Files) -> bool:
        try:
            lay_answer(self._services, self._folder, speaker.head, named, stick)
        except OSError as error:
            self._problems.append(
                f"the answer could not be written onto the stick: {error.strerror or error}; is it mounted for "
                "writing? Take it in again: nothing is counted twice"
            )
        except OperationalError as error:
            self._problems.append(describe_database(error))
        else:
            return True
        return False


class _Stick:
    """A stick's parts, of which faults are told apart from those of the server's own disk."""

    def __init__(self, parts: PartsReader) -> None:
        self._parts = parts

    def read(self, size: int, /) -> bytes:
        """Give the next bytes; raise `StickUnreadableError`."""
        try:
            return self._parts.read(size)
        except OSError as error:
            raise StickUnreadableError(f"it cannot be read: {error.strerror or error}") from error

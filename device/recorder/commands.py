"""What the school's signed commands ask of the recorder: to blink, and to be retired. Verified here, by the recorder.

A blink is performed once, whatever restarts: its (generation, version) is written down before the lamp is set, and a
command whose end has come is none. A retired unit records no more; when its spool is empty a marker lets root's
`backrow device wipe` erase the keys, which are not the recorder's to erase. No command starts, stops or moves a camera:
docs/protocol/mqtt.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from device.identity import DocumentStore
from device.recorder.moments import Moments
from device.spool.store import SpoolStore
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.commands import Task
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError

PERFORMED, WIPE_MARKER = "performed", "retired"
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Performed:
    """The newest command to blink that was performed."""

    generation: int = 0
    version: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """Give what decides which of two commands is newer."""
        return (self.generation, self.version)


class Commands:
    """The commands that concern the recorder; in `folder` it remembers what it has performed."""

    def __init__(self, documents: DocumentStore, moments: Moments, *, store: SpoolStore, folder: Path) -> None:
        self._documents = documents
        self._moments = moments
        self._store = store
        self._folder = folder

    def take_blink(self) -> bool:
        """Tell whether the lamp is to blink now, and remember that it did; raise `OSError` when the disk refuses."""
        command = self._documents.load_command(Task.IDENTIFY, self._moments.now_at()).document
        if command is None or command.order <= self._load().order:
            return False
        performed = Performed(generation=command.generation, version=command.version)
        replace_file(
            self._folder / PERFORMED, encode_canonical(encode_record(performed)), mode=SHARED, files=self._store.files
        )
        return True

    def allow_wipe(self) -> None:
        """Lay the marker that lets the unit be wiped: it is retired, its time has come, and its spool is empty.

        The time is one that has certainly passed, whatever a clock says that nobody set. Raises `OSError`.
        """
        command = self._documents.load_command(Task.RETIRE, self._moments.now_at()).document
        if command is None or command.not_before is None:
            return
        self._moments.learn(command.issued_at)
        if self._moments.known_at() < command.not_before:
            return
        marker = self._folder / WIPE_MARKER
        if not self._store.recordings() and not marker.exists():
            replace_file(marker, encode_canonical({"device": command.device}), mode=SHARED, files=self._store.files)

    def _load(self) -> Performed:
        what = "recorder/performed"
        try:
            return parse_record(Performed, parse_canonical((self._folder / PERFORMED).read_bytes(), what), what)
        except FileNotFoundError:
            return Performed()
        except ProtocolError as error:
            log.warning("%s; it is written anew at the next command", error)
            return Performed()

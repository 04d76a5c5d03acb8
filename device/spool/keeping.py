"""Keeps recordings in order and ends them, also on a full disk: what the reserve was set aside for.

Ending a recording and recovering one after a cut go through the same door, so that no end is left that recovery would
not have made. Never removes footage. Rules: device/spool/mending.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from device.spool.manifest import Signer
from device.spool.mending import Mended, mend_recording
from device.spool.recording import OpenRecording
from device.spool.store import FULL, SpoolStore
from protocol.errors import ProtocolError
from protocol.manifest import Begun, CloseReason, Event, EventName
from protocol.signing import VerifyingKey

Result = TypeVar("Result")
log = logging.getLogger(__name__)


class SpoolKeeper:
    """The spool's recordings as wholes."""

    def __init__(self, store: SpoolStore, signer: Signer) -> None:
        self._store = store
        self._signer = signer

    @property
    def key(self) -> VerifyingKey:
        """Give the recorder's key, whose lines alone are believed."""
        return self._signer.key.verifying

    def mend_all(self) -> tuple[Mended, ...]:
        """Bring every recording into order; one that the disk refuses is marked, and does not keep the unit down."""
        self._store.prepare()
        return tuple(self._mend_or_mark(recording) for recording in self._store.recordings())

    def mend(self, recording: str) -> Mended:
        """Bring one recording into order."""
        return self.with_reserve(lambda: mend_recording(self._store, recording, self._signer))

    def begun_of(self, recording: str) -> Begun | None:
        """Give the first line of a recording; None when its manifest cannot be believed."""
        manifest = self.mend(recording).manifest
        return manifest.begun if manifest else None

    def end(self, recording: str, reason: CloseReason) -> None:
        """Write a recording's last line, after the one of a segment that was torn; raise `OSError`, `ProtocolError`."""
        mended = self.mend(recording)
        if mended.manifest is None or mended.writer is None:
            raise ProtocolError("; ".join(mended.problems) or f"recording {recording}: its manifest is gone")
        if mended.is_open:
            taken_up = OpenRecording(self._store, mended.manifest, mended.writer)
            self.with_reserve(lambda: taken_up.close(reason))

    def lift_discard(self, recording: str) -> None:
        """Write down that the owner took a discard back; raise `OSError`, `ProtocolError`."""
        mended = self.mend(recording)
        if mended.manifest is not None and mended.writer is not None and mended.manifest.discarded:
            writer = mended.writer
            self.with_reserve(lambda: writer.append(Event(name=EventName.UNDISCARD)))

    def holds(self, recording: str) -> bool:
        """Tell whether anything of a recording is here."""
        return recording in self._store.recordings()

    def _mend_or_mark(self, recording: str) -> Mended:
        try:
            return self.mend(recording)
        except OSError:
            return Mended(recording=recording, is_refused=True)

    def with_reserve(self, write: Callable[[], Result]) -> Result:
        """Write, and on a full disk once more with the reserve given back; raise what the second try says.

        Any other refusal (a read-only card, an error of the card) is no question of space: the reserve stays.
        """
        try:
            return write()
        except OSError as error:
            if error.errno not in FULL:
                raise
            if self._store.reserve_bytes:
                log.debug("the disk is full (%s); giving the reserve back and trying once more", error)
            self._store.release_reserve()
            return write()

"""The journal: the checkpoint of the machine's state, on the disk before any effect of it is performed.

One small file, replaced durably, and only when something changed that a restart must know: phases that recovery.py
treats alike are one to it, and without a recording all of them are. Each write costs a press two flushes of the card.
It says nothing of media.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from device.recorder.recovery import BOOT_TABLE, Fate, checkpoint_of
from device.recorder.states import Checkpoint, State
from protocol.codec import CodecError, encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import Files, replace_file

ANEW_S = 900  # how far a unit that rests may fall behind with what time it knows to have passed


class Journal:
    """The checkpoint file at `path`."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._last: tuple[object, ...] | None = None

    def load(self) -> Checkpoint | None:
        """Read the last checkpoint; None when there is none, or none that can be read (which a cut cannot cause)."""
        try:
            data = self._path.read_bytes()
            return parse_record(Checkpoint, parse_canonical(data, "recorder/journal"), "recorder/journal")
        except (OSError, CodecError):
            return None

    def save(self, state: State, *, boot: str, wall_at: datetime) -> None:
        """Write the checkpoint durably, when it says something new; raise `OSError` when the disk fails.

        `wall_at` is an instant that has certainly passed; a quarter of an hour is new.
        """
        checkpoint = checkpoint_of(state, boot=boot, wall_at=wall_at)
        told = (state.recording, state.reason, state.unanswered)
        known = (_fates(checkpoint), *told, wall_at.timestamp() // ANEW_S)
        if known == self._last:
            return
        replace_file(self._path, encode_canonical(encode_record(checkpoint)), files=self._files)
        self._last = known


def _fates(checkpoint: Checkpoint) -> tuple[Fate, Fate] | None:
    """Give what a restart would mean for the recording; None while there is none."""
    return BOOT_TABLE[checkpoint.phase] if checkpoint.recording else None

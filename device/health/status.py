"""The recorder's status file: fit or unfit and why, school days left, and what lies damaged in the spool.

It carries no times, and what it says of space (days left, and the bytes that a school day may bring) changes once a
day, so that whoever reads it does not learn when a room records (promise P7). Agent and uploader read it. Layout:
docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, Files, replace_file


@dataclass(frozen=True, kw_only=True)
class RecorderStatus:
    """What the recorder says of the unit. `reasons`, `damaged` and `notes` are codes that name and count no recordings.

    `day_bytes` is how much the next school day may bring: agent and uploader tell by it how much must leave before.
    `notes` are for who stands at the unit; the agent does not pass them on.
    """

    fit: bool
    reasons: tuple[str, ...] = ()
    school_days_left: int | None = None
    day_bytes: int | None = None
    damaged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load_status(path: Path) -> RecorderStatus:
    """Read `recorder/status`; raise `CodecError` when it is not what the recorder writes, `OSError` when unreadable."""
    return parse_record(RecorderStatus, parse_canonical(path.read_bytes(), "recorder/status"), "recorder/status")


class StatusFile:
    """The file at `path`, written only when it would say something new."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._said: RecorderStatus | None = None

    def say(self, status: RecorderStatus) -> None:
        """Replace the file; raise `OSError` when the disk fails."""
        if status == self._said:
            return
        replace_file(self._path, encode_canonical(encode_record(status)), mode=SHARED, files=self._files)
        self._said = status

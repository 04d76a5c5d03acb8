"""The uploader's own memory: one small file a recording in `uploads/`, canonical JSON, replaced as a whole.

Nothing in it is believed by anybody else: the recorder releases segments by receipts alone. A record that is missing
or damaged costs a few questions to the controller and no footage. Layout: docs/ARCHITECTURE.md.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from device.uploads.plan import UploadRecord
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError
from protocol.ids import is_id, parse_id

log = logging.getLogger(__name__)


class Records:
    """The records in one folder; one process writes, the agent only reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, recording: str) -> UploadRecord:
        """Give what is remembered of a recording; an empty record when nothing readable is."""
        path = self._path(recording)
        try:
            record = parse_record(UploadRecord, parse_canonical(path.read_bytes(), str(path)), str(path))
        except FileNotFoundError:
            return UploadRecord(recording=recording)
        except (ProtocolError, OSError) as error:
            log.warning("a record of the uploader cannot be read and is begun anew")
            log.debug("%s: %s", path, error)  # it names a recording
            return UploadRecord(recording=recording)
        return record if record.recording == recording else UploadRecord(recording=recording)

    def load_all(self) -> tuple[UploadRecord, ...]:
        """Give every record that stands, in the order of their names."""
        return tuple(self.load(name) for name in self._names())

    def save(self, record: UploadRecord) -> None:
        """Keep a record, durably; raise `OSError` when the card refuses, the old one stands then."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        replace_file(self._path(record.recording), encode_canonical(encode_record(record)), mode=SHARED)

    def forget_all_but(self, recordings: Collection[str]) -> None:
        """Remove the records of recordings that are no longer in the spool."""
        for name in self._names():
            if name not in recordings:
                self._path(name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(path.name for path in self._folder.iterdir() if is_id(path.name))

    def _path(self, recording: str) -> Path:
        return self._folder / parse_id(recording, "recording")

"""Tells to which epoch each recording in the spool is sealed, by the first line of its manifest.

The line is the recorder's own, signed, and never changes: what was read once is known for the life of the process. A
recording whose first line cannot be believed is one of which nobody can tell. Never writes.
"""

from __future__ import annotations

from collections.abc import Iterator

from device.spool.store import SpoolStore
from protocol.errors import ProtocolError
from protocol.manifest import Begun, parse_lines
from protocol.signing import VerifyingKey

FIRST_LINE_BYTES = 64 * 1024


class HeldEpochs:
    """The epochs of the spool's recordings."""

    def __init__(self, store: SpoolStore, key: VerifyingKey) -> None:
        self._store = store
        self._key = key
        self._known: dict[str, str] = {}

    def look(self) -> Iterator[str | None]:
        """Give the epoch of every recording that lies here, None for one of which nobody can tell.

        Raises `OSError` when the spool cannot be listed.
        """
        present = self._store.recordings()
        self._known = {name: epoch for name, epoch in self._known.items() if name in present}
        return iter([self._epoch_of(name) for name in present])

    def _epoch_of(self, recording: str) -> str | None:
        known = self._known.get(recording) or self._read(recording)
        if known is not None:
            self._known[recording] = known
        return known

    def _read(self, recording: str) -> str | None:
        try:
            with self._store.manifest_path(recording).open("rb") as file:
                first = file.readline(FIRST_LINE_BYTES)
            begun = next(parse_lines(first, self._key)).content
        except (OSError, ProtocolError, StopIteration):
            return None
        return begun.epoch if isinstance(begun, Begun) and begun.recording == recording else None

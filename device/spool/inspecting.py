"""Reads sealed segments again, one at a time while nothing is recorded, and tells which are not what was sealed.

It only tells: a segment that somebody edited, or that the card lost, and a file that the manifest does not name stay
where they are; the controller refuses the one and never hears of the other. Each recording is read once in the life of
the process; copies of what was delivered are spared: nothing hangs on them, and they are compared before they are sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator

from device.spool.store import SpoolStore
from protocol.errors import ProtocolError
from protocol.manifest import KEY_INDEX, parse_manifest
from protocol.signing import VerifyingKey


class Inspector:
    """Goes round the spool slowly."""

    def __init__(self, store: SpoolStore, key: VerifyingKey) -> None:
        self._store = store
        self._key = key
        self._seen: set[str] = set()
        self._round: Iterator[str] = iter(())
        self._spared: Collection[str] = ()

    def inspect_next(self, spared: Collection[str] = ()) -> str:
        """Read the next object that was not read yet of what is not `spared`, and give what is wrong, or nothing."""
        self._spared = spared
        found = next(self._round, None)
        if found is None:
            self._round = self._walk()
            return ""
        return found

    def _walk(self) -> Iterator[str]:
        for recording in self._store.recordings():
            if recording not in self._seen and recording not in self._spared:
                yield from self._walk_recording(recording)

    def _walk_recording(self, recording: str) -> Iterator[str]:
        try:
            manifest = parse_manifest(self._store.manifest_path(recording).read_bytes(), self._key)
        except (OSError, ProtocolError):
            return  # it is being written, being released, or was told about when the recorder started
        if manifest.closed is None:
            return
        for index in manifest.objects():
            named = manifest.expected(index)
            yield self._compare(recording, index, named[0] if named else "")
        strays = self._store.find_strays(recording, tuple(manifest.objects()))
        if strays:
            yield f"recording {recording}: {', '.join(strays)}: the manifest does not name that; left alone"
        self._seen.add(recording)

    def _compare(self, recording: str, index: int, digest: str) -> str:
        try:
            with self._store.object_path(recording, index).open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == digest
        except FileNotFoundError:
            return ""  # released in the meantime
        except OSError as error:
            return f"recording {recording}: object {index} cannot be read: {error.strerror}"
        what = self._store.object_path(recording, index).name if index == KEY_INDEX else f"segment {index}"
        return "" if same else f"recording {recording}: {what} is not what was sealed; the controller will refuse it"

"""Reads the spool as a guest: which recordings are closed and may be delivered. Never writes there.

A manifest counts when the recorder's own key signed it and its chain holds; one that does not is told with the reason
and left alone. Manifests that have not changed are not verified again. Formats: docs/protocol/manifest.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from device.spool.store import SpoolStore
from device.uploads.plan import SpooledObject, SpooledRecording
from protocol.durable import REAL
from protocol.errors import ProtocolError
from protocol.manifest import Manifest, ManifestError, parse_manifest
from protocol.signing import VerifyingKey


@dataclass(frozen=True)
class Unreadable:
    """A recording whose manifest cannot be believed, and why."""

    recording: str
    reason: str


@dataclass(frozen=True)
class Look:
    """What one look at the spool found. `present` names every folder, also unfinished and discarded recordings."""

    recordings: tuple[SpooledRecording, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    present: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Seen:
    stamp: tuple[int, int, int]
    found: SpooledRecording | Unreadable | None


class Spool:
    """The spool under `root`, whose manifests `recorder` signed."""

    def __init__(self, root: Path, recorder: VerifyingKey) -> None:
        self._root = root
        self._store = SpoolStore(root, REAL)
        self._recorder = recorder
        self._seen: dict[str, _Seen] = {}

    def look(self) -> Look:
        """Look at every recording; raise `OSError` when the spool cannot be listed."""
        if not self._root.is_dir():
            return Look()
        present = self._store.recordings()
        self._seen = {name: self._see(name) for name in present}
        found = [seen.found for seen in self._seen.values()]
        return Look(
            recordings=tuple(one for one in found if isinstance(one, SpooledRecording)),
            unreadable=tuple(one for one in found if isinstance(one, Unreadable)),
            present=frozenset(present),
        )

    def manifest_bytes(self, recording: SpooledRecording) -> bytes:
        """Give the manifest's lines that were verified, and no later ones; raise `OSError` when it is gone."""
        data = self._store.manifest_path(recording.recording).read_bytes()
        return b"".join(data.splitlines(keepends=True)[: recording.manifest_lines])

    def object_path(self, recording: str, index: int) -> Path:
        """Name the sealed file of an object."""
        return self._store.object_path(recording, index)

    def lying_bytes(self, recording: str, objects: Iterable[SpooledObject]) -> int:
        """Add up how much of the card those of the objects take that are still here."""
        return sum(self._store.size_bytes(recording, one.index) or 0 for one in objects)

    def _see(self, name: str) -> _Seen:
        try:
            found = os.stat(self._store.manifest_path(name))
        except FileNotFoundError:
            return _Seen((0, 0, 0), None)
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        before = self._seen.get(name)
        return before if before and before.stamp == stamp else _Seen(stamp, self._read(name))

    def _read(self, name: str) -> SpooledRecording | Unreadable | None:
        try:
            data = self._store.manifest_path(name).read_bytes()
            manifest = parse_manifest(data[: data.rfind(b"\n") + 1], self._recorder)
            if manifest.begun.recording != name:
                raise ManifestError(f"manifest: it is of recording {manifest.begun.recording}, found in {name}")
        except FileNotFoundError:
            return None
        except (ProtocolError, OSError) as error:
            return Unreadable(name, str(error))
        return _describe(manifest) if manifest.closed and not manifest.discarded else None


def _describe(manifest: Manifest) -> SpooledRecording:
    named = ((index, manifest.expected(index)) for index in manifest.objects())
    return SpooledRecording(
        recording=manifest.begun.recording,
        began_at=manifest.began.wall_at,
        manifest_lines=len(manifest.lines),
        manifest_head=manifest.head,
        objects=tuple(
            SpooledObject(index=index, digest=facts[0], size_bytes=facts[1]) for index, facts in named if facts
        ),
    )

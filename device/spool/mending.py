"""Brings a recording that was cut off into order, without a key and without touching what is on the disk.

A torn last line is cut off the manifest; a segment that was open gets its `recovered` line, with as much as is there,
be it nothing. What a power cut cannot have done (an edited manifest, a segment of another length) is told and left
alone; files that nobody named are inspecting.py's to tell. Rules: docs/protocol/manifest.md, docs/protocol/envelope.md.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from device.spool.manifest import ManifestWriter, Signer, continue_manifest, first_line_is_whole
from device.spool.store import SpoolStore
from protocol.durable import SHARED
from protocol.envelope import EnvelopeError, recover
from protocol.errors import ProtocolError
from protocol.manifest import KEY_INDEX, Manifest, Recovered, Sealed, Segment, parse_manifest


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A recording in order. `manifest` is None when it could not be believed or nothing of it had begun.

    `is_refused`: the disk refused what there was to do, so that this has to be tried again.
    """

    recording: str
    manifest: Manifest | None = None
    writer: ManifestWriter | None = None
    problems: tuple[str, ...] = ()
    is_refused: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether it still wants its last line."""
        return self.manifest is not None and self.manifest.closed is None


def mend_recording(store: SpoolStore, recording: str, signer: Signer) -> Mended:
    """Bring one recording into order; raise `OSError` when the disk fails, and nothing is lost by trying again."""
    store.remove_drafts(recording)
    path = store.manifest_path(recording)
    if not first_line_is_whole(path, signer.key.verifying) and _remove_unbegun(store, recording):
        return Mended(recording=recording)
    try:
        manifest, writer = continue_manifest(path, signer)
        if manifest.begun.recording != recording:
            raise ProtocolError(f"the manifest is of recording {manifest.begun.recording}")
    except (ProtocolError, FileNotFoundError) as error:
        return Mended(recording=recording, problems=(f"recording {recording}: {error}",))
    strays = _remove_stray(store, recording, len(manifest.segments) + 1) if manifest.closed is None else ()
    problems = list(strays)
    if manifest.segments and manifest.segments[-1].ended is None:
        recovered, found = _recover_segment(store, recording, manifest.segments[-1])
        writer.append(recovered)
        problems += found
        manifest = parse_manifest(path.read_bytes(), signer.key.verifying)
    problems += _compare_lengths(store, manifest)
    return Mended(recording=recording, manifest=manifest, writer=writer, problems=tuple(problems))


def _remove_unbegun(store: SpoolStore, recording: str) -> bool:
    """Remove a recording that was cut off before its first line: nothing was captured, no segment can be there."""
    names = {path.name for path in store.folder(recording).iterdir()}
    manifest = store.manifest_path(recording)
    torn = not manifest.exists() or b"\n" not in manifest.read_bytes()
    if not torn or names - {manifest.name, store.object_path(recording, KEY_INDEX).name}:
        return False
    store.remove_recording(recording)
    return True


def _remove_stray(store: SpoolStore, recording: str, index: int) -> tuple[str, ...]:
    """Remove the file of a segment whose `opened` line never came, when it holds a header and no media."""
    path = store.object_path(recording, index)
    if not path.exists():
        return ()
    chunks, torn = _measure(path)
    if chunks or torn:
        return (f"recording {recording}: {path.name} holds media that the manifest does not name; left alone",)
    store.remove_object(recording, index)
    return ()


def _measure(path: Path) -> tuple[int, int]:
    """Count whole chunks and torn bytes of a sealed file; a header that is not whole has nothing behind it."""
    with path.open("rb") as file:
        try:
            tail = recover(file)
        except EnvelopeError:
            return 0, 0
    return tail.whole_chunks, tail.torn_bytes


def _recover_segment(store: SpoolStore, recording: str, segment: Segment) -> tuple[Recovered, list[str]]:
    path = store.object_path(recording, segment.index)
    if not path.exists():
        _make_empty(store, path)
    _make_durable(store, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        chunks, problems = 0, []
        try:
            tail = recover(file)
            if hashlib.sha256(tail.header).hexdigest() == segment.opened.header_digest:
                chunks = tail.whole_chunks
            else:
                problems.append(f"recording {recording}: {path.name} begins with another header than the one opened")
        except EnvelopeError as error:
            problems += [f"recording {recording}: {path.name}: {error}"] if size else []
    return Recovered(index=segment.index, digest=digest, size_bytes=size, whole_chunks=chunks), problems


def _make_empty(store: SpoolStore, path: Path) -> None:
    """Give a segment whose file a cut took a file all the same, so that it can be delivered as what it is."""
    store.files.close(store.files.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SHARED))
    store.files.sync_folder(path.parent)


def _make_durable(store: SpoolStore, path: Path) -> None:
    """What the line is about to say of the file must be on the disk before the line is."""
    descriptor = store.files.open(path, os.O_WRONLY)
    try:
        store.files.sync(descriptor)
    finally:
        store.files.close(descriptor)


def _compare_lengths(store: SpoolStore, manifest: Manifest) -> list[str]:
    """Tell which sealed segments are not as long as their lines say; a missing one may have been released."""
    problems = []
    for segment in manifest.segments:
        if isinstance(segment.ended, Sealed):
            found = store.size_bytes(manifest.begun.recording, segment.index)
            if found not in (None, segment.ended.size_bytes):
                problems.append(
                    f"recording {manifest.begun.recording}: segment {segment.index} has {found} bytes, its line says "
                    f"{segment.ended.size_bytes}; left alone, the controller will refuse it"
                )
    return problems

"""Writes a recording's manifest: signed lines appended durably, and a torn last line cut off at boot.

A line counts when it is on the disk; a failed append leaves the chain where it was. Never rewrites a line. The format
is protocol.manifest's, described in docs/protocol/manifest.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from protocol.durable import SHARED, Files, append_durably
from protocol.errors import ProtocolError
from protocol.manifest import (
    NO_LINE,
    Begun,
    Content,
    Manifest,
    ManifestError,
    Moment,
    digest_of,
    parse_lines,
    parse_manifest,
    sign_content,
)
from protocol.signing import SigningKey, VerifyingKey


@dataclass(frozen=True, kw_only=True)
class Signer:
    """What every line needs: the recorder's key, the moment, and the door to the disk."""

    key: SigningKey = field(repr=False)
    moment: Callable[[], Moment]
    files: Files


class ManifestWriter:
    """The end of one manifest's chain; used by one thread at a time."""

    def __init__(self, path: Path, signer: Signer, *, number: int = 0, previous: str = NO_LINE) -> None:
        self._path = path
        self._signer = signer
        self._number = number
        self._previous = previous

    def append(self, content: Content) -> None:
        """Sign one line and return when it is on the disk; raise `OSError` and change nothing otherwise."""
        line = sign_content(
            content, moment=self._signer.moment(), number=self._number, previous=self._previous, key=self._signer.key
        )
        append_durably(self._path, line, mode=SHARED, files=self._signer.files)
        self._number, self._previous = self._number + 1, digest_of(line)


def start_manifest(path: Path, begun: Begun, signer: Signer) -> tuple[Manifest, ManifestWriter]:
    """Write the first line of a new manifest, durably, and give a writer that goes on after it."""
    writer = ManifestWriter(path, signer)
    writer.append(begun)
    return parse_manifest(path.read_bytes(), signer.key.verifying), writer


def continue_manifest(path: Path, signer: Signer) -> tuple[Manifest, ManifestWriter]:
    """Read a manifest, cut off a torn last line, and give a writer that goes on after it.

    Raises a `ProtocolError` when what stands before the last line does not verify or no line is whole.
    """
    manifest = mend_manifest(path, signer.key.verifying, signer.files)
    return manifest, ManifestWriter(path, signer, number=len(manifest.lines), previous=manifest.head)


def mend_manifest(path: Path, key: VerifyingKey, files: Files) -> Manifest:
    """Cut a last line that a power cut left torn, durably, and give the verified rest.

    Whatever else is wrong with a manifest was not done by a power cut: `ManifestError` says so and nothing is changed.
    """
    data = path.read_bytes()
    with suppress(ProtocolError):  # nearly always it is whole, and every line need be verified once only
        return parse_manifest(data, key)
    whole = _whole_bytes(data, key)
    if whole < len(data):
        _truncate(path, whole, files)
    return parse_manifest(data[:whole], key)


def _whole_bytes(data: bytes, key: VerifyingKey) -> int:
    """Count the bytes of the lines that verify; only the last line may be one that does not."""
    raw = data.splitlines(keepends=True)
    lines = parse_lines(data, key)
    whole = 0
    for number, line in enumerate(raw):
        try:
            next(lines)
        except ProtocolError as error:
            if number < len(raw) - 1 or number == 0:
                raise ManifestError(f"the manifest is damaged at line {number} of {len(raw)}: {error}") from error
            break
        whole += len(line)
    return whole


def _truncate(path: Path, size_bytes: int, files: Files) -> None:
    descriptor = files.open(path, os.O_WRONLY)
    try:
        files.truncate(descriptor, size_bytes)
        files.sync(descriptor)
    finally:
        files.close(descriptor)


def first_line_is_whole(path: Path, key: VerifyingKey) -> bool:
    """Tell whether `begun` stands in the manifest: before that nothing of the recording was captured."""
    try:
        first = path.read_bytes().splitlines(keepends=True)[:1]
        return any(isinstance(line.content, Begun) for line in parse_lines(b"".join(first), key))
    except (FileNotFoundError, ProtocolError):
        return False

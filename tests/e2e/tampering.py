"""What somebody could do to a card while the unit is off: edits of segments and manifests, and their undoing."""

from __future__ import annotations

import shutil
from pathlib import Path

from protocol.keyfiles import load_verifying_key
from protocol.manifest import NO_LINE, digest_of, parse_manifest, sign_content
from protocol.signing import SigningKey


class Card:
    """The spool of a unit that is off; keeps a copy of what was there."""

    def __init__(self, data: Path, keep: Path) -> None:
        self._spool = data / "spool"
        self._records = data / "uploads"
        self._recorder = load_verifying_key(data / "identity" / "recorder.pub")
        self._kept = keep
        shutil.copytree(self._spool, keep)

    def segment(self, recording: str, index: int) -> Path:
        """Name a sealed file."""
        return self._spool / recording / f"{index:06d}.age"

    def manifest(self, recording: str) -> Path:
        """Name a manifest."""
        return self._spool / recording / "manifest"

    def flip_a_byte(self, recording: str, index: int) -> None:
        """Change one bit in the middle of a segment."""
        path = self.segment(recording, index)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    def truncate(self, recording: str, index: int) -> None:
        """Cut a quarter off a segment."""
        path = self.segment(recording, index)
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])

    def swap(self, one: str, other: str, index: int) -> None:
        """Exchange the segments of two recordings."""
        first, second = self.segment(one, index), self.segment(other, index)
        first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
        first.write_bytes(second_bytes)
        second.write_bytes(first_bytes)

    def remove_a_line(self, recording: str) -> None:
        """Take a line out of the middle of a manifest."""
        path = self.manifest(recording)
        lines = path.read_bytes().splitlines(keepends=True)
        del lines[len(lines) // 2]
        path.write_bytes(b"".join(lines))

    def put_manifest_of_another_unit(self, recording: str) -> None:
        """Write the same lines once more, as another unit's recorder would have signed them."""
        path, key, previous = self.manifest(recording), SigningKey.generate(), NO_LINE
        forged = []
        for line in parse_manifest(path.read_bytes(), self._recorder).lines:
            raw = sign_content(line.content, moment=line.moment, number=line.number, previous=previous, key=key)
            forged.append(raw)
            previous = digest_of(raw)
        path.write_bytes(b"".join(forged))

    def is_untouched(self, recording: str) -> bool:
        """Tell whether every sealed file of a recording is still there."""
        kept = {path.name for path in (self._kept / recording).iterdir()}
        return kept == {path.name for path in (self._spool / recording).iterdir()}

    def repair(self, recording: str) -> None:
        """Put back what was there, and have the uploader forget that the card was damaged."""
        for path in (self._spool / recording).iterdir():
            shutil.copyfile(self._kept / recording / path.name, path)
        (self._records / recording).unlink(missing_ok=True)

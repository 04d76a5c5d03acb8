"""Recordings in a unit's spool, laid down as the recorder does: a signed manifest and sealed files of random bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from protocol.manifest import (
    NO_LINE,
    Begun,
    Closed,
    CloseReason,
    Content,
    Event,
    EventName,
    Manifest,
    Moment,
    Opened,
    Recovered,
    Sealed,
    digest_of,
    sign_content,
)
from protocol.signing import SigningKey
from tests.school import UnitBundle, new_id


@dataclass(frozen=True)
class Spooled:
    """A recording that was laid down, and the bytes of its objects by index."""

    recording: str
    folder: Path
    objects: dict[int, bytes]
    manifest: Manifest

    @property
    def total_bytes(self) -> int:
        """Add up the objects."""
        return sum(len(data) for data in self.objects.values())


def spool_recording(
    unit: UnitBundle,
    *,
    began_at: datetime,
    sizes: Sequence[int] = (3000, 5000),
    closed: CloseReason | None = CloseReason.STOPPED,
    recovered_last: bool = False,
    undiscarded: bool = False,
    signer: SigningKey | None = None,
    epoch: str = "2026-w48",
) -> Spooled:
    """Lay a recording down: `key.age` and a segment for each of `sizes`; `closed` None leaves it unfinished."""
    recording = new_id()
    folder = unit.data / "spool" / recording
    folder.mkdir(mode=0o750, parents=True)
    objects = {index: os.urandom(size) for index, size in enumerate((200, *sizes))}
    for index, data in objects.items():
        (folder / ("key.age" if index == 0 else f"{index:06d}.age")).write_bytes(data)
    lines = [_begun(unit, recording, objects[0], epoch)]
    for index in range(1, len(objects)):
        lines += _segment(index, objects[index], is_recovered=recovered_last and index == len(sizes))
    if closed:
        lines.append(Closed(reason=closed, segments=len(sizes), duration_ticks=2_700_000 * len(sizes)))
    if undiscarded:
        lines.append(Event(name=EventName.UNDISCARD))
    _write(folder / "manifest", lines, signer or unit.recorder, began_at)
    return Spooled(recording, folder, objects, unit.manifest(folder) if signer is None else _NONE)


_NONE: Manifest = None  # type: ignore[assignment]  # a forged manifest cannot be read; no test asks for it


def append_event(unit: UnitBundle, spooled: Spooled, name: EventName) -> None:
    """Let the recorder append a line to a manifest that stands."""
    lines = spooled.manifest.lines
    line = sign_content(
        Event(name=name), moment=lines[-1].moment, number=len(lines), previous=lines[-1].digest, key=unit.recorder
    )
    with (spooled.folder / "manifest").open("ab") as file:
        file.write(line)


def _begun(unit: UnitBundle, recording: str, key: bytes, epoch: str) -> Content:
    return Begun(
        recording=recording,
        device=unit.device,
        owner=unit.owner,
        epoch=epoch,
        key_digest=digest_of(key),
        key_bytes=len(key),
        recipient="age1recipient",
        policy_generation=1,
        policy_version=1,
        camera="synthetic",
    )


def _segment(index: int, data: bytes, *, is_recovered: bool) -> list[Content]:
    opened = Opened(index=index, take=1, header_digest=digest_of(data[:100]))
    if is_recovered:
        return [opened, Recovered(index=index, digest=digest_of(data), size_bytes=len(data), whole_chunks=1)]
    sealed = Sealed(
        index=index,
        digest=digest_of(data),
        size_bytes=len(data),
        init_bytes=100,
        duration_ticks=2_700_000,
        fragments=(),
    )
    return [opened, sealed]


def _write(path: Path, lines: Sequence[Content], key: SigningKey, began_at: datetime) -> None:
    moment = Moment(wall_at=began_at, wall_trusted=True, boot="boot", monotonic_ms=1)
    data, previous = b"", NO_LINE
    for number, content in enumerate(lines):
        line = sign_content(content, moment=moment, number=number, previous=previous, key=key)
        data, previous = data + line, digest_of(line)
    path.write_bytes(data)

"""Decides what goes onto a stick: the oldest recordings first, object by object, as far as they fit, and the padding.

Pure. Sizes are those of the content before it is sealed. Defined in docs/protocol/stick.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from device.uploads.plan import SpooledRecording
from protocol.documents import Epoch, Receipt
from protocol.stick import LEAST_TO_SCHOOL_BYTES, MIB, RECORD_BYTES, class_of

LEAST_ROOM_BYTES = 16 * MIB


@dataclass(frozen=True, kw_only=True)
class Cargo:
    """A recording that waits: how long its manifest is, and which of its objects no receipt names yet."""

    recording: SpooledRecording
    manifest_bytes: int
    indexes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Load:
    """What goes onto the stick, how long the content is then made, and whether that is all that waits."""

    cargo: tuple[Cargo, ...]
    whole_bytes: int
    everything: bool


def pick_epoch(epochs: Sequence[Epoch], known_at: datetime) -> Epoch:
    """Give the newest epoch that has begun by an instant, and before all of them the first."""
    begun = [epoch for epoch in epochs if epoch.begins_at <= known_at]
    return begun[-1] if begun else epochs[0]


def waiting_indexes(recording: SpooledRecording, receipt: Receipt | None) -> tuple[int, ...]:
    """Give the objects of a recording that no receipt names byte for byte."""
    held = {(item.index, item.digest, item.size_bytes) for item in receipt.items} if receipt else set()
    return tuple(one.index for one in recording.objects if (one.index, one.digest, one.size_bytes) not in held)


def plan_load(waiting: Iterable[Cargo], *, fixed_bytes: int, room_bytes: int) -> Load:
    """Plan an export of at most `room_bytes`, of which `fixed_bytes` are spoken for; the first that fails ends it."""
    left, taken, everything = room_bytes - fixed_bytes - 2 * RECORD_BYTES, [], True
    for cargo in sorted(waiting, key=_age):
        fitting, left = _fit(cargo, left)
        if fitting is not None:
            taken.append(fitting)
        if fitting != cargo:
            everything = False
            break
    used = room_bytes - 2 * RECORD_BYTES - left
    whole = min(class_of(used, LEAST_TO_SCHOOL_BYTES), room_bytes)
    return Load(cargo=tuple(taken), whole_bytes=whole, everything=everything)


def _age(cargo: Cargo) -> tuple[datetime, str]:
    return (cargo.recording.began_at, cargo.recording.recording)


def _fit(cargo: Cargo, left: int) -> tuple[Cargo | None, int]:
    """Take of a recording what fits, its manifest first; give that and what room is left."""
    left -= RECORD_BYTES + cargo.manifest_bytes
    if left < 0:
        return None, left + RECORD_BYTES + cargo.manifest_bytes
    indexes = []
    for index in cargo.indexes:
        need = RECORD_BYTES + cargo.recording.find(index).size_bytes
        if need > left:
            break
        left -= need
        indexes.append(index)
    return replace(cargo, indexes=tuple(indexes)), left

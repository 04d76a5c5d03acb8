"""Erases what retention allows, and nothing else; lifts a discard when its owner's undo is there.

Receipt, withdrawal and undo are verified here, by the recorder itself; that a network process laid them down counts for
nothing. A recording whose manifest cannot be believed is left alone, unless a withdrawal names it. What a receipt
names may stay as a copy until its space is needed: nothing is written down of that, receipt and spool say it all.
Rules: device/spool/retention.py, device/spool/delivered.py and docs/protocol/consent.md.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from pathlib import Path

from device.identity import DocumentStore
from device.spool.delivered import Copy, may_stay, plan_way
from device.spool.keeping import SpoolKeeper
from device.spool.retention import NOTHING, Release, plan_discard, plan_release, plan_withdrawal, undo_ends_at
from device.spool.store import SpoolStore
from protocol.documents import Receipt, Withdrawal
from protocol.errors import ProtocolError
from protocol.manifest import Manifest, parse_manifest

log = logging.getLogger(__name__)
ABSENT = (0, 0)


@dataclass(frozen=True, kw_only=True)
class UndoRule:
    """Until what time of day, in which zone, a discard can be undone.

    `grace`: how long a recorder that has just started waits for an undo that was given while the unit was off.
    """

    until: time
    zone: tzinfo
    grace: timedelta


@dataclass(frozen=True)
class _Seen:
    """A verified manifest, and what file and receipt looked like when it was.

    `settled`: what the receipt releases is gone, or there is none. Until then it is asked again at each look: the key
    that signed it may come after it, the clock may be set, the card may let itself be written, a copy may be over.
    """

    stamp: tuple[int, ...]
    manifest: Manifest | None
    receipt: Receipt | None = None
    settled: bool = False


class Releaser:
    """Goes through the spool again and again; reads only what has changed."""

    def __init__(
        self,
        store: SpoolStore,
        documents: DocumentStore,
        *,
        keeper: SpoolKeeper,
        receipts: Path,
        undo: UndoRule,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._documents = documents
        self._key = keeper.key
        self._receipts = receipts
        self._undo = undo
        self._erased: list[Manifest] = []
        self._seen: dict[str, _Seen] = {}
        self._kept: dict[str, Copy] = {}
        self._trusted_since: dict[str, datetime] = {}

    def release(self, *, now: datetime, trusted: bool, active: str, in_force: str | None) -> None:
        """Erase what may be erased of every recording but the `active` one; raise `OSError` when the disk fails.

        Copies of what was delivered may stay while the epoch to which they are sealed is the one `in_force`.
        """
        present = self._store.recordings()
        self._seen = {name: seen for name, seen in self._seen.items() if name in present}
        self._kept = {name: kept for name, kept in self._kept.items() if name in present}
        withdrawal = self._documents.load(Withdrawal, now).document
        for name in present:
            if name == active:
                continue
            if plan_withdrawal(name, withdrawal).whole:
                self._erase(name)
            else:
                self._release_one(name, now, trusted=trusted, in_force=in_force)

    @property
    def kept_bytes(self) -> int:
        """Tell how much of the card copies of what was delivered take."""
        return sum(copy.size_bytes for copy in self._kept.values())

    def give_way(self, missing_bytes: int) -> int:
        """Erase copies until `missing_bytes` are free, or all; tell how many gave way. Raises `OSError`."""
        gone = plan_way(self._kept.values(), missing_bytes)
        for copy in gone:
            self._kept.pop(copy.recording)
            manifest = self._seen[copy.recording].manifest
            if manifest is not None:
                self._perform(manifest, copy.release)
        return len(gone)

    def delivered(self) -> frozenset[str]:
        """Name the recordings of which nothing but a copy is here: a receipt covers the whole."""
        return frozenset(name for name, copy in self._kept.items() if copy.release.whole)

    def manifests(self) -> tuple[Manifest, ...]:
        """Give the verified manifests of what is in the spool, as the last round saw them."""
        return tuple(seen.manifest for seen in self._seen.values() if seen.manifest is not None)

    def take_erased(self) -> tuple[Manifest, ...]:
        """Give the manifests of what was erased since the last time that this was asked."""
        erased, self._erased = self._erased, []
        return tuple(erased)

    def _release_one(self, name: str, now: datetime, *, trusted: bool, in_force: str | None) -> None:
        stamp = (*_stamp(self._store.manifest_path(name)), *_stamp(self._receipts / name))
        before = self._seen.get(name)
        if before is None or before.stamp != stamp:
            self._kept.pop(name, None)
            before = _Seen(stamp, self._read(name))
        seen = self._seen[name] = before
        if seen.manifest is None:
            if self._store.is_empty(name):  # an erasing that was cut off at its very end
                self._store.remove_recording(name)
            return
        if not seen.settled:
            self._settle(name, now, in_force)
        if name not in self._seen:
            return
        if seen.manifest.discarded and self._documents.load_undo(name, now).document:
            self._lift(name)
        elif trusted:
            self._perform(seen.manifest, self._plan_discard(seen.manifest, now))

    def _settle(self, name: str, now: datetime, in_force: str | None) -> None:
        """Keep or erase what a receipt releases; one that does not verify, now, may do so later."""
        seen = self._seen[name]
        if seen.manifest is None:
            return
        receipt = seen.receipt or self._documents.load_receipt(name, now).document
        if receipt is None:
            self._seen[name] = replace(seen, settled=_stamp(self._receipts / name) == ABSENT)
            return
        self._seen[name] = replace(seen, receipt=receipt)
        if may_stay(receipt, epoch=seen.manifest.begun.epoch, in_force=in_force, now=now) and self._keep(name):
            return
        self._kept.pop(name, None)
        self._perform(seen.manifest, plan_release(seen.manifest, receipt))
        if name in self._seen:
            self._seen[name] = replace(seen, receipt=receipt, settled=True)

    def _keep(self, name: str) -> bool:
        """Keep what the receipt releases, and tell whether there is something worth it.

        A whole recording of which something is missing is one whose erasing was cut off, or a part of which has given
        way: it repairs nothing any more, and the rest goes, too.
        """
        if name in self._kept:
            return True
        seen = self._seen[name]
        if seen.manifest is None or seen.receipt is None or seen.receipt.keep_until is None:
            return False
        release = plan_release(seen.manifest, seen.receipt)
        indexes = seen.manifest.objects() if release.whole else release.segments
        sizes = [self._store.size_bytes(name, index) for index in indexes]
        size_bytes = sum(size or 0 for size in sizes)
        if not size_bytes or (release.whole and None in sizes):
            return False
        self._kept[name] = Copy(recording=name, release=release, size_bytes=size_bytes, until=seen.receipt.keep_until)
        return True

    def _lift(self, name: str) -> None:
        """From the next look on the recording is one like any other."""
        try:
            self._keeper.lift_discard(name)
        except ProtocolError as error:
            log.debug("a discard cannot be lifted: %s", error)
        self._seen.pop(name, None)

    def _plan_discard(self, manifest: Manifest, now: datetime) -> Release:
        """Without a trusted clock at the discard, its undo time runs from the first trusted moment after it.

        An owner may have taken it back while the unit was off: whoever has just seen it first waits for that word.
        """
        if not manifest.discarded:
            return NOTHING
        moment = next(line.moment for line in manifest.lines if line.content is manifest.closed)
        first = self._trusted_since.setdefault(manifest.begun.recording, now)
        ends = undo_ends_at(
            moment.wall_at if moment.wall_trusted else first, until=self._undo.until, zone=self._undo.zone
        )
        return plan_discard(manifest, undo_ends_at=max(ends, first + self._undo.grace), now=now)

    def _perform(self, manifest: Manifest, release: Release) -> None:
        recording = manifest.begun.recording
        if release.whole:
            self._erase(recording)
            return
        present = [each for each in release.segments if self._store.size_bytes(recording, each) is not None]
        for index in present:
            self._store.remove_object(recording, index)

    def _erase(self, recording: str) -> None:
        seen = self._seen.pop(recording, None)
        self._kept.pop(recording, None)
        manifest = seen.manifest if seen else self._read(recording)
        self._store.remove_recording(recording)
        if manifest is not None:
            self._erased.append(manifest)

    def _read(self, name: str) -> Manifest | None:
        try:
            manifest = parse_manifest(self._store.manifest_path(name).read_bytes(), self._key)
        except (ProtocolError, FileNotFoundError):
            return None
        return manifest if manifest.begun.recording == name else None


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ABSENT
    return (found.st_size, found.st_mtime_ns)

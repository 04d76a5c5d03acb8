"""Decides what of a recording may be erased on the unit; everything that is not named here stays (promise P5).

Pure. Three things alone allow it: a verified receipt for exactly those bytes, the recorder's own discard line whose
time for undoing has passed, or a verified withdrawal that names the recording. Age, a full card and a network process
that says "delivered" never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from protocol.documents import Receipt, Withdrawal
from protocol.manifest import KEY_INDEX, Manifest


@dataclass(frozen=True, kw_only=True)
class Release:
    """Which segments may be unlinked, or that the whole recording may go, its folder included."""

    segments: tuple[int, ...] = ()
    whole: bool = False


NOTHING = Release()


def plan_release(manifest: Manifest, receipt: Receipt | None) -> Release:
    """Plan what a verified receipt releases; `key.age` and the manifest stay until everything is covered."""
    if receipt is None or receipt.recording != manifest.begun.recording or receipt.device != manifest.begun.device:
        return NOTHING
    held = {item.index for item in receipt.items if manifest.expected(item.index) == (item.digest, item.size_bytes)}
    if _covers_everything(manifest, receipt, held):
        return Release(whole=True)
    return Release(segments=tuple(sorted(held - {KEY_INDEX})))


def _covers_everything(manifest: Manifest, receipt: Receipt, held: set[int]) -> bool:
    lines_match = (receipt.manifest_lines, receipt.manifest_head) == (len(manifest.lines), manifest.head)
    return manifest.closed is not None and lines_match and held == set(manifest.objects())


def plan_discard(manifest: Manifest, *, undo_ends_at: datetime, now: datetime) -> Release:
    """Plan the end of a discarded recording: all of it, once nobody can undo that any more."""
    return Release(whole=True) if manifest.discarded and now >= undo_ends_at else NOTHING


def plan_withdrawal(recording: str, withdrawal: Withdrawal | None) -> Release:
    """Plan the end of a recording that a verified withdrawal for this unit names, whatever else is known of it."""
    return Release(whole=True) if withdrawal is not None and recording in withdrawal.recordings else NOTHING


def undo_ends_at(discarded_at: datetime, *, until: time, zone: tzinfo) -> datetime:
    """Give the first `until` o'clock after a discard, by the school's own clock."""
    local = discarded_at.astimezone(zone)
    same_day = datetime.combine(local.date(), until, tzinfo=zone)
    return same_day if local < same_day else datetime.combine(local.date() + timedelta(days=1), until, tzinfo=zone)

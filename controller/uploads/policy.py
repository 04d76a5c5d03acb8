"""Whether a unit may send now: by its lease, its certificate and the clock, and by how much it has sent. Pure.

The codes are those of docs/protocol/uploads.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from protocol.documents import Lease


@dataclass(frozen=True)
class Denial:
    """Why a unit may not send: a code for programs, words for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Standing:
    """What the database says of a unit while a body of it comes in.

    `version`, `rate_bps` and `ends_at` are those of the newest lease under `fence`; None where there is none, or none
    any more.
    """

    delivers: bool
    fence: int
    version: int | None
    rate_bps: int | None
    ends_at: datetime | None


def judge_running(lease: Lease, *, standing: Standing | None, now: datetime) -> Denial | None:
    """Judge the lease of a body that is coming in; without a `standing` by its own end alone.

    A lease that was granted again under the same fence goes on until its new end. A standing of before this lease says
    nothing of it.
    """
    if standing and not standing.delivers:
        return Denial("lease_fenced", "this unit may not deliver any more")
    if standing and standing.fence > lease.fence:
        return Denial("lease_fenced", f"the lease has fence {lease.fence}, the newest is {standing.fence}")
    newest = standing and standing.fence == lease.fence and standing.ends_at
    ends_at = newest or lease.not_after
    if now >= ends_at:
        return Denial("lease_expired", f"the lease ended at {ends_at}, while the body came in; ask for a new one")
    return None


def judge_lease(lease: Lease, *, fence: int, now: datetime, device: str | None) -> Denial | None:
    """Judge a lease whose signature was verified; `device` is the certificate's, None where none was shown.

    `fence` is the newest that was given to the lease's device.
    """
    if device is not None and lease.device != device:
        return Denial("lease_foreign", f"the lease is for device {lease.device}, the certificate for {device}")
    if lease.fence != fence:
        return Denial("lease_fenced", f"the lease has fence {lease.fence}, the newest is {fence}; ask for that one")
    if now >= lease.not_after:
        return Denial("lease_expired", f"the lease ended at {lease.not_after}; ask for a new one")
    if now < lease.not_before:
        return Denial("outside_window", f"the lease begins at {lease.not_before}")
    return None


UNFINISHED, DAILY, RECORDINGS = "quota_unfinished", "quota_daily", "quota_recordings"
QUOTA_CODES = (UNFINISHED, DAILY, RECORDINGS)


@dataclass(frozen=True)
class Quota:
    """What one unit may have here unfinished at once, and deliver in a day: uploads and bytes."""

    unfinished: int
    unfinished_bytes: int
    daily: int
    daily_bytes: int


@dataclass(frozen=True)
class Usage:
    """What one unit has here unfinished, at the length that was announced, and what ended in the last 24 hours."""

    unfinished: int
    unfinished_bytes: int
    daily: int
    daily_bytes: int


def judge_usage(usage: Usage, quota: Quota, *, length_bytes: int) -> Denial | None:
    """Judge another upload of this length; what is not finished yet counts for the day as well."""
    if usage.unfinished >= quota.unfinished or usage.unfinished_bytes + length_bytes > quota.unfinished_bytes:
        detail = (
            f"this unit has {usage.unfinished} uploads of {usage.unfinished_bytes} bytes that are not finished, and "
            f"may have {quota.unfinished} of {quota.unfinished_bytes}; finish them, or wait until they expire"
        )
        return Denial(UNFINISHED, detail)
    coming = usage.daily_bytes + usage.unfinished_bytes + length_bytes
    if usage.daily + usage.unfinished >= quota.daily or coming > quota.daily_bytes:
        detail = (
            f"this unit may deliver {quota.daily} objects of {quota.daily_bytes} bytes in 24 hours, and did; the rest "
            "is taken tomorrow"
        )
        return Denial(DAILY, detail)
    return None


def judge_recordings(begun: int, *, most: int) -> Denial | None:
    """Judge another new recording of a unit that brought so many in the last 24 hours."""
    if begun < most:
        return None
    return Denial(
        RECORDINGS, f"this unit may bring {most} new recordings in 24 hours, and did; the rest is taken later"
    )

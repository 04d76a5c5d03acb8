"""Whether a unit may send now, by its lease, its certificate and the clock. Pure.

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

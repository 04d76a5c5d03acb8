"""Decides how long the copy of what was delivered may stay on the unit, and which copies give way when space is needed.

Pure. Only what a verified receipt names is ever asked about here: what may be erased at all is retention.py's to say
(promise P5). A copy stays while the receipt allows it, no backup makes it needless, and its epoch is in force: so it
never makes the unit say that it holds something of an epoch that is over (promise P8, docs/protocol/uploads.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from device.spool.retention import Release
from protocol.documents import Receipt


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What of a recording could be released, and is kept: how much of the card it takes, and until when it may stay."""

    recording: str
    release: Release
    size_bytes: int
    until: datetime


def may_stay(receipt: Receipt, *, epoch: str, in_force: str | None, now: datetime) -> bool:
    """Tell whether what a receipt names may stay at `now`; `epoch` is the recording's, `in_force` the unit's."""
    is_allowed = receipt.keep_until is not None and now < receipt.keep_until
    return is_allowed and receipt.backed_up_at is None and epoch == in_force


def plan_way(copies: Iterable[Copy], missing_bytes: int) -> tuple[Copy, ...]:
    """Name the copies that give way for `missing_bytes`, or all: those that may stay least long first."""
    gone, freed = [], 0
    for copy in sorted(copies, key=lambda each: (each.until, each.recording)):
        if freed >= missing_bytes:
            break
        gone.append(copy)
        freed += copy.size_bytes
    return tuple(gone)


class Copies(Protocol):
    """Whoever keeps copies of what was delivered, and lets them go when their space is needed."""

    @property
    def kept_bytes(self) -> int:
        """Tell how much of the card they take: as good as free."""

    def give_way(self, missing_bytes: int) -> int:
        """Erase copies until `missing_bytes` are free, or all; tell how many gave way. Raises `OSError`."""


class NoCopies:
    """Nothing is kept: for whoever records beside the recorder."""

    kept_bytes = 0

    def give_way(self, missing_bytes: int) -> int:
        """See `Copies.give_way`."""
        return 0

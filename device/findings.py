"""What `backrow device check` says of one thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; without a problem it is in order."""

    what: str
    problem: str = ""

"""Small rules that records of the contract share: what a digest, a name and a count look like.

Each raises `ValueError`, so that a record built wrongly is our own mistake, and one read wrongly becomes the codec's
error with its place. Defined in docs/protocol/manifest.md.
"""

from __future__ import annotations

import re

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


def require_digest(text: str, field: str) -> None:
    """Refuse what is not a SHA-256 in lower-case hexadecimal."""
    if not _DIGEST.fullmatch(text):
        raise ValueError(f"{field}: expected a SHA-256 in 64 lower-case hexadecimal digits, got {text[:70]!r}")


def require_name(text: str, field: str) -> None:
    """Refuse what is not a short name of letters, digits and hyphens: such a name is also a safe file name."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"{field}: expected at most 32 letters, digits and hyphens, got {text[:40]!r}")


def require_at_least(minimum: int, **numbers: int) -> None:
    """Refuse numbers below `minimum`, by name."""
    for field, number in numbers.items():
        if number < minimum:
            raise ValueError(f"{field}: expected at least {minimum}, got {number}")

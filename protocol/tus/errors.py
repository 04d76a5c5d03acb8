"""What can go wrong between the two sides of a tus upload: their fault and our own are different errors.

`TusRemoteError` says that the other side sent something that tus 1.0 does not allow; the upload goes on from what is
known. `TusLocalError` says that our own code asked for a move that tus does not have; nothing was changed by it.
"""

from __future__ import annotations

from protocol.errors import ProtocolError


class TusRemoteError(ProtocolError):
    """The other side sent something that tus 1.0 does not allow."""


class TusLocalError(RuntimeError):
    """Our own code asked for something that is no move in tus; nothing was changed."""


class HeaderError(TusRemoteError):
    """A header is missing or malformed: which one, what was expected, and what was found."""

    def __init__(self, name: str, *, expected: str, got: str | None) -> None:
        found = "it is missing" if got is None else f"got {_quoted(got)}"
        super().__init__(f"{name}: expected {expected}, {found}")
        self.name = name


def _quoted(text: str, most: int = 60) -> str:
    """A value from outside, in printable ASCII and no longer than a line, so that it can stand in a message."""
    shown = ascii(text)
    return shown if len(shown) <= most else f"{shown[:most]}…"

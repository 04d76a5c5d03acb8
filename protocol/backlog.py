"""The header in which a unit says what waits in its spool, with its request for a lease.

`Backrow-Spool: waiting=734003200, due=0, measured=18400000, link=22000000`: bytes, and bits a second; what they mean
is said by `protocol.messages.SpoolReport`, which carries the same over MQTT. It goes with every asking, whatever is
there, so that the asking tells nothing. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass

from protocol.checks import require_at_least
from protocol.errors import ProtocolError

HEADER = "Backrow-Spool"
MOST = 2**53 - 1
_FORM = re.compile(r"waiting=([0-9]{1,16}), due=([0-9]{1,16}), measured=([0-9]{1,16}), link=([0-9]{1,16})", re.ASCII)


class BacklogError(ProtocolError):
    """A header of what waits is malformed."""


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """How many bytes wait, how many of them must leave before the next school day, and what the link gave (bit/s)."""

    waiting_bytes: int = 0
    due_bytes: int = 0
    measured_bps: int = 0
    link_bps: int = 0

    def __post_init__(self) -> None:
        """Refuse less than nothing, more than a header carries, and more due than waits."""
        require_at_least(0, due_bytes=self.due_bytes, measured_bps=self.measured_bps, link_bps=self.link_bps)
        if self.due_bytes > self.waiting_bytes:
            raise ValueError(f"due_bytes {self.due_bytes} is more than waiting_bytes {self.waiting_bytes}")
        if max(astuple(self)) > MOST:
            raise ValueError(f"expected numbers of at most {MOST}, got {max(astuple(self))}")


def encode_backlog(backlog: Backlog) -> str:
    """Write the header's value."""
    return (
        f"waiting={backlog.waiting_bytes}, due={backlog.due_bytes}, "
        f"measured={backlog.measured_bps}, link={backlog.link_bps}"
    )


def parse_backlog(text: str) -> Backlog:
    """Read the header's value; raise `BacklogError` that names the form."""
    found = _FORM.fullmatch(text)
    try:
        if found:
            waiting, due, measured, link = map(int, found.groups())
            return Backlog(waiting_bytes=waiting, due_bytes=due, measured_bps=measured, link_bps=link)
    except ValueError as error:
        raise BacklogError(f"{HEADER}: {error}") from None
    form = "'waiting=<bytes>, due=<bytes>, measured=<bit/s>, link=<bit/s>'"
    raise BacklogError(f"{HEADER}: expected {form}, got {text[:80]!r}")

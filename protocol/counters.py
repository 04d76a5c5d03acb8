"""The header in which a unit says what it has counted, with its request for documents.

`Backrow-Counters: birth=17, boots=4, boot=5f0c…`: connections of its agent, starts of its machine, and the id of the
running start. They say nothing of recordings. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol.errors import ProtocolError

HEADER = "Backrow-Counters"
MOST = 2**53 - 1
_FORM = re.compile(r"birth=([0-9]{1,16}), boots=([0-9]{1,16}), boot=([0-9a-f-]{1,64})")


class CountersError(ProtocolError):
    """A header of counters is malformed."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What a unit counts; both numbers only ever rise, and one that was lost goes on from the unit's clock."""

    birth: int
    boots: int
    boot: str


def encode_counters(counters: Counters) -> str:
    """Write the header's value."""
    return f"birth={counters.birth}, boots={counters.boots}, boot={counters.boot}"


def parse_counters(text: str) -> Counters:
    """Read the header's value; raise `CountersError` that names the form."""
    found = _FORM.fullmatch(text)
    if found is None or max(int(found[1]), int(found[2])) > MOST:
        raise CountersError(f"{HEADER}: expected 'birth=<n>, boots=<n>, boot=<id>', got {text[:80]!r}")
    return Counters(birth=int(found[1]), boots=int(found[2]), boot=found[3])

"""What the unit has counted, in `state/counters`: by it the controller notices an older copy of the card, or a twin.

The agent counts and writes, the uploader reads and says it with its request for documents. A count that was lost goes
on from the clock in seconds, far above any count of starts, so that the unit is not taken for its own past. The three
words tell of no recording. What the controller makes of them: docs/protocol/uploads.md.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.counters import Counters
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)
FILE = "counters"


def count(state: Path, *, birth: int, boot: str, now: datetime) -> Counters:
    """Count this start once, note the newest birth, durably; raise `OSError` when the card refuses."""
    known = load_counters(state)
    before = known.boots if known else int(now.timestamp())
    boots = before if known and known.boot == boot else before + 1
    counted = Counters(birth=birth, boots=boots, boot=boot)
    replace_file(state / FILE, encode_canonical(encode_record(counted)), mode=SHARED)
    return counted


def load_counters(state: Path) -> Counters | None:
    """Read what was counted; None when nothing was yet, or it cannot be read."""
    try:
        return parse_record(Counters, parse_canonical((state / FILE).read_bytes(), "state/counters"), "state/counters")
    except FileNotFoundError:
        return None
    except ProtocolError as error:
        log.warning("%s; it is counted on from the clock", error)
        return None

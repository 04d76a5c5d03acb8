"""The birth counter: how often the agent set out to connect, durable, so that a last will names an older birth.

When the file is lost or unreadable the counter goes on from the wall clock in seconds: far above any count of
connections, so that the controller does not take the unit for its own past. Defined in docs/protocol/mqtt.md.
"""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from protocol.codec import CodecError, encode_canonical, parse_canonical
from protocol.durable import SHARED, replace_file

log = logging.getLogger(__name__)


def next_birth(path: Path, now: datetime) -> int:
    """Count one more birth, durably, and give it; raise `OSError` when the card refuses."""
    birth = _load(path, now) + 1
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    replace_file(path, encode_canonical({"birth": birth}), mode=SHARED)
    return birth


def _load(path: Path, now: datetime) -> int:
    try:
        birth = parse_canonical(path.read_bytes(), str(path)).get("birth")
    except FileNotFoundError:
        return int(now.timestamp())
    except CodecError as error:
        log.warning("%s; the counter goes on from the clock", error)
        return int(now.timestamp())
    return birth if isinstance(birth, int) and birth > 0 else int(now.timestamp())

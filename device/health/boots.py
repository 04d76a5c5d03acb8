"""Counts the machine's starts: one for each boot id that the agent has seen. Holds no times."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Boots:
    """How many starts were seen, and the id of the last one."""

    count: int = 0
    boot: str = ""


def load_boots(path: Path) -> Boots:
    """Read the count; a file that is not there or damaged counts from nothing."""
    try:
        return parse_record(Boots, parse_canonical(path.read_bytes(), "agent/boots"), "agent/boots")
    except FileNotFoundError:
        return Boots()
    except ProtocolError as error:
        log.warning("%s; starts are counted anew", error)
        return Boots()


def count_boot(path: Path, boot: str) -> Boots:
    """Count this start once, however often the agent starts in it; raise `OSError` when the card refuses."""
    known = load_boots(path)
    if known.boot == boot:
        return known
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    counted = Boots(count=known.count + 1, boot=boot)
    replace_file(path, encode_canonical(encode_record(counted)), mode=SHARED)
    return counted

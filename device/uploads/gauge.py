"""Keeps what the link gave in `uploads/link`, where the agent reads it too: two rates, and no recording or time.

Written at most once in a minute, and only when it says something else. Losing it costs a measurement. What counts is
decided in device/uploads/meter.py.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from device.uploads.meter import Meter, Piece
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError

log = logging.getLogger(__name__)
NAME = "link"
WRITTEN_EVERY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was really got while bytes were last sent, and the most that the link gave lately; 0: not known."""

    measured_bps: int = 0
    link_bps: int = 0


class Gauge:
    """The meter of this process, and the file in `folder` that outlasts it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._meter = Meter()
        self._said = load_measured(folder)
        self._write_at_s = 0.0

    def note(self, piece: Piece) -> None:
        """Note a piece that was acknowledged; a card that refuses costs no more than a word in the log."""
        self._meter = self._meter.note(piece)
        if piece.ended_s < self._write_at_s:
            return
        self._write_at_s = piece.ended_s + WRITTEN_EVERY_S
        self._keep(Measured(measured_bps=self._meter.measured_bps, link_bps=self._meter.link_bps))

    def _keep(self, found: Measured) -> None:
        if found == self._said:
            return
        try:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            replace_file(self._path, encode_canonical(encode_record(found)), mode=SHARED)
            self._said = found
        except OSError as error:
            log.warning("what the link gives cannot be written: %s", error.strerror)


def load_measured(folder: Path) -> Measured:
    """Read what was kept; nothing is known when it is not there or cannot be read."""
    path = folder / NAME
    try:
        return parse_record(Measured, parse_canonical(path.read_bytes(), str(path)), str(path))
    except FileNotFoundError:
        return Measured()
    except (ProtocolError, OSError) as error:
        log.info("what the link gave is measured anew: %s", error)
        return Measured()

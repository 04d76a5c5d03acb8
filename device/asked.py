"""How the recorder, which has no network, asks the school for the time: the files by which it does.

`recorder/asked` holds the nonce of the one question that is open; the uploader carries it to the controller and lays
the answer, a signed line that it need not understand, into `state/time`. `recorder/told` is the recorder's own note of
what it has believed, for this run of the kernel alone. Who believes what: device/recorder/asking.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from device.hardware.ports import Clock
from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import REAL, SHARED, Files, replace_file
from protocol.errors import ProtocolError
from protocol.ids import parse_id

ASKED, TOLD, ANSWER = "asked", "told", "time"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: the time, with a nonce that nobody else knows beforehand."""

    nonce: str

    def __post_init__(self) -> None:
        """Refuse what is no nonce."""
        parse_id(self.nonce, "nonce")


@dataclass(frozen=True, kw_only=True)
class Told:
    """It was `at`, at this millisecond of the monotonic clock, in this run of the kernel."""

    at: datetime
    boot: str
    monotonic_ms: int

    def now(self, *, boot: str, monotonic_s: float) -> datetime | None:
        """Give what time it is by that; None in another run of the kernel, or before it was told."""
        passed_s = monotonic_s - self.monotonic_ms / 1000
        return self.at + timedelta(seconds=passed_s) if boot == self.boot and passed_s >= 0 else None


def store_question(folder: Path, question: Question, files: Files = REAL) -> None:
    """Put the question where the uploader looks; raise `OSError` when the card refuses."""
    replace_file(folder / ASKED, encode_canonical(encode_record(question)), mode=SHARED, files=files)


def load_question(folder: Path) -> Question | None:
    """Read the question that is open; None when there is none, or none that can be read."""
    try:
        return parse_record(Question, parse_canonical((folder / ASKED).read_bytes(), "recorder/asked"), "asked")
    except (OSError, ProtocolError):
        return None


def store_told(folder: Path, told: Told, files: Files = REAL) -> None:
    """Note what the recorder believes; raise `OSError` when the card refuses."""
    replace_file(folder / TOLD, encode_canonical(encode_record(told)), mode=SHARED, files=files)


def load_told(folder: Path) -> Told | None:
    """Read what the recorder believed last; None when that is nothing, or cannot be read."""
    try:
        return parse_record(Told, parse_canonical((folder / TOLD).read_bytes(), "recorder/told"), "told")
    except (OSError, ProtocolError):
        return None


def believed_now(folder: Path, clock: Clock) -> datetime:
    """Give the time for a command at the unit: the clock's when it is set, else what the recorder was told of it."""
    told = None if clock.is_trusted() else load_told(folder)
    now = told.now(boot=clock.boot_id, monotonic_s=clock.monotonic_s()) if told else None
    return now or clock.now_at()

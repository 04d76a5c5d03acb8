"""The outcome of the last self-test, as a file: passed, or at which step it failed. Holds no times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, Files, replace_file


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a self-test ended; `failed_at` names the first step that failed."""

    passed: bool
    failed_at: str = ""


def load_outcome(path: Path) -> Outcome | None:
    """Read the outcome; None before the first self-test. Raises `CodecError`, `OSError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse_record(Outcome, parse_canonical(data, "selftest/outcome"), "selftest/outcome")


def store_outcome(path: Path, outcome: Outcome, files: Files) -> None:
    """Replace the outcome; raise `OSError` when the card refuses."""
    replace_file(path, encode_canonical(encode_record(outcome)), mode=SHARED, files=files)

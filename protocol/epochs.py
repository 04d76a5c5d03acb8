"""What a unit says of the epochs: to which of them something on it is, or may yet be, sealed.

One signed line, signed by the recorder's own key under a domain of its own. It names epochs and nothing else: no
recording, no count, no byte (promise P7). Whether an epoch may end is the controller's question.
Defined in docs/protocol/epochs.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from protocol.checks import require_at_least, require_name
from protocol.codec import CodecError, encode_canonical, encode_record, parse_canonical, parse_record
from protocol.ids import parse_id
from protocol.signing import SigningKey, VerifyingKey, sign_line, split_line, verify_line

KIND = "epochs_held"
LIMIT_BYTES = 4096
MOST_NAMED = 100  # with names of full length still within LIMIT_BYTES


@dataclass(frozen=True, kw_only=True)
class EpochsHeld:
    """One statement. Of two the one with the higher `counter` is newer, whatever the clocks said.

    `at`: an instant that had certainly passed. `held`: the epochs to which something in the spool is sealed, and the
    one that a press would seal to now, in order. `unknown`: something lies there of which the recorder cannot tell to
    which epoch it is sealed, so that every epoch may be held.
    """

    device: str
    counter: int
    at: datetime
    held: tuple[str, ...]
    unknown: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no identifier, no name of an epoch, a list out of order, and more than MOST_NAMED names."""
        parse_id(self.device, "device")
        require_at_least(1, counter=self.counter)
        for at, name in enumerate(self.held):
            require_name(name, f"held[{at}]")
        if list(self.held) != sorted(set(self.held)):
            raise ValueError("held: expected names in order, each once")
        if len(self.held) > MOST_NAMED:
            raise ValueError(f"held: expected at most {MOST_NAMED} names, got {len(self.held)}")

    def may_hold(self, epoch: str) -> bool:
        """Tell whether something may be sealed to an epoch, as far as the unit knows."""
        return self.unknown or epoch in self.held


def name_held(epochs: Iterable[str | None]) -> tuple[tuple[str, ...], bool]:
    """Give `held` and `unknown` for what lies in a spool: an epoch's name for each thing, None where nobody can tell.

    More names than a statement carries are told as unknown: whoever cannot say everything vouches for nothing.
    """
    found = set(epochs)
    names = tuple(sorted(name for name in found if name is not None))
    return names[:MOST_NAMED], None in found or len(names) > MOST_NAMED


def issue_epochs_held(said: EpochsHeld, key: SigningKey) -> bytes:
    """Sign a statement with the recorder's key: one line of bytes, at most LIMIT_BYTES long."""
    return sign_line(encode_canonical({"statement": KIND, **encode_record(said)}), domain=KIND, key=key)


def verify_epochs_held(line: bytes, key: VerifyingKey) -> EpochsHeld:
    """Verify that `key` signed a statement, and read it; raise `SignatureError` or `CodecError`."""
    if len(line) > LIMIT_BYTES:
        raise CodecError(f"{KIND}: expected at most {LIMIT_BYTES} bytes, got {len(line)}")
    return _parse(verify_line(line, domain=KIND, keys=(key,), what=KIND))


def peek_epochs_held(line: bytes) -> EpochsHeld:
    """Read a statement that was verified when it was stored."""
    return _parse(split_line(line, KIND).body)


def _parse(body: bytes) -> EpochsHeld:
    mapping: dict[str, Any] = parse_canonical(body, KIND, limit_bytes=LIMIT_BYTES)
    named = mapping.pop("statement", None)
    if named != KIND:
        raise CodecError(f"{KIND}.statement: expected {KIND!r}, got {str(named)[:40]!r}")
    return parse_record(EpochsHeld, mapping, KIND)

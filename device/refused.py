"""That the school's server does not let this unit in, and by which code, in `uploads/refused`.

The uploader writes it when it hears so, and takes it away when it is let in again; health and self-test read it, for
whoever stands before the unit. The recorder does not: no word of a network process changes what a press may do. It
tells of no recording: leases and documents are asked for whether or not something waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from protocol.codec import encode_canonical, encode_record, parse_canonical, parse_record
from protocol.durable import SHARED, replace_file
from protocol.errors import ProtocolError

FILE = "refused"
SHUT_OUT = frozenset(
    ("certificate_unknown", "device_unknown", "device_pending", "device_quarantined", "device_retired", "device_lost")
)
"""The codes of 403 that are about the unit itself (docs/protocol/uploads.md), and not about what it asked for."""
NOT_BELIEVED = "certificate_not_believed"
"""No answer at all: the listener broke off the handshake over the unit's certificate."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The code by which the unit was refused last."""

    code: str

    def __post_init__(self) -> None:
        """Refuse a code that no refusal of the unit has."""
        if self.code not in SHUT_OUT | {NOT_BELIEVED}:
            raise ValueError(f"code: expected one of {sorted(SHUT_OUT | {NOT_BELIEVED})}, got {self.code[:40]!r}")


def load_refused(folder: Path) -> str:
    """Give the code, or nothing when the unit is let in; raise `OSError` or `ProtocolError` when it is unreadable."""
    try:
        data = (folder / FILE).read_bytes()
    except FileNotFoundError:
        return ""
    return parse_record(Refused, parse_canonical(data, "uploads/refused"), "uploads/refused").code


class RefusedFile:
    """The file in the uploader's `folder`, touched only when it would say something else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said: str | None = None

    def say(self, code: str) -> None:
        """Write the code down, nothing for let in; raise `OSError` when the card refuses."""
        if code == self._known():
            return
        if code:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            replace_file(self._folder / FILE, encode_canonical(encode_record(Refused(code=code))), mode=SHARED)
        else:
            (self._folder / FILE).unlink(missing_ok=True)
        self._said = code

    @property
    def is_said(self) -> bool:
        """Tell whether the file says that the unit is refused; raise `OSError` when it cannot be read."""
        return bool(self._known())

    def _known(self) -> str | None:
        """Give what the file says; None when that cannot be read, so that it is written anew."""
        if self._said is None:
            try:
                self._said = load_refused(self._folder)
            except ProtocolError:
                return None
        return self._said

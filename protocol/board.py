"""The header in which a unit says in what board its card is, with its request for documents.

`Backrow-Board: model="Raspberry Pi 5 Model B Rev 1.0", serial="10000000a1b2c3d4"`: printable ASCII without quotes and
backslashes, either text empty where it is not known. To be shown, never believed. Defined in docs/protocol/uploads.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol.errors import ProtocolError

HEADER = "Backrow-Board"
LONGEST_MODEL, LONGEST_SERIAL = 120, 64
_CHARACTER = r"[ !#-\[\]-~]"
_FORM = re.compile(rf'model="({_CHARACTER}{{0,{LONGEST_MODEL}}})", serial="({_CHARACTER}{{0,{LONGEST_SERIAL}}})"')
_OTHER = re.compile(r"[^ !#-\[\]-~]")


class BoardError(ProtocolError):
    """A header that names a board is malformed."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A computer as it names itself; a text is empty where it is not known."""

    model: str
    serial: str


def make_board(*, model: str, serial: str) -> Board:
    """Make a board of what firmware said, whatever that was: other characters become `?`, and what is too long ends."""
    return Board(model=_clean(model, LONGEST_MODEL), serial=_clean(serial, LONGEST_SERIAL))


def _clean(text: str, longest: int) -> str:
    return _OTHER.sub("?", text.strip(" \t\r\n\0"))[:longest].strip()


def encode_board(board: Board) -> str:
    """Write the header's value."""
    return f'model="{board.model}", serial="{board.serial}"'


def parse_board(text: str) -> Board:
    """Read the header's value; raise `BoardError` that names the form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise BoardError(f'{HEADER}: expected \'model="<text>", serial="<text>"\', got {text[:80]!r}')
    return Board(model=found[1].strip(), serial=found[2].strip())

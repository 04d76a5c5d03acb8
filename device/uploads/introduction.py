"""What a unit says of itself with its request for documents: what it can, what it has counted, and in what board it is.

Reads `state/counters` and the device tree that the firmware gave the kernel, from /sys: /proc/device-tree is a link to
it that the uploader's sandbox hides. A PC has no device tree, and says nothing of its board. Headers:
docs/protocol/uploads.md.
"""

from __future__ import annotations

from pathlib import Path

from device.counters import load_counters
from protocol import abilities, board, counters
from protocol.abilities import Ability, encode_abilities
from protocol.board import Board, encode_board, make_board
from protocol.counters import encode_counters

DEVICE_TREE = Path("/sys/firmware/devicetree/base")
_MOST_BYTES = 1024


def introduce(state: Path, tree: Path = DEVICE_TREE) -> dict[str, str]:
    """Give the headers; what is not known is left out."""
    counted, found = load_counters(state), load_board(tree)
    headers = {abilities.HEADER: encode_abilities(Ability)}
    headers |= {counters.HEADER: encode_counters(counted)} if counted else {}
    return headers | ({board.HEADER: encode_board(found)} if found else {})


def load_board(tree: Path) -> Board | None:
    """Read model and serial number as the firmware wrote them; None where the machine says neither."""
    found = make_board(model=_read(tree / "model"), serial=_read(tree / "serial-number"))
    return found if found.model or found.serial else None


def _read(path: Path) -> str:
    """Read one text; one that is not there, or not for us, is not known."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""

"""A list of rooms as CSV: a line each, columns by name, and one bad line makes nothing for any room.

The columns are `room`, `owner` and any field of a network (`static`, `eap-identity`, …); an empty cell, or a column
that is not there, means what the command's own options say. Reads text, makes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from protocol.room.facts import require_label
from provisioning.card.errors import CardError
from provisioning.card.network import Network
from provisioning.card.wishes import NETWORK_FIELDS, make_network

COLUMNS = ("room", "owner", *NETWORK_FIELDS)
FOLDER_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class Room:
    """One room that gets a unit: what people call it, whose unit it is, and how it reaches the school."""

    label: str
    owner: str
    network: Network

    @property
    def folder(self) -> str:
        """Name the folder of its card."""
        kept = "".join(char if char.isalnum() or char in "-_." else "-" for char in self.label)
        return kept[:FOLDER_CHARACTERS].strip("-.") or "room"


def make_room(wishes: Mapping[str, str], folder: Path) -> Room:
    """Make a room of its fields; raises `CardError` that names the field."""
    label, owner = wishes.get("room", "").strip(), wishes.get("owner", "").strip()
    try:
        require_label(label, "room")
    except ValueError as error:
        raise CardError("room", str(error)) from None
    if not owner:
        raise CardError("owner", "missing; expected the teacher's address or account id")
    return Room(label=label, owner=owner, network=make_network(wishes, folder))


def parse_rooms(text: str, *, name: str, common: Mapping[str, str], folder: Path) -> tuple[Room, ...]:
    """Read every line of a CSV; raises `CardError` with line and column at the first that is wrong."""
    rooms: dict[str, Room] = {}
    for line, cells in _read_lines(text, name):
        try:
            room = make_room({**common, **{column: cell for column, cell in cells.items() if cell}}, folder)
            _require_new(room, rooms)
        except CardError as error:
            raise CardError("", f"{name}: line {line}, column {error.field}: {error.words}; nothing was made") from None
        rooms[room.folder.casefold()] = room
    if not rooms:
        raise CardError("csv", f"{name} names no room")
    return tuple(rooms.values())


def _require_new(room: Room, before: Mapping[str, Room]) -> None:
    same = before.get(room.folder.casefold())
    if same is not None:
        raise CardError("room", f"expected each room once, got {room.label!r} after {same.label!r}")


def _read_lines(text: str, name: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Give each line's number, as an editor counts, and its cells by column."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [cell.strip().lower().replace("_", "-") for cell in next(reader, [])]
        _require_header(header, name)
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    raise CardError(
                        "", f"{name}: line {begins}: expected {len(header)} cells, got {len(cells)}; nothing was made"
                    )
                yield begins, {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
            begins = reader.line_num + 1
    except csv.Error as error:
        raise CardError("", f"{name}: line {reader.line_num}: {error}; nothing was made") from None


def _require_header(header: list[str], name: str) -> None:
    for column in header:
        if column not in COLUMNS:
            raise CardError("", f"{name}: line 1, column {column}: unknown; expected {', '.join(COLUMNS)}")
        if header.count(column) > 1:
            raise CardError("", f"{name}: line 1, column {column}: named twice")
    for column in ("room", "owner"):
        if column not in header:
            raise CardError("", f"{name}: line 1, column {column}: missing")

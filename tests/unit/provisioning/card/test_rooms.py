"""Many rooms from a CSV: columns by name, and one bad line names itself and makes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.card.errors import CardError
from provisioning.card.rooms import parse_rooms

GOOD = "room,owner,static\nRoom 1,ana@school.example,10.1.2.1/24\n\nAula ñ/2,bob@school.example,\n"


def parse(text: str, **common: str) -> list[str]:
    """Read rooms and give their folders."""
    wishes = {name.replace("_", "-"): value for name, value in common.items()}
    return [room.folder for room in parse_rooms(text, name="rooms.csv", common=wishes, folder=Path())]


def test_each_line_is_a_room_and_empty_ones_are_passed_over() -> None:
    """A folder is named after its room, and a room's own cell goes before the command's option."""
    assert parse(GOOD) == ["Room-1", "Aula-ñ-2"]
    rooms = parse_rooms(GOOD, name="rooms.csv", common={"static": "10.9.9.9/24"}, folder=Path())
    assert [str(room.network.addressing.address) for room in rooms] == ["10.1.2.1/24", "10.9.9.9/24"]


def test_spreadsheets_byte_order_mark_and_line_ends_are_read() -> None:
    """What a spreadsheet writes is read."""
    assert parse("\ufeff" + GOOD.replace("\n", "\r\n")) == ["Room-1", "Aula-ñ-2"]


BAD = {
    "line 3, column gateway": "room,owner,static,gateway\nA,a,,\nB,b,10.0.0.9/24,10.1.0.1\n",
    "line 2, column owner": "room,owner\nA,\n",
    "line 4, column room": 'room,owner\n"A",a\nB,b\na,c\n',
    "line 1, column colour": "room,owner,colour\nA,a,red\n",
    "line 1, column owner: missing": "room\nA\n",
    "line 3: expected 2 cells, got 3": "room,owner\nA,a\nB,b,c\n",
    "line 2": 'room,owner\nA,"a\n',
    "names no room": "room,owner\n",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_line_is_named_with_its_number_and_column(words: str) -> None:
    """The number is the one that an editor shows, the column the one of the header."""
    with pytest.raises(CardError, match=words):
        parse(BAD[words])

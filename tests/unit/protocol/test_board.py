"""The header that names a unit's board: what may stand in it, and that whatever firmware says can be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.board import LONGEST_MODEL, LONGEST_SERIAL, Board, BoardError, encode_board, make_board, parse_board


def test_board_reads_as_it_is_documented() -> None:
    """The example of docs/protocol/uploads.md."""
    pi = Board(model="Raspberry Pi 5 Model B Rev 1.0", serial="10000000a1b2c3d4")
    assert encode_board(pi) == 'model="Raspberry Pi 5 Model B Rev 1.0", serial="10000000a1b2c3d4"'
    assert parse_board(encode_board(pi)) == pi


@given(st.text(), st.text())
def test_whatever_firmware_says_can_be_said_in_a_header(model: str, serial: str) -> None:
    """Quotes, line ends, other scripts, any length: the header is one line of printable ASCII, and reads back."""
    made = make_board(model=model, serial=serial)
    header = encode_board(made)
    assert header.isascii()
    assert header.isprintable()
    assert parse_board(header) == made


def test_texts_end_where_the_registry_ends() -> None:
    """Its columns hold so many characters."""
    made = make_board(model="m" * 999, serial="s" * 999)
    assert (len(made.model), len(made.serial)) == (LONGEST_MODEL, LONGEST_SERIAL)


def test_texts_of_the_device_tree_end_with_a_null() -> None:
    """Which is no part of them."""
    assert make_board(model="Raspberry Pi\0", serial="10\0") == Board(model="Raspberry Pi", serial="10")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Raspberry Pi",
        'model="a"',
        'serial="1", model="a"',
        'model="a", serial="1" ',
        'model="a", serial="1"\n',
        'model="a"b", serial="1"',
        'model="a\\", serial="1"',
        'model="a\nb", serial="1"',
        'model="Möbius", serial="1"',
        f'model="{"a" * (LONGEST_MODEL + 1)}", serial="1"',
        f'model="a", serial="{"1" * (LONGEST_SERIAL + 1)}"',
    ],
)
def test_header_of_another_form_is_refused(text: str) -> None:
    """The words name the header."""
    with pytest.raises(BoardError, match="Backrow-Board"):
        parse_board(text)

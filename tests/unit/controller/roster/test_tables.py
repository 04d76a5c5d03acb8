"""Tables as a stream: the wanted columns, every limit, every encoding, and any text at all."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.roster.exports import encode_table, escape, unescape
from controller.roster.flaws import Flawed, Flaws, UnreadableError
from controller.roster.tables import LONGEST_LINE, Form, Row, read_rows

FORM = Form(needed=("a", "b"), others=("c",), delimiters=",;\t")


def read(data: bytes, form: Form = FORM) -> tuple[list[Row], list[tuple[Flawed, int]]]:
    """Give the rows, and what is wrong in which row."""
    flaws = Flaws()
    try:
        rows = list(read_rows(io.BytesIO(data), "t.csv", form, flaws))
    except UnreadableError as error:
        rows = []
        flaws.add(error.flaw)
    return rows, [(flaw.flawed, flaw.row) for flaw in flaws.told]


@pytest.mark.parametrize("data", [b"a,b\n1,2\n", b"a;b\r\n1;2\r\n", b"a\tb\n1\t2", b" B ,x,A\n2,drop,1\n"])
def test_wanted_columns_are_read_by_name(data: bytes) -> None:
    """Commas, semicolons or tabs; any order; a column that is not there gives blanks."""
    assert read(data) == ([Row(2, ("1", "2", ""))], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_marked_unicode_is_read(encoding: str) -> None:
    """UTF-16 without its mark is not guessed."""
    rows, wrong = read("a,b\nÁna,Ωμ\n".encode(encoding))
    if encoding in ("utf-16-le", "utf-16-be"):
        assert (rows, wrong) == ([], [(Flawed.NOT_TEXT, 1)])
    else:
        assert (rows, wrong) == ([Row(2, ("Ána", "Ωμ", ""))], [])


@pytest.mark.parametrize(
    ("data", "flawed", "number"),
    [
        (b"", Flawed.FILE_EMPTY, 0),
        (b"a,x\n1,2\n", Flawed.COLUMN_MISSING, 1),
        (b"a,b,A\n1,2,3\n", Flawed.COLUMN_TWICE, 1),
        (b"a,b\n1\n", Flawed.CELLS, 2),
        (b"a,b\n1,2,3\n", Flawed.CELLS, 2),
        (b'a,b\n"1,2\n', Flawed.TABLE_MALFORMED, 2),
        (b'a,b\n1,2\n"1"x,2\n', Flawed.TABLE_MALFORMED, 3),
        (b"a,b\n1,\xe9\n", Flawed.ENCODING, 2),
        (b"a,b\n1,2\n1,\0\n", Flawed.NOT_TEXT, 3),
        (b"a,b\n1," + b"x" * (10 * 1024 * 1024) + b"\n", Flawed.LINE_TOO_LONG, 2),
        (b'a,b\n1,"' + b"x\n" * 100_000 + b'"\n', Flawed.TABLE_MALFORMED, 2),
        (b"a,b\r1,2\r", Flawed.TABLE_MALFORMED, 1),
        ("a,b\n1,x".encode("utf-16")[:-1], Flawed.ENCODING, 2),
    ],
)
def test_what_cannot_be_read_is_told_with_its_row(data: bytes, flawed: Flawed, number: int) -> None:
    """Cells of ten megabytes, open quotes, zero bytes, other encodings: each in words, and no memory is filled."""
    assert (flawed, number) in read(data)[1]


def test_wrong_rows_do_not_hide_the_right_ones() -> None:
    """A row with too few cells is told and left out; blank rows and blank cells at the end are nothing."""
    rows, wrong = read(b"a,b\n1\n\n3,4,,\n,\n5,6\n")
    assert (rows, wrong) == ([Row(4, ("3", "4", "")), Row(6, ("5", "6", ""))], [(Flawed.CELLS, 2)])


def test_line_feed_inside_quotes_belongs_to_its_row() -> None:
    """Rows are counted as a spreadsheet shows them."""
    assert read(b'a,b\n"1\n1",2\n3,4\n')[0] == [Row(2, ("1\n1", "2", "")), Row(3, ("3", "4", ""))]


def test_table_has_a_most_of_rows() -> None:
    """A table without end ends."""
    two = replace(FORM, most_rows=2)
    assert read(b"a,b\n1,2\n3,4\n", two)[1] == []
    assert read(b"a,b\n1,2\n3,4\n5,6\n", two)[1] == [(Flawed.TOO_MANY_ROWS, 0)]


def test_longest_line_is_still_read() -> None:
    """The limit is what it says; the cell's own is csv's 131,072 characters."""
    line = b"1," + b"x" * 131_072
    assert len(line) < LONGEST_LINE
    assert len(read(b"a,b\n" + line + b"\n")[0]) == 1


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"a,b\n", b'a,b\n"']))
def test_any_bytes_give_rows_or_words(data: bytes, before: bytes) -> None:
    """No bytes raise anything but what is told."""
    rows, wrong = read(before + data)
    assert all(len(row.cells) == 3 for row in rows)
    assert wrong or before in (b"a,b\n", b'a,b\n"') or b"a" in data.lower()


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=2, max_size=2)))
def test_exported_cells_run_nothing_and_come_back(cells: list[list[str]]) -> None:
    """Whatever a cell holds, what is written begins like no formula, and reading gives it back."""
    kept = [row for row in cells if all(cell == cell.strip() for cell in row) and any(row)]
    data = encode_table(("a", "b"), kept)
    rows = [tuple(map(unescape, row.cells[:2])) for row in read(data)[0]]
    assert rows == [tuple(row) for row in kept]
    assert all(not escape(cell).startswith(("=", "+", "-", "@", "\t", "\r")) for row in kept for cell in row)


@given(st.text(st.sampled_from("a;\t'=+-@\uff1d")))
def test_no_spreadsheet_runs_what_stands_after_its_own_separator(cell: str) -> None:
    """In many countries a semicolon ends a cell, and a formula would follow it; reading gives the cell back."""
    pieces = re.split("[;\t]", escape(cell))
    assert not any(piece.startswith(("=", "+", "-", "@", "\uff1d")) for piece in pieces)
    assert unescape(escape(cell)) == cell

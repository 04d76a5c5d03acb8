"""Reads a table of text as a stream: rows of the columns that are wanted, by the names in the header.

Columns that nobody asked for are dropped here and go no further. UTF-8 and, by its mark, UTF-16 are read; anything else
is refused rather than guessed, because a wrong guess makes wrong names. Lines, cells and rows have limits, so that no
file fills the memory.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from controller.roster.flaws import Flawed, Flaws, UnreadableError, flaw

LONGEST_LINE = 256 * 1024
MOST_ROWS = 2_000_000
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(NamedTuple):
    """One row: its number as a spreadsheet shows it, and the wanted cells in their order, without blanks around."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Form:
    """Which columns of a table are wanted: `needed` must be there; `others` give blank cells where they are not.

    `alike` names other spellings of a column, in small letters.
    """

    needed: tuple[str, ...]
    others: tuple[str, ...] = ()
    alike: Mapping[str, str] | None = None
    delimiters: str = ","
    most_rows: int = MOST_ROWS

    @property
    def wanted(self) -> tuple[str, ...]:
        """Give all columns in the order of a row's cells."""
        return (*self.needed, *self.others)


def read_rows(stream: IO[bytes], file: str, form: Form, flaws: Flaws) -> Iterator[Row]:
    """Give the rows of a table; what is wrong with single rows goes into `flaws`, and they are left out.

    Raises `UnreadableError` when the table cannot be read any further.
    """
    lines = _Lines(stream, file)
    reader = csv.reader(lines, delimiter=lines.find_delimiter(form.delimiters), strict=True)
    header = next(_records(reader, file), None)
    if header is None:
        raise UnreadableError(flaw(Flawed.FILE_EMPTY, file))
    places = _places(header, file, form, flaws)
    pick = _picker(places)
    for number, cells in enumerate(_records(reader, file, 1), start=2):
        if number > form.most_rows + 1:
            raise UnreadableError(flaw(Flawed.TOO_MANY_ROWS, file, most=form.most_rows))
        if len(cells) != len(header):
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) < len(header) or any(cell.strip() for cell in cells[len(header) :]):
                flaws.add(flaw(Flawed.CELLS, file, number, expected=len(header), got=len(cells)))
                continue
        picked = pick(cells)
        if any(picked) or any(cell.strip() for cell in cells):
            yield Row(number, picked)


def _picker(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Give what takes the wanted cells out of a row; a place of -1 is a column that is not there."""

    def pick(cells: Sequence[str]) -> tuple[str, ...]:
        return tuple([cells[place].strip() if place >= 0 else "" for place in places])

    return pick


def _records(reader: Iterator[list[str]], file: str, before: int = 0) -> Iterator[list[str]]:
    number = before
    while True:
        number += 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise UnreadableError(flaw(Flawed.TABLE_MALFORMED, file, number, why=str(error))) from None
        if record is None:
            return
        yield record


def _places(header: Sequence[str], file: str, form: Form, flaws: Flaws) -> list[int]:
    """Find the wanted columns; raises `UnreadableError` when one that is needed is not there."""
    alike = form.alike or {}
    names = [alike.get(name, name) for name in (cell.strip().casefold() for cell in header)]
    places = []
    missing = []
    for column in form.wanted:
        found = [place for place, name in enumerate(names) if name == column.casefold()]
        if len(found) > 1:
            flaws.add(flaw(Flawed.COLUMN_TWICE, file, 1, column))
        if not found and column in form.needed:
            missing.append(flaw(Flawed.COLUMN_MISSING, file, 1, column))
        places.append(found[0] if found else -1)
    for each in missing[:-1]:
        flaws.add(each)
    if missing:
        raise UnreadableError(missing[-1])
    return places


class _Borrowed(io.RawIOBase):
    """Somebody else's stream, which stays open when what reads from it goes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Lines:
    """The lines of a stream as text, each with its line feed, bounded in length."""

    def __init__(self, stream: IO[bytes], file: str) -> None:
        self._file = file
        self._number = 0
        buffered: io.BufferedReader = io.BufferedReader(_Borrowed(stream), 64 * 1024)
        self._next = _utf16_lines(buffered) if buffered.peek(2)[:2] in _UTF16 else _utf8_lines(buffered)
        self._ahead: str | None = None

    def find_delimiter(self, choices: str) -> str:
        """Look at the header, and give the one of `choices` that it has most often."""
        self._ahead = next(self, "")
        ahead = self._ahead
        return max(choices, key=ahead.count)

    def __iter__(self) -> Iterator[str]:
        """Give itself: lines come one by one."""
        return self

    def __next__(self) -> str:
        """Give the next line; raise `UnreadableError` for what is no text."""
        if self._ahead:
            line, self._ahead = self._ahead, None
            return line
        self._number += 1
        try:
            line = self._next()
        except UnicodeDecodeError as error:
            byte = f"0x{error.object[error.start]:02x}"
            raise UnreadableError(flaw(Flawed.ENCODING, self._file, self._number, got=byte)) from None
        if not line:
            raise StopIteration
        if len(line) > LONGEST_LINE:
            raise UnreadableError(flaw(Flawed.LINE_TOO_LONG, self._file, self._number, most=LONGEST_LINE))
        if "\0" in line:
            raise UnreadableError(flaw(Flawed.NOT_TEXT, self._file, self._number))
        return line


def _utf8_lines(buffered: io.BufferedReader) -> Callable[[], str]:
    """Decode line by line, so that a wrong byte is told with its line; one that is too long is not decoded at all."""
    if buffered.peek(3)[:3] == codecs.BOM_UTF8:
        buffered.read(3)

    def read() -> str:
        line = buffered.readline(LONGEST_LINE + 1)
        return line.decode("utf-8") if len(line) <= LONGEST_LINE else "?" * len(line)

    return read


def _utf16_lines(buffered: io.BufferedReader) -> Callable[[], str]:
    text = io.TextIOWrapper(buffered, encoding="utf-16", errors="strict", newline="")
    return lambda: text.readline(LONGEST_LINE + 1)

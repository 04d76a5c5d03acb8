"""Writes a class list as a table that a spreadsheet opens and `lists.py` reads again. Pure.

A cell that a spreadsheet would run as a formula is written with an apostrophe before it, as OWASP's page on CSV
injection advises; reading takes it off again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.roster.repo import Member

_RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape(cell: str) -> str:
    """Write a cell so that no spreadsheet runs it."""
    return f"'{cell}" if cell.startswith((*_RUNS, "'")) else cell


def unescape(cell: str) -> str:
    """Take off what `escape` put before a cell."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith((*_RUNS, "'")) else cell


def encode_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table in UTF-8 with the mark by which Excel knows it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([escape(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def encode_class(title: str, site: str, members: Iterable[Member]) -> bytes:
    """Write a class with our own number of each person, by which they are found again when it is sent back."""
    header = ("class", "given", "family", "role", "id", "site")
    rows = ((title, *member.name, member.role.value, member.person, site) for member in members)
    return encode_table(header, rows)

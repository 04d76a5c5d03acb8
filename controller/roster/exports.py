"""Writes a class list as a table that a spreadsheet opens and `lists.py` reads again. Pure.

What a spreadsheet would run as a formula is written with an apostrophe before it, as OWASP's page on CSV injection
advises; reading takes it off again. Also inside of a cell after a semicolon or a tab: a spreadsheet of a country that
writes decimals with a comma takes the semicolon for the end of a cell, whatever we separate by.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controller.roster.repo import Member

_RUNS = "=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20"
"""What a formula begins with, in a character class; the last four are the full-width forms."""
_BEGINS = re.compile(f"(^|[;\\t])(?=[{_RUNS}'])")
_ESCAPED = re.compile(f"(^|[;\\t])'(?=[{_RUNS}'])")


def escape(cell: str) -> str:
    """Write a cell so that no spreadsheet runs it."""
    return _BEGINS.sub(r"\1'", cell)


def unescape(cell: str) -> str:
    """Take off what `escape` put into a cell."""
    return _ESCAPED.sub(r"\1", cell)


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

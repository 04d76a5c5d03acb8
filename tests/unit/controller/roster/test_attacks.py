"""Hostile files at every door that takes a table or a zip: refused in words, nothing kept, and nothing of them shown.

The whole database is compared before and after: no draft, no person, no line of history.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from controller.accounts.models import Role
from controller.tables import METADATA
from tests.house import House, form_token, make_house
from tests.rosters import changed, pack, small_school

MIB = 1024 * 1024
MOST_SHOWN_BYTES = 200_000
"""So long a refusal can be: a hostile cell is not sent back."""


class Door(NamedTuple):
    """Where a file is sent, by which field, with which columns of a table that would be read."""

    page: str
    address: str
    header: str


DOORS = {
    "classes": Door("/classes/import", "/classes/import/file", "class,given,family"),
    "timetable": Door("/timetable/import", "/timetable/import", "room,weekday,begins,ends,class,teacher"),
    "answers": Door("/forms/table", "/forms/table", "code,answer"),
}


def bomb() -> bytes:
    """Fifty megabytes of zeros in fifty kilobytes."""
    return pack({**small_school(), "users.csv": b"0" * (50 * MIB)}).getvalue()


def nested() -> bytes:
    """A zip in a zip in a zip, the innermost a bomb."""
    data = bomb()
    for _ in range(3):
        data = pack({"users.csv": data, "manifest.csv": data}).getvalue()
    return data


def overlapping() -> bytes:
    """One member that the directory names two hundred times, so that few bytes become very many."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.csv", b"a,b\n" * 20_000)
        first = archive.infolist()[0]
        for number in range(199):
            twin = zipfile.ZipInfo(f"f{number}.csv")
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type", "flag_bits"):
                setattr(twin, name, getattr(first, name))
            archive.filelist.append(twin)
    return held.getvalue()


def linked() -> bytes:
    """A symbolic link to the machine's own users."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        link = zipfile.ZipInfo("users.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return held.getvalue()


def spoilt(file: str, row: int, **cells: str) -> Callable[[], bytes]:
    """A school with one cell changed."""
    return lambda: pack(changed(small_school(), file, row, **cells)).getvalue()


def twice(file: str) -> Callable[[], bytes]:
    """A school in which a row stands twice with another content."""

    def make() -> bytes:
        tables = dict(small_school())
        header, first, *rest = tables[file]
        other = ["Zoe" if name == "givenName" else cell for name, cell in zip(header, first, strict=True)]
        tables[file] = [header, first, other, *rest]
        return pack(tables).getvalue()

    return make


ZIPS: Mapping[str, Callable[[], bytes]] = {
    "bomb": bomb,
    "zips in zips": nested,
    "overlapping members": overlapping,
    "slip": lambda: pack({**small_school(), "../../users.csv": b"x"}).getvalue(),
    "slip of windows": lambda: pack({**small_school(), "..\\users.csv": b"x"}).getvalue(),
    "absolute": lambda: pack({**small_school(), "/etc/cron.d/users.csv": b"x"}).getvalue(),
    "link": linked,
    "cut off": lambda: pack(small_school()).getvalue()[:-30],
    "nothing but an end": lambda: b"PK\x05\x06" + bytes(18),
    "formula": spoilt("users.csv", 2, givenName='=HYPERLINK("http://x","y")'),
    "command": spoilt("users.csv", 2, familyName="@SUM(1+1)*cmd|' /C calc'!A0"),
    "ten megabytes in a cell": spoilt("users.csv", 2, givenName="a" * (10 * MIB)),
    "two people of one id": twice("users.csv"),
    "control characters": spoilt("users.csv", 2, givenName="A\x00na"),
    "right to left": spoilt("users.csv", 2, givenName="A\u202ena"),
}
ROWS: Mapping[str, bytes] = {
    "empty": b"",
    "nul bytes": b"\x00" * 4096,
    "utf-16 without a mark": "class,given,family\n5b,Ana,Kim\n".encode("utf-16-le"),
    "latin letters of another encoding": b"{header}\n\xe9\xff,\xc3,\x28\n",
    "ten megabytes in a cell": b"{header}\n" + b"x" * (10 * MIB),
    "ten megabytes in quotes": b'{header}\n"' + b"x,\n" * (3 * MIB) + b'"',
    "a quote that never ends": b'{header}\n"5b,Ana,Kim\n' * 3,
    "a hundred thousand columns": b"{header}\n" + b"," * 100_000,
    "a column twice": b"{header},{header}\n",
    "a script": b"<script>alert(1)</script>,{header}\n<script>alert(1)</script>\n",
    "formulas": b"{header}\n=1+1,=1+1,=1+1,=1+1,=1+1,=1+1\n",
    "a program": b"\x7fELF" + bytes(range(256)) * 64,
    "entities": b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><x>&a;</x>',
    "a calendar without an end": b"BEGIN:VCALENDAR\r\n" * 2_000,
}


@dataclass(frozen=True)
class Office:
    """A school, and the browser of somebody who may send files."""

    house: House
    browser: FlaskClient


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Make it once: nothing that is sent changes it."""
    house = make_house(tmp_path_factory.mktemp("office"))
    yield Office(house, house.browser(house.add_person("Olga Office", Role.KEEPER)))
    house.services.database.close()


def send(office: Office, door: Door, data: bytes, name: str) -> tuple[int, str]:
    """Send a file by a door's form; whatever comes of it, the database is as it was."""
    house, browser = office.house, office.browser
    token = form_token(browser.get(door.page).text)
    sent = {"csrf_token": token, "file": FileStorage(io.BytesIO(data), name), "site": "", "starts_on": ""}
    boundary, body = encode_multipart(sent)  # in memory: the client's own file on disk would be left open
    before = dump(house)
    answer = browser.post(door.address, data=body, content_type=f'multipart/form-data; boundary="{boundary}"')
    assert dump(house) == before
    return answer.status_code, answer.text


def dump(house: House) -> dict[str, list[str]]:
    """Read the whole database."""
    with house.services.database.reading() as session:
        tables = METADATA.sorted_tables
        return {table.name: sorted(map(repr, session.execute(select(table)).all())) for table in tables}


def test_file_that_is_right_would_be_seen(tmp_path: Path) -> None:
    """The check itself: a sound school waits as a draft, and the database is another one."""
    house = make_house(tmp_path)
    office = Office(house, house.browser(house.add_person("Olga Office", Role.KEEPER)))
    with pytest.raises(AssertionError):
        send(office, DOORS["classes"], pack(small_school()).getvalue(), "roster.zip")
    house.services.database.close()


@pytest.mark.parametrize("attack", ZIPS)
def test_hostile_zip_is_refused_and_nothing_is_kept(office: Office, attack: str) -> None:
    """By the door of class lists, in words that are short and carry nothing to run."""
    status, page = send(office, DOORS["classes"], ZIPS[attack](), "roster.zip")
    assert status == 422
    assert 'class="fault"' in page or "<li" in page
    assert len(page) < MOST_SHOWN_BYTES
    assert "<script>alert" not in page


@pytest.mark.parametrize("attack", ROWS)
@pytest.mark.parametrize("door", DOORS)
def test_hostile_table_is_refused_and_nothing_is_kept(office: Office, door: str, attack: str) -> None:
    """By every door, whatever the file is called."""
    data = ROWS[attack].replace(b"{header}", DOORS[door].header.encode())
    status, page = send(office, DOORS[door], data, "table.csv")
    assert status in (422, 413)  # the door of answers takes no file of ten megabytes
    assert len(page) < MOST_SHOWN_BYTES
    assert "<script>alert" not in page


@pytest.mark.parametrize("door", DOORS)
def test_file_that_is_too_long_is_refused_before_it_is_read(office: Office, door: str) -> None:
    """A page says so; what is over the limit of the door is never parsed."""
    status, page = send(office, DOORS[door], b"x" * (65 * MIB), "table.csv")
    assert status == 413
    assert "too long" in page

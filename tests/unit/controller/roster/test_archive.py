"""Zips that mean harm: refused before they are unpacked, in words, whatever stands in them."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.roster.archive import MOST_MEMBERS, open_archive
from controller.roster.flaws import Flawed, UnreadableError
from controller.roster.oneroster import read_oneroster
from tests.rosters import pack, small_school


def refused(data: io.BytesIO) -> Flawed:
    """Give why a zip is refused."""
    with pytest.raises(UnreadableError) as caught, open_archive(data, "roster.zip"):
        pass
    return caught.value.flaw.flawed


@pytest.mark.parametrize(
    "name", ["../users.csv", "/etc/passwd", "a/../../b", "..\\users.csv", "C:\\users.csv", "c:users.csv", "a\\b.csv"]
)
def test_member_that_points_outside_is_refused(name: str) -> None:
    """Nothing is ever unpacked, and still: a zip that tries is not to be trusted with names."""
    assert refused(pack({name: b"x"})) is Flawed.ZIP_PATH


def test_link_in_a_zip_is_refused() -> None:
    """A symbolic link is a path by another way."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        link = zipfile.ZipInfo("users.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert refused(data) is Flawed.ZIP_PATH


def test_bomb_is_refused_by_its_ratio() -> None:
    """Twenty megabytes of zeros are twenty kilobytes in a zip."""
    assert refused(pack({"users.csv": b"0" * (20 * 1024 * 1024)})) is Flawed.ZIP_TOO_LARGE


def test_bomb_that_lies_about_its_size_gives_no_more_than_it_said() -> None:
    """A member whose header says ten bytes is read to ten, and then its sum is wrong."""
    data = bytearray(pack({**small_school(), "users.csv": b"x" * 1000}).getvalue())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        archive.getinfo("users.csv")
    true, lie = (1000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert data.count(true) == 2
    reading = read_oneroster(io.BytesIO(bytes(data).replace(true, lie)), "roster.zip")
    assert {flaw.flawed for flaw in reading.flaws} <= {Flawed.ZIP_UNREADABLE, Flawed.COLUMN_MISSING}
    assert reading.roster is None


def test_zip_with_very_many_members_is_refused() -> None:
    """A roster has a dozen."""
    assert refused(pack({f"{n}.csv": b"" for n in range(MOST_MEMBERS + 1)})) is Flawed.ZIP_TOO_MANY


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_is_there_twice_is_refused() -> None:
    """Which of the two counts would be chance; upper and lower case are the same name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("users.csv", "a")
        archive.writestr("USERS.csv", "b")
    assert refused(data) is Flawed.ZIP_TWICE


def test_locked_and_oddly_packed_members_are_refused() -> None:
    """A password, or a method that the binding does not allow, is told as such."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("users.csv", "a")
    assert refused(data) is Flawed.ZIP_LOCKED
    locked = bytearray(pack({"users.csv": b"a"}).getvalue())
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(sign) + offset] |= 1
    assert refused(io.BytesIO(bytes(locked))) is Flawed.ZIP_LOCKED


def test_damaged_member_is_told_by_its_name() -> None:
    """A flipped byte in the packed data is found by the zip's own sum."""
    data = bytearray(pack({**small_school(), "users.csv": b"sourcedId,givenName,familyName\n" * 50}).getvalue())
    at = data.index(b"users.csv") + len("users.csv") + 4
    data[at] ^= 0xFF
    reading = read_oneroster(io.BytesIO(bytes(data)), "roster.zip")
    assert reading.roster is None
    assert reading.flaws[0].flawed in (Flawed.ZIP_UNREADABLE, Flawed.ENCODING, Flawed.NOT_TEXT, Flawed.DUPLICATE)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_reading_and_no_error(data: bytes) -> None:
    """Whatever is sent, the answer is words."""
    reading = read_oneroster(io.BytesIO(data), "x.zip")
    assert reading.roster is None
    assert reading.flaws


@given(st.data())
def test_zip_with_flipped_bytes_gives_a_reading_and_no_error(draw: st.DataObject) -> None:
    """A zip that was damaged anywhere is read as it was, or refused in words."""
    data = bytearray(WHOLE)
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] ^= draw.draw(st.integers(1, 255))
    reading = read_oneroster(io.BytesIO(bytes(data)), "x.zip")
    assert (reading.roster is None) is bool(reading.flaws)


WHOLE = pack(small_school("1.2")).getvalue()

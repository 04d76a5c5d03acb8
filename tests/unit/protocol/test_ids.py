"""Identifiers: 128 bits, one form, safe in a topic, a path and an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import IdError, make_id, parse_id
from tests.unit.protocol.made import DEVICE


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_identifiers_are_read_and_differ_as_their_bytes_do(one: bytes, other: bytes) -> None:
    """Every identifier is accepted as it was made, and two are equal only if their 16 bytes are."""
    assert parse_id(make_id(one)) == make_id(one)
    assert (make_id(one) == make_id(other)) == (one == other)


def test_identifier_has_the_form_of_the_document() -> None:
    """26 characters of lower-case base32."""
    assert make_id(bytes(16)) == "a" * 26
    assert make_id(b"\xff" * 16) == "7" * 25 + "4"


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_identifier_is_made_of_sixteen_bytes(length: int) -> None:
    """Fewer would collide, more would not fit: both are our own mistake."""
    with pytest.raises(ValueError, match=f"16 random bytes, got {length}"):
        make_id(bytes(length))


@pytest.mark.parametrize(
    "text",
    [
        "",
        DEVICE[:-1],
        DEVICE + "a",
        DEVICE.upper(),
        DEVICE + "\n",
        " " + DEVICE,
        "../" + DEVICE[3:],
        DEVICE[:-1] + "b",
        "0" + DEVICE[1:],
        "a" * 24 + "/a",
        "ａ" * 26,
    ],
)
def test_what_is_no_identifier_is_refused_by_its_name(text: str) -> None:
    """Other lengths, cases, alphabets, paths, line feeds, and the last digit's unused bits."""
    with pytest.raises(IdError, match="recording: expected 26 lower-case base32 characters"):
        parse_id(text, "recording")

"""Base64 as age demands it: canonical, in the one alphabet, padded only in armor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.envelope.base64text import encode_raw, parse_padded, parse_raw


@given(st.binary(max_size=200))
def test_raw_text_returns_its_data(data: bytes) -> None:
    """Bytes of any length come back from unpadded text."""
    assert parse_raw(encode_raw(data)) == data


@pytest.mark.parametrize("text", [b"QQ==", b"QQ=", b"Q Q", b"QQ\n", b"Q-_Q", b"QQ\r", "Qé".encode(), b"=", b"QQ.A"])
def test_raw_text_refuses_other_characters(text: bytes) -> None:
    """Padding, whitespace, the URL alphabet and everything else are refused."""
    with pytest.raises(ValueError, match="not of unpadded base64"):
        parse_raw(text)


def test_raw_text_refuses_an_impossible_length() -> None:
    """One character beyond a multiple of four carries no byte."""
    with pytest.raises(ValueError, match="5 characters"):
        parse_raw(b"QUJDR")


@pytest.mark.parametrize("text", [b"QR", b"QUJ"])
def test_raw_text_refuses_stray_bits(text: bytes) -> None:
    """Bits beyond the last byte must be zero: one value has one text."""
    with pytest.raises(ValueError, match="canonical"):
        parse_raw(text)


@pytest.mark.parametrize("text", [b"QQ", b"QQ=", b"QQ===", b"=QQ=", b"Q=Q=", b"QR==", b"QUJDRA==A"])
def test_padded_text_refuses_wrong_padding(text: bytes) -> None:
    """In armor the padding must be there, whole, and at the end."""
    with pytest.raises(ValueError, match=r"base64|canonical"):
        parse_padded(text)


def test_padded_text_returns_its_data() -> None:
    """Padded text of each length parses."""
    assert [parse_padded(text) for text in (b"", b"QQ==", b"QUI=", b"QUJD")] == [b"", b"A", b"AB", b"ABC"]

"""Bech32 against the examples of BIP 173 (made by its authors) and against itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.envelope.bech32 import encode_bech32, parse_bech32

# BIP 173, "Test vectors": valid Bech32 strings, those whose data are whole bytes.
VALID = [
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    "?1ezyfcl",
]
# The same section: invalid strings, and the word of our reason.
INVALID = [
    ("\x201nwldj5", "prefix"),
    ("\x7f1axkwrx", "prefix"),
    ("\x801eym55h", "prefix"),
    ("pzry9x0s0muk", "prefix"),
    ("1pzry9x0s0muk", "prefix"),
    ("x1b4n0q5v", "alphabet"),
    ("li1dgmt3", "at least 6"),
    ("de1lg7wt\xff", "alphabet"),
    ("A1G7SGD8", "checksum"),
    ("10a06t8", "prefix"),
    ("1qzzfhee", "prefix"),
    ("Abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "mixed"),
]


@pytest.mark.parametrize("text", VALID)
def test_bech32_accepts_the_valid_examples(text: str) -> None:
    """Every valid example whose data are bytes parses, and encodes to itself in lower case."""
    prefix, data = parse_bech32(text)
    assert text.startswith(prefix)
    assert encode_bech32(prefix.lower(), data) == text.lower()


@pytest.mark.parametrize(("text", "reason"), INVALID)
def test_bech32_refuses_the_invalid_examples(text: str, reason: str) -> None:
    """Every invalid example is refused for its own reason, and the reason does not repeat the text."""
    with pytest.raises(ValueError, match=reason) as caught:
        parse_bech32(text)
    assert text not in str(caught.value)


@given(data=st.binary(max_size=1300), prefix=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True))
def test_bech32_text_returns_its_data(data: bytes, prefix: str) -> None:
    """Bytes of any length come back, in lower and in upper case."""
    text = encode_bech32(prefix, data)
    assert parse_bech32(text) == (prefix, data)
    assert parse_bech32(text.upper()) == (prefix.upper(), data)


@given(data=st.binary(min_size=1, max_size=40), place=st.integers(0), step=st.integers(1, 31))
def test_bech32_notices_one_wrong_character(data: bytes, place: int, step: int) -> None:
    """Any one character of the data mistyped as another is refused."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    text = encode_bech32("age", data)
    place = 4 + place % (len(text) - 4)
    wrong = alphabet[(alphabet.index(text[place]) + step) % 32]
    with pytest.raises(ValueError, match="checksum"):
        parse_bech32(text[:place] + wrong + text[place + 1 :])


@pytest.mark.parametrize("values", ["qq" + "q", "qp"])
def test_bech32_refuses_stray_bits(values: str) -> None:
    """Characters whose bits are not whole bytes filled with zeros are refused, checksum right or not."""
    from protocol.envelope import bech32

    numbers = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(character) for character in values]
    with pytest.raises(ValueError, match="not zero"):
        bech32._join_bits(numbers)

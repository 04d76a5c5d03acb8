"""The headers of tus: every parser whole and with trailing data, and each encoder against its parser."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import tus
from protocol.tus.headers import parse_count, parse_optional_count

KEYS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=20)
SHA1 = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="


def test_headers_are_found_in_any_case() -> None:
    """HTTP header names have no case."""
    headers = tus.Headers([("UPLOAD-offset", "5")])
    assert headers["Upload-Offset"] == "5"
    assert "upload-OFFSET" in headers
    assert dict(headers) == {"UPLOAD-offset": "5"}
    assert "UPLOAD-offset" in repr(headers)


def test_headers_that_come_twice_are_joined_and_then_refused_as_a_number() -> None:
    """Two Upload-Offset headers are two opinions: neither is picked."""
    headers = tus.Headers([("Upload-Offset", "5"), ("upload-offset", "6")])
    assert headers["Upload-Offset"] == "5, 6"
    with pytest.raises(tus.HeaderError, match="Upload-Offset"):
        parse_count(headers, "Upload-Offset")


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("9223372036854775807", 2**63 - 1)])
def test_count_is_a_whole_number(text: str, value: int) -> None:
    """0 to 2**63-1 are counts of bytes."""
    assert parse_count(tus.Headers({"Upload-Length": text}), "Upload-Length") == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x10",
        " 1",
        "1 ",
        "1;",
        "1,1",
        "1\n",
        "١",
        "9223372036854775808",
        "9" * 400,
        "NaN",
    ],
)
def test_count_with_anything_else_in_it_is_refused(text: str) -> None:
    """A sign, a fraction, white space, trailing data, other digits and numbers too large are no counts."""
    with pytest.raises(tus.HeaderError, match="whole number of bytes"):
        parse_count(tus.Headers({"Upload-Length": text}), "Upload-Length")


def test_count_that_is_missing_is_refused_unless_it_is_optional() -> None:
    """A missing count says that it is missing."""
    with pytest.raises(tus.HeaderError, match=r"Upload-Offset: expected a whole number.*missing"):
        parse_count(tus.Headers(), "Upload-Offset")
    assert parse_optional_count(tus.Headers(), "Upload-Offset") is None


def test_checksum_of_the_specification_is_read() -> None:
    """The specification's own example parses and encodes back to itself."""
    checksum = tus.parse_checksum(SHA1)
    assert checksum == tus.checksum_of(b"hello world", "sha1")
    assert checksum.encode() == SHA1
    assert tus.parse_checksum(tus.checksum_of(b"x").encode()) == tus.checksum_of(b"x", "sha256")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "sha1",
        "sha1 ",
        "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "md5 XUFAKrxLKna5cZ2REBfFkg==",
        f"{SHA1}=",
        f"{SHA1} ",
        f"{SHA1}\n",
        f"{SHA1},{SHA1}",
        "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0",
        "sha1 é",
    ],
)
def test_checksum_that_is_unknown_or_not_exactly_one_digest_is_refused(value: str) -> None:
    """Unknown algorithms, wrong lengths, bad base64 and trailing data are refused by name of the header."""
    with pytest.raises(tus.HeaderError, match="Upload-Checksum"):
        tus.parse_checksum(value)


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_metadata_may_be_empty(value: str) -> None:
    """Stock tuspy sends an empty Upload-Metadata; it holds nothing."""
    assert tus.parse_metadata(value) == {}


def test_metadata_of_the_specification_is_read() -> None:
    """A key with a value, and a key without one."""
    value = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential"
    assert tus.parse_metadata(value) == {"filename": b"world_domination_plan.pdf", "is_confidential": b""}
    assert tus.encode_metadata(tus.parse_metadata(value)) == value


def test_metadata_may_have_white_space_around_its_commas() -> None:
    """Proxies fold lists with white space; the pairs stay the same."""
    assert tus.parse_metadata("a YQ== , b ,c Yw==") == {"a": b"a", "b": b"", "c": b"c"}


@pytest.mark.parametrize(
    "value",
    [
        ",",
        "a YQ==,",
        "a YQ==,,b YQ==",
        "a YQ==,a YQ==",
        "a YQ",
        "a YQ== YQ==",
        "a  YQ==",
        "a YQ==;",
        "a YQ==\r\nSet-Cookie: x",
        "é YQ==",
        "a\x00 YQ==",
        "a ä",
        "a " + "A" * 8192,
    ],
)
def test_metadata_that_breaks_a_rule_is_refused(value: str) -> None:
    """Empty, doubled and unprintable keys, values that are no base64, trailing data and floods are refused."""
    with pytest.raises(tus.HeaderError, match="Upload-Metadata"):
        tus.parse_metadata(value)


@given(st.dictionaries(KEYS, st.binary(max_size=30), max_size=5))
def test_metadata_comes_back_as_it_was(metadata: dict[str, bytes]) -> None:
    """Encoding and parsing are inverse, order included."""
    assert list(tus.parse_metadata(tus.encode_metadata(metadata)).items()) == list(metadata.items())


@given(st.text(max_size=60))
def test_metadata_parser_only_ever_refuses(value: str) -> None:
    """Whatever a header holds, the parser answers or refuses; nothing else escapes."""
    with suppress(tus.HeaderError):
        metadata = tus.parse_metadata(value)
        assert tus.parse_metadata(tus.encode_metadata(metadata)) == metadata


@pytest.mark.parametrize("key", ["", "a b", "a,b", "ä", "a\n"])
def test_metadata_with_an_illegal_key_is_our_own_mistake(key: str) -> None:
    """What we would send wrongly is a ValueError, not their fault."""
    with pytest.raises(ValueError, match="Upload-Metadata"):
        tus.encode_metadata({key: b""})


def test_http_date_comes_back_as_it_was() -> None:
    """The specification's own example, both ways."""
    moment_at = datetime(2014, 6, 25, 16, 0, tzinfo=UTC)
    assert tus.encode_http_date(moment_at) == "Wed, 25 Jun 2014 16:00:00 GMT"
    assert tus.parse_http_date("Upload-Expires", "Wed, 25 Jun 2014 16:00:00 GMT") == moment_at


@pytest.mark.parametrize(
    "value", ["", "tomorrow", "Wed, 99 Jun 2014 16:00:00 GMT", "Wed, 25 Jun 99999999 16:00:00 GMT"]
)
def test_http_date_that_is_none_is_refused(value: str) -> None:
    """A malformed date names its header."""
    with pytest.raises(tus.HeaderError, match="Upload-Expires"):
        tus.parse_http_date("Upload-Expires", value)

"""The header parser: whole, byte by byte and with trailing data; each broken rule with its own message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.envelope import HeaderError, HeaderMacError, HeaderParser, HeaderTruncatedError, Stanza, parse_header
from protocol.envelope.header import HEADER_LIMIT_BYTES, encode_header
from tests.unit.protocol.envelope.samples import header_end, sealed_sample

HEADER = sealed_sample(1)[: header_end(sealed_sample(1))]
VERSION = b"age-encryption.org/v1\n"
MAC = b"--- " + b"A" * 43 + b"\n"
STANZA = b"-> grease one two\nQUJD\n"

# Each broken rule of the specification, and words of its message that no other rule's message has.
BROKEN: dict[str, tuple[bytes, str]] = {
    "another format": (b"PK\x03\x04 zip\n", "not an age file"),
    "next version": (b"age-encryption.org/v2\n" + STANZA + MAC, "version v1 of the age format, got 'v2'"),
    "version with CR": (b"age-encryption.org/v1\r\n" + STANZA + MAC, r"version v1 of the age format, got 'v1\\r'"),
    "no stanza": (VERSION + MAC, "at least one stanza"),
    "neither stanza nor end": (VERSION + b"=> x\n", r"expected a stanza \('-> '\) or the end"),
    "no space after arrow": (VERSION + b"->x\n\n" + MAC, r"expected a stanza \('-> '\) or the end"),
    "no argument": (VERSION + b"-> \n\n" + MAC, "arguments of visible ASCII"),
    "empty argument": (VERSION + b"-> a  b\n\n" + MAC, "arguments of visible ASCII"),
    "argument with CR": (VERSION + b"-> a\r\n\n" + MAC, "arguments of visible ASCII"),
    "argument beyond ASCII": (VERSION + b"-> \xc3\xa9\n\n" + MAC, "arguments of visible ASCII"),
    "long body line": (VERSION + b"-> a\n" + b"A" * 68 + b"\n" + MAC, "at most 64 columns, got 68"),
    "body not ended by a short line": (VERSION + b"-> a\n" + b"A" * 64 + b"\n" + MAC, "line 4: the stanza's body"),
    "missing body": (VERSION + b"-> a\n-> b\n\n" + MAC, "line 3: the stanza's body"),
    "padded body": (VERSION + b"-> a\nQQ==\n" + MAC, "line 3: the stanza's body is malformed: it has a character"),
    "stray bits in body": (
        VERSION + b"-> a\nQR\n" + MAC,
        "the stanza's body is malformed: it is not canonical",
    ),
    "no space before MAC": (VERSION + STANZA + b"---" + b"A" * 43 + b"\n", "one space and the MAC"),
    "missing MAC": (VERSION + STANZA + b"---\n", "one space and the MAC"),
    "two spaces before MAC": (VERSION + STANZA + b"---  " + b"A" * 43 + b"\n", "the MAC is malformed: it has a char"),
    "short MAC": (VERSION + STANZA + b"--- " + b"A" * 42 + b"\n", "MAC of 32 bytes, got 31"),
    "long MAC": (VERSION + STANZA + b"--- " + b"A" * 44 + b"\n", "MAC of 32 bytes, got 33"),
    "stray bits in MAC": (VERSION + STANZA + b"--- " + b"A" * 42 + b"B\n", "the MAC is malformed: it is not canonical"),
    "MAC with CR": (VERSION + STANZA + b"--- " + b"A" * 43 + b"\r\n", "the MAC is malformed"),
}


def feed_byte_by_byte(data: bytes) -> tuple[HeaderParser, object]:
    """A parser that was given the bytes one at a time, and the last thing that it returned."""
    parser = HeaderParser()
    header = None
    for place in range(len(data)):
        header = parser.feed(data[place : place + 1])
    return parser, header


def test_header_parses_the_same_whole_byte_by_byte_and_with_trailing_data() -> None:
    """However the bytes arrive the header is the same, and what follows it is left untouched."""
    whole = parse_header(HEADER)
    _, one_by_one = feed_byte_by_byte(HEADER)
    trailing = HeaderParser()
    assert one_by_one == whole
    assert trailing.feed(HEADER + b"-> rest\n\x00") == whole
    assert trailing.rest == b"-> rest\n\x00"
    assert whole.raw == HEADER


def test_header_is_not_complete_before_its_last_byte() -> None:
    """No prefix of a header is a header, and each prefix is reported as cut short, never as malformed."""
    for length in range(len(HEADER)):
        parser, header = feed_byte_by_byte(HEADER[:length])
        assert header is None
        with pytest.raises(HeaderTruncatedError, match=f"after {length} bytes"):
            parser.raise_truncated()
        with pytest.raises(HeaderTruncatedError):
            parse_header(HEADER[:length])


@pytest.mark.parametrize("name", BROKEN)
def test_header_breaking_a_rule_is_refused_however_it_arrives(name: str) -> None:
    """Each broken rule is refused with its own words, whole, byte by byte, and with data after it."""
    data, words = BROKEN[name]
    for attempt in (lambda: parse_header(data), lambda: parse_header(data + b"\x00" * 99)):
        with pytest.raises(HeaderError, match=words):
            attempt()
    with pytest.raises(HeaderError, match="version v1" if "version" in name else words):
        feed_byte_by_byte(data)


def test_header_with_data_after_it_is_no_detached_header() -> None:
    """parse_header takes exactly a header: a body behind it is refused, so that none gets lost."""
    with pytest.raises(HeaderError, match="got 3 more"):
        parse_header(HEADER + b"abc")


@pytest.mark.parametrize("start", [b"", VERSION + b"-> ", VERSION + STANZA + b"---"])
def test_header_that_never_ends_is_refused_at_the_limit(start: bytes) -> None:
    """Endless bytes do not fill the memory: the first kilobyte or the limit says stop."""
    parser = HeaderParser()
    blocks = [start] + [b"a" * 4096] * (HEADER_LIMIT_BYTES // 4096 + 1)
    with pytest.raises(HeaderError, match=r"not an age file|to end within"):
        list(map(parser.feed, blocks))


@pytest.mark.parametrize("data", [b"\x00", b"age-encryption.org/v1x", b"age-encryption.org/v2", b"Age"])
def test_header_of_another_format_is_refused_at_once(data: bytes) -> None:
    """What cannot become the version line is refused without waiting for a line end that may never come."""
    with pytest.raises(HeaderError, match=r"not an age file|version v1"):
        HeaderParser().feed(data)


def test_header_mac_covers_every_byte_before_it() -> None:
    """Any stanza bit that changes, where the header stays well formed, is an authentication failure."""
    file_key = bytes(16)
    header = encode_header([Stanza(("grease",), b"ABC"), Stanza(("x", "y"), b"")], file_key)
    parse_header(header).verify_mac(file_key)
    for changed in (
        header.replace(b"grease", b"greasy"),
        header.replace(b"x y", b"x z"),
        header.replace(b"QUJD", b"QUJE"),
    ):
        with pytest.raises(HeaderMacError):
            parse_header(changed).verify_mac(file_key)
    with pytest.raises(HeaderMacError):
        parse_header(header).verify_mac(b"\x01" + bytes(15))


ARGUMENT = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
STANZAS = st.lists(
    st.builds(Stanza, st.lists(ARGUMENT, min_size=1, max_size=4).map(tuple), st.binary(max_size=200)),
    min_size=1,
    max_size=4,
)


@given(stanzas=STANZAS, file_key=st.binary(min_size=16, max_size=16))
def test_header_returns_the_stanzas_that_it_was_made_of(stanzas: list[Stanza], file_key: bytes) -> None:
    """Any stanzas encode to a header that parses back to them and authenticates; bodies of every length."""
    header = parse_header(encode_header(stanzas, file_key))
    header.verify_mac(file_key)
    assert list(header.stanzas) == stanzas

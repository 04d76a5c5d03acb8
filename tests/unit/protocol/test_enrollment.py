"""The words of enrollment: secrets that people type, EST's base64, and who may say which key a recorder signs with."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codec import CodecError
from protocol.enrollment import (
    EnrollmentError,
    RecorderKey,
    decode_body,
    digest_secret,
    encode_body,
    issue_recorder_key,
    parse_secret,
    renewal_bytes,
    spell_secret,
    verify_recorder_key,
)
from protocol.errors import ProtocolError
from protocol.ids import make_id
from protocol.signing import SigningKey, sign_line

DEVICE = make_id(bytes(16))
FIRST, SECOND, THIEF = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2, 3))


def statement(key: SigningKey = FIRST, previous: SigningKey | None = None) -> RecorderKey:
    """Say that `key` follows `previous`."""
    before = previous.verifying.encode() if previous else None
    return RecorderKey(device=DEVICE, key=key.verifying.encode(), previous=before)


@given(st.binary(min_size=16, max_size=16))
def test_secret_carries_all_its_bits(random_bytes: bytes) -> None:
    """The 26 digits are the number that the bytes are, so no two secrets are spelled alike."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    value = 0
    for char in parse_secret(spell_secret(random_bytes)):
        value = value * 32 + digits.index(char)
    assert value.to_bytes(16, "big") == random_bytes


def test_secret_is_read_however_it_is_typed() -> None:
    """Lower case, no hyphens, blanks, a letter O for a zero and an I or L for a one are the same secret."""
    spelled = spell_secret(bytes.fromhex("00443214c74254b635cf84653a56d7c6"))
    assert spelled.count("-") == 6
    typed = spelled.lower().replace("-", " ").replace("0", "O").replace("1", "l") + "\n"
    assert digest_secret(typed) == hashlib.sha256(spelled.replace("-", "").encode()).hexdigest()


@pytest.mark.parametrize("text", ["", "ABCD", "U" * 26, "A" * 27, "é" * 26, "A" * 100_000])
def test_text_that_is_no_secret_is_refused_without_showing_it(text: str) -> None:
    """Length or letters are wrong: the error says so, and a log that keeps it keeps no secret."""
    with pytest.raises(EnrollmentError, match="expected 26 letters and digits") as caught:
        parse_secret(text)
    assert not text or text[:4] not in str(caught.value)


@given(st.binary(min_size=1, max_size=500))
def test_body_is_read_with_and_without_line_ends(der: bytes) -> None:
    """What we write is base64 in lines; one long line, bare line feeds and blanks are the same bytes."""
    body = encode_body(der)
    assert all(len(line) <= 64 for line in body.split(b"\r\n"))
    for form in (body, base64.b64encode(der), body.replace(b"\r\n", b"\n"), base64.encodebytes(der)):
        assert decode_body(form, "request") == der


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"!!!!", b"YQ", b"YQ==YQ==", b"\x30\x82\x01\x00", b"YWI_", "ä".encode()]
)
def test_body_that_is_no_base64_is_refused(body: bytes) -> None:
    """Nothing, DER without base64, the alphabet of URLs, half a quantum: each is an error that names the body."""
    with pytest.raises(EnrollmentError, match=r"^request: expected base64 of DER"):
        decode_body(body, "request")


def test_renewal_signs_nonce_and_request() -> None:
    """The signed bytes are those of the document, and another nonce or request gives others."""
    assert renewal_bytes("abc", b"der") == b"backrow-renewal-v1\nabc\n" + hashlib.sha256(b"der").hexdigest().encode()
    assert len({renewal_bytes(n, r) for n in ("a", "b") for r in (b"c", b"d")}) == 4


def test_first_key_is_signed_by_itself() -> None:
    """A unit's first recorder key needs no other signature than its own."""
    assert verify_recorder_key(issue_recorder_key(statement(), FIRST)) == statement()


def test_next_key_is_signed_by_the_one_before() -> None:
    """A key that follows another is signed by itself, then by that one."""
    said = statement(SECOND, FIRST)
    assert verify_recorder_key(issue_recorder_key(said, SECOND, FIRST)) == said


@pytest.mark.parametrize(
    ("said", "signers"),
    [
        (statement(), ()),
        (statement(), (THIEF,)),
        (statement(), (FIRST, THIEF)),
        (statement(SECOND, FIRST), (SECOND,)),
        (statement(SECOND, FIRST), (FIRST, SECOND)),
        (statement(SECOND, FIRST), (SECOND, THIEF)),
        (statement(SECOND, FIRST), (SECOND, FIRST, FIRST)),
    ],
)
def test_key_without_its_signatures_is_refused(said: RecorderKey, signers: tuple[SigningKey, ...]) -> None:
    """Too few, too many, in the wrong order, or of somebody else."""
    with pytest.raises(ProtocolError):
        verify_recorder_key(issue_recorder_key(said, *signers))


def test_signatures_of_two_statements_are_refused() -> None:
    """The key before must have signed this very statement, not one for another device."""
    said = statement(SECOND, FIRST)
    other = RecorderKey(device=make_id(bytes(15) + b"\1"), key=said.key, previous=said.previous)
    mixed = issue_recorder_key(said, SECOND) + issue_recorder_key(other, FIRST)
    with pytest.raises(EnrollmentError, match="signatures of one statement"):
        verify_recorder_key(mixed)


@pytest.mark.parametrize("body", [b"{}", b'{"document":"lease"}', b'{"document":"recorder_key"}', b"[]", b"x"])
def test_line_of_another_kind_is_no_statement(body: bytes) -> None:
    """What is not the record of a recorder key is refused before any signature is looked at."""
    with pytest.raises((EnrollmentError, CodecError)):
        verify_recorder_key(sign_line(body, domain="recorder_key", key=FIRST))


def test_key_does_not_follow_itself() -> None:
    """A statement that changes nothing is refused, so that each change has two keys."""
    with pytest.raises(ValueError, match="does not follow itself"):
        statement(FIRST, FIRST)

"""Signed lines: nobody changes a byte, moves a line to another purpose or lends it another key unnoticed."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.signing import SignatureError, SignedLine, SigningKey, VerifyingKey, sign_line, split_line, verify_line
from tests.unit.protocol.made import keys

KEY = SigningKey.from_seed(bytes(range(32)))
OTHER = SigningKey.from_seed(bytes(range(1, 33)))
BODY = b'{"a":1}'
LINE = sign_line(BODY, domain="lease", key=KEY)
bodies = st.binary(max_size=80).filter(lambda body: b"\n" not in body)


def verify(line: bytes, domain: str = "lease", *trusted: SigningKey) -> bytes:
    """Verify `line` for `domain` by the keys given, or by `KEY`."""
    return verify_line(line, domain=domain, keys=[key.verifying for key in trusted or (KEY,)])


@given(bodies, keys)
def test_line_gives_back_the_body_that_was_signed(body: bytes, key: SigningKey) -> None:
    """Whatever the body holds, blanks too, it comes back byte for byte."""
    line = sign_line(body, domain="policy", key=key)
    assert verify(line, "policy", OTHER, key) == body
    assert line.count(b"\n") == 1


def test_line_has_the_form_of_the_document() -> None:
    """Body, key id (16 digits of the SHA-256 of the public key) and base64url signature, one blank between each."""
    body, key_id, signature = LINE.decode().rstrip("\n").split(" ")
    public = base64.urlsafe_b64decode(KEY.verifying.encode() + "=")
    assert body == BODY.decode()
    assert key_id == hashlib.sha256(public).hexdigest()[:16]
    raw = base64.urlsafe_b64decode(signature + "==")
    KEY.private.public_key().verify(raw, b'backrow/v1/lease\n{"a":1}')
    assert len(signature) == 86


@pytest.mark.parametrize("place", range(len(LINE)))
def test_line_with_one_flipped_bit_is_refused(place: int) -> None:
    """Each bit of each byte of a short line is covered: body, blanks, key id, signature and line feed."""
    for bit in range(8):
        forged = bytearray(LINE)
        forged[place] ^= 1 << bit
        with pytest.raises(SignatureError):
            verify(bytes(forged))


@pytest.mark.parametrize("domain", ["policy", "manifest", "leas", "leasee", "lease/", ""])
def test_line_is_worth_nothing_in_another_domain(domain: str) -> None:
    """A line that was signed as a lease is neither a policy nor a manifest line."""
    with pytest.raises(SignatureError, match="does not fit the content"):
        verify(LINE, domain)


def test_line_of_another_key_is_refused_and_the_expected_keys_are_named() -> None:
    """The message says which key signed and which were expected."""
    with pytest.raises(SignatureError, match=f"{KEY.verifying.key_id}, expected one of.*{OTHER.verifying.key_id}"):
        verify(LINE, "lease", OTHER)
    with pytest.raises(SignatureError, match="expected one of none"):
        verify_line(LINE, domain="lease", keys=[])


def test_line_with_the_key_id_of_another_is_refused() -> None:
    """Naming a trusted key beside one's own signature does not help."""
    body, _, signature = sign_line(BODY, domain="lease", key=OTHER).split(b" ")
    forged = b" ".join([body, KEY.verifying.key_id.encode(), signature])
    with pytest.raises(SignatureError, match="does not fit the content"):
        verify(forged, "lease", KEY, OTHER)


def test_line_with_a_swapped_body_is_refused() -> None:
    """A signature does not carry over to another body of the same key and domain."""
    other = sign_line(b'{"a":2}', domain="lease", key=KEY)
    forged = other.split(b" ")[0] + b" " + LINE.split(b" ", 1)[1]
    with pytest.raises(SignatureError, match="does not fit the content"):
        verify(forged)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LINE[:-1], "ends in a line feed"),
        (LINE + b"\n", "one line"),
        (LINE + LINE, "one line"),
        (LINE + b"x", "ends in a line feed"),
        (b"\n" + LINE, "one line"),
        (b"\n", "got 1 part"),
        (b"", "one line"),
        (b"a b\n", "got 2 part"),
        (LINE.replace(b" ", b"\t"), "got 1 part"),
        (LINE[:-1] + b" \n", "key id of 16"),
        (LINE[:-1] + b"\r\n", "base64url"),
        (LINE[:-1] + b"==\n", "base64url"),
        (LINE[:-5] + b"\n", "base64url|64 bytes"),
        (b"%s %s AAAA\n" % (BODY, KEY.verifying.key_id.encode()), "64 bytes, got 3"),
        (LINE[:-1] + b"AAAA\n", "base64url|64 bytes"),
        (LINE.replace(KEY.verifying.key_id.encode(), KEY.verifying.key_id.upper().encode()), "16 hexadecimal"),
        (LINE.replace(KEY.verifying.key_id.encode(), b"\xff" * 16), "16 hexadecimal"),
        (b"{} 0123456789abcdef \xff\xff\n", "base64url"),
    ],
)
def test_line_of_another_form_is_refused(line: bytes, words: str) -> None:
    """Trailing data, missing parts, other white space, padded or cut signatures: each is refused by what is wrong."""
    with pytest.raises(SignatureError, match=words):
        split_line(line)


def test_signature_has_one_text() -> None:
    """The bits that base64 leaves over cannot be used to write the same signature twice."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = chr(LINE[-2])
    twin = alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(SignatureError, match="base64url"):
        verify(LINE[:-2] + twin.encode() + b"\n")


def test_split_line_trusts_nothing() -> None:
    """Taking a line apart gives its parts although the signature is wrong."""
    forged = sign_line(BODY, domain="policy", key=OTHER)
    assert split_line(forged) == SignedLine(BODY, OTHER.verifying.key_id, split_line(forged).signature)


def test_body_with_a_line_feed_is_our_own_mistake() -> None:
    """A body of two lines is never signed."""
    with pytest.raises(ValueError, match="no line feed"):
        sign_line(b"a\nb", domain="lease", key=KEY)


@given(keys)
def test_keys_read_back_as_what_was_written(key: SigningKey) -> None:
    """A seed and a public key's text give the same keys again."""
    assert SigningKey.from_seed(key.seed).verifying == key.verifying
    assert VerifyingKey.parse(key.verifying.encode()) == key.verifying


def test_generated_keys_differ() -> None:
    """Two new keys are two keys."""
    assert SigningKey.generate().seed != SigningKey.generate().seed


def test_key_never_shows_its_secret() -> None:
    """The text form of a signing key, as a log would print it, holds no seed."""
    for shown in (repr(KEY), str(KEY), f"{KEY}"):
        assert KEY.seed.hex() not in shown
        assert "private" not in shown


@pytest.mark.parametrize(
    "text", ["", "AAAA", "A" * 44, "A" * 42 + "B", "é" * 43, "A" * 42 + "=", "+" * 43, " " + "A" * 43]
)
def test_public_key_of_another_form_is_refused(text: str) -> None:
    """Too short, too long, not canonical, padded, not ASCII: the field is named."""
    with pytest.raises(SignatureError, match="keyring key: expected"):
        VerifyingKey.parse(text, "keyring key")


def test_public_key_of_a_wrong_length_is_our_own_mistake() -> None:
    """Bytes that are no key do not become one."""
    with pytest.raises(ValueError, match="32 bytes, got 31"):
        VerifyingKey(bytes(31))


def test_public_key_that_is_no_point_verifies_nothing() -> None:
    """32 bytes that are no point of the curve are a key that nobody can sign for, and no crash."""
    stranger = VerifyingKey(b"\xff" * 32)
    forged = LINE.replace(KEY.verifying.key_id.encode(), stranger.key_id.encode())
    with pytest.raises(SignatureError, match="does not fit"):
        verify_line(forged, domain="lease", keys=[stranger])

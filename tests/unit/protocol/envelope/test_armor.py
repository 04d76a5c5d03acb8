"""ASCII armor: read strictly, from any stream, and detected without being asked."""

import base64
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.envelope import CHUNK_BYTES, ArmorError, ArmorTruncatedError, HeaderError, OpenReader, open_sealed
from protocol.envelope.armor import BEGIN_LINE, END_LINE
from tests.unit.protocol.envelope.samples import IDENTITY, Trickle, content, sealed_sample


def armor(data: bytes, *, newline: bytes = b"\n") -> bytes:
    """Armor as RFC 7468 draws it."""
    text = base64.b64encode(data)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return newline.join([BEGIN_LINE, *lines, END_LINE, b""])


LENGTH = 2 * CHUNK_BYTES + 100
ARMORED = armor(sealed_sample(LENGTH))


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("around", [b"", b"\n", b" \t\r\n\n"])
def test_armored_file_opens_without_being_announced(newline: bytes, around: bytes) -> None:
    """Armor is recognised by itself, with either line end and blanks around it."""
    armored = around + armor(sealed_sample(LENGTH), newline=newline) + around
    assert open_sealed(armored, [IDENTITY]) == content(LENGTH)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, 300), step=st.integers(1, 200))
def test_armor_of_any_length_arrives_in_any_pieces(length: int, step: int) -> None:
    """Every length of the last line, and every way in which a pipe may cut the lines."""
    reader = OpenReader(Trickle(armor(sealed_sample(length)), step=step), [IDENTITY])
    assert b"".join(reader) == content(length)


def broken(old: bytes, new: bytes) -> bytes:
    """The armored sample with the first occurrence of something replaced."""
    assert old in ARMORED
    return ARMORED.replace(old, new, 1)


FIRST_LINE = ARMORED.split(b"\n")[1]
BROKEN: dict[str, tuple[bytes, str]] = {
    "long line": (broken(FIRST_LINE + b"\n", FIRST_LINE), "line 2: expected lines of 64 columns"),
    "short line": (broken(FIRST_LINE, FIRST_LINE[:60]), "line 3: expected lines of 64 columns"),
    "empty line": (broken(FIRST_LINE, b"\n" + FIRST_LINE), "line 2: expected lines of 64 columns"),
    "other character": (broken(FIRST_LINE, b"!" + FIRST_LINE[1:]), "line 2: it is not base64"),
    "blank at a line's end": (broken(FIRST_LINE, FIRST_LINE[:-1] + b" "), "line 2: it is not base64"),
    "stray bits": (armor(b"A").replace(b"QQ==", b"QR=="), "line 2: it is not canonical"),
    "missing padding": (armor(b"A").replace(b"QQ==", b"QQ"), "line 2: it is not base64"),
    "other label": (broken(b"BEGIN AGE", b"BEGIN PGP"), "expected armor to begin with"),
    "blank after the label": (broken(BEGIN_LINE, BEGIN_LINE + b" "), "expected armor to begin with"),
    "data after the end": (ARMORED + b"more", "nothing after its END line"),
    "second armor": (ARMORED + ARMORED, "nothing after its END line"),
    "endless line": (BEGIN_LINE + b"\n" + b"A" * 100_000 + b"\n", "lines of 64 columns"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_armor_is_refused_with_its_place(name: str) -> None:
    """Each broken rule is an armor error of its own words; a wrong label alone keeps nothing else from being said."""
    data, words = BROKEN[name]
    with pytest.raises(ArmorError, match=words):
        open_sealed(data, [IDENTITY])


@pytest.mark.parametrize(("lost", "chunks"), [(2, 2), (20, 2), (40, 2), (110, 2), (300, 1), (len(ARMORED) * 2 // 3, 0)])
def test_armor_cut_short_gives_its_whole_chunks_first(lost: int, chunks: int) -> None:
    """Without the END line the armor is called truncated, after every whole chunk that came with it."""
    reader = OpenReader(BytesIO(ARMORED[:-lost]), [IDENTITY])
    assert b"".join(next(reader) for _ in range(chunks)) == content(chunks * CHUNK_BYTES)
    with pytest.raises(ArmorTruncatedError, match="without -----END"):
        next(reader)


def test_text_that_is_no_armor_is_no_age_file() -> None:
    """Garbage before the armor is not skipped."""
    with pytest.raises(HeaderError, match="not an age file"):
        open_sealed(b"Dear school,\n" + ARMORED, [IDENTITY])

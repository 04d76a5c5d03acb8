"""Other people's age: the stock program, pyrage (Rust) and npm's age-encryption (TypeScript), in both directions."""

import subprocess
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.envelope import CHUNK_BYTES, generate_hybrid, open_sealed, seal
from tests.unit.protocol.envelope.samples import IDENTITY, OTHER, content
from tests.unit.protocol.envelope.typage import run_typage

BORDERS = [chunks * CHUNK_BYTES + step for chunks in (0, 1, 2, 9) for step in (-1, 0, 1) if chunks or step >= 0]
NEAR_BORDERS = st.builds(
    lambda chunks, step: max(0, chunks * CHUNK_BYTES + step), st.integers(0, 5), st.integers(-40, 40)
)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """The identity as a file for the stock program."""
    path = tmp_path / "key.txt"
    path.write_text(f"# a comment\n{IDENTITY.encode()}\n")
    return path


def run_age(*arguments: str, data: bytes) -> bytes:
    """What the stock program makes of `data`."""
    return subprocess.run(["age", *arguments], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize("length", BORDERS)
def test_stock_age_opens_what_we_seal(length: int, key_file: Path) -> None:
    """At and around every border of chunks, to one recipient and to two."""
    for recipients in ([IDENTITY.recipient], [OTHER.recipient, IDENTITY.recipient]):
        sealed = seal(content(length), recipients)
        assert run_age("--decrypt", "-i", str(key_file), data=sealed) == content(length)


@pytest.mark.parametrize("length", BORDERS)
@pytest.mark.parametrize("armor", [[], ["--armor"]], ids=["binary", "armored"])
def test_we_open_what_stock_age_seals(length: int, armor: list[str]) -> None:
    """The same lengths the other way, binary and armored."""
    sealed = run_age(*armor, "-r", str(OTHER.recipient), "-r", str(IDENTITY.recipient), data=content(length))
    assert open_sealed(sealed, [IDENTITY]) == content(length)


def test_stock_age_gives_the_same_chunks_of_a_truncated_file(key_file: Path) -> None:
    """The stock program too gives every whole chunk of a torn file and then fails."""
    sealed = seal(content(3 * CHUNK_BYTES), [IDENTITY.recipient])[:-1]
    result = subprocess.run(["age", "-d", "-i", key_file], input=sealed, capture_output=True, check=False)
    assert result.returncode != 0
    assert result.stdout == content(2 * CHUNK_BYTES)


@settings(max_examples=50, deadline=None)
@given(length=NEAR_BORDERS)
def test_pyrage_opens_what_we_seal_and_the_reverse(length: int) -> None:
    """Lengths around borders of chunks, chosen at random, both ways."""
    plaintext = content(length)
    theirs = pyrage.x25519.Identity.from_str(IDENTITY.encode())
    assert pyrage.decrypt(seal(plaintext, [IDENTITY.recipient]), [theirs]) == plaintext
    assert open_sealed(pyrage.encrypt(plaintext, [theirs.to_public()]), [IDENTITY]) == plaintext


@pytest.mark.parametrize("identity", [IDENTITY, generate_hybrid()], ids=["x25519", "hybrid"])
def test_age_encryption_opens_what_we_seal_and_the_reverse(identity: Any) -> None:
    """The post-quantum type too, which neither Debian's age nor pyrage knows, at every border and both ways."""
    contents = [content(length) for length in BORDERS]
    ours = [{"identity": identity.encode(), "data": seal(plaintext, [identity.recipient])} for plaintext in contents]
    assert run_typage(ours) == contents
    theirs = run_typage([{"recipients": [str(identity.recipient)], "data": plaintext} for plaintext in contents])
    assert [open_sealed(sealed, [identity]) for sealed in theirs] == contents

"""The official age test kit, whole: every vector, with the exact failure and the exact plaintext that it names."""

import hashlib
from pathlib import Path

import pytest

from protocol.envelope import (
    ArmorError,
    EnvelopeError,
    HeaderError,
    HeaderMacError,
    NoMatchError,
    OpenReader,
    PayloadError,
)
from protocol.envelope.filekey import unwrap_file_key
from protocol.envelope.header import encode_header, parse_header
from tests.unit.protocol.envelope.kit import VECTORS, Vector, load_vectors, require_file, require_node_modules

FAILURES: dict[str, type[EnvelopeError]] = {
    "header failure": HeaderError,
    "no match": NoMatchError,
    "HMAC failure": HeaderMacError,
    "payload failure": PayloadError,
    "armor failure": ArmorError,
}
NAMES = sorted(load_vectors())
OPENED = [name for name in NAMES if load_vectors()[name].get("payload") and not load_vectors()[name].get("armored")]


def open_all(vector: Vector) -> tuple[type[EnvelopeError] | None, str]:
    """The error that ends the opening of a vector, and the hash of all plaintext that was released before it."""
    released = hashlib.sha256()
    try:
        for plaintext in OpenReader(vector.open_stream(), vector.identities):
            released.update(plaintext)
    except EnvelopeError as error:
        return type(error), released.hexdigest()
    return None, released.hexdigest()


def test_kit_is_whole() -> None:
    """The package holds exactly the vectors that this suite claims to pass, each with a known expectation."""
    require_node_modules()
    vectors = load_vectors()
    assert len(vectors) == VECTORS
    assert {vector.get("expect") for vector in vectors.values()} == {"success", *FAILURES}


def test_missing_kit_fails_where_it_must_be_installed(tmp_path: Path) -> None:
    """Without the packages a developer's run skips with the command to type, and a CI run fails."""
    with pytest.raises(pytest.skip.Exception, match="npm ci --ignore-scripts"):
        require_file(tmp_path / "index.js", {})
    with pytest.raises(pytest.fail.Exception, match="npm ci --ignore-scripts"):
        require_file(tmp_path / "index.js", {"CI": "true"})


@pytest.mark.parametrize("name", NAMES)
def test_vector_ends_as_the_kit_says(name: str) -> None:
    """A vector opens, or fails in its own way and no other; what was released before hashes to what the kit names."""
    vector = load_vectors()[name]
    error, released = open_all(vector)
    expected = FAILURES.get(vector.get("expect") or "")
    assert (error is None) if expected is None else (error is not None and issubclass(error, expected))
    nothing = hashlib.sha256().hexdigest()
    assert released == (vector.get("payload") or nothing)


@pytest.mark.parametrize("name", OPENED)
def test_vector_header_encodes_to_itself(name: str) -> None:
    """A header that was parsed encodes to the same bytes, so that nothing of it is normalised away."""
    vector = load_vectors()[name]
    header_end = vector.content.index(b"\n--- ") + len("\n--- ") + 43 + 1
    header = parse_header(vector.content[:header_end])
    file_key = unwrap_file_key(header, vector.identities)
    assert file_key.hex() == vector.get("file key")
    assert encode_header(header.stanzas, file_key) == header.raw

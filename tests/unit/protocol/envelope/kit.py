"""The official age vectors (npm's cctv-age, made by the age authors), read without running node.

Its index.js holds each vector as one base64 string; the form of a vector is described in the package's README.
"""

import base64
import functools
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from protocol.envelope import Identity, PassphraseIdentity, parse_identity
from protocol.envelope.armor import ArmorReader
from protocol.envelope.source import ByteSource, Readable

NODE_MODULES = Path(__file__).parents[3] / "node_modules"
INDEX = NODE_MODULES / "cctv-age" / "index.js"
VECTORS = 143

_ENTRY = re.compile(r'^var (\w+)_default = __toBinary\("([A-Za-z0-9+/=]*)"\);$', re.MULTILINE)


@dataclass(frozen=True)
class Vector:
    """One file of the kit: what it expects, the identities to try, and the age file itself."""

    name: str
    facts: tuple[tuple[str, str], ...]
    content: bytes

    def all_of(self, key: str) -> list[str]:
        """Every value of a key of the vector."""
        return [value for known, value in self.facts if known == key]

    def get(self, key: str) -> str | None:
        """The value of a key that the vector has once, or None."""
        return next(iter(self.all_of(key)), None)

    @property
    def identities(self) -> list[Identity]:
        """What the vector is to be opened with."""
        keys: list[Identity] = [parse_identity(text) for text in self.all_of("identity")]
        return keys + [PassphraseIdentity(text.encode()) for text in self.all_of("passphrase")]

    def open_stream(self) -> Readable:
        """The vector's file, through the armor reader where the vector says that it is armored."""
        stream = BytesIO(self.content)
        return ArmorReader(ByteSource(stream)) if self.get("armored") else stream


def require_node_modules() -> None:
    """Skip without the npm packages on a developer's machine; fail where everything must have been installed."""
    require_file(INDEX, os.environ)


def require_file(path: Path, environment: Mapping[str, str]) -> None:
    """Fail (with CI=true) or skip the test when a file of the npm packages is missing."""
    if path.exists():
        return
    message = f"{path} is missing: run `npm ci --ignore-scripts` in tests/ (`make test` does it)"
    if environment.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@functools.cache
def load_vectors() -> dict[str, Vector]:
    """The vectors by name; none when the package is not installed."""
    if not INDEX.exists():
        return {}
    entries = _ENTRY.findall(INDEX.read_text("ascii"))
    return {name: _parse_vector(name, base64.b64decode(text)) for name, text in entries}


def _parse_vector(name: str, data: bytes) -> Vector:
    head, _, content = data.partition(b"\n\n")
    facts = tuple((key, value) for key, _, value in (line.partition(": ") for line in head.decode().split("\n")))
    vector = Vector(name, facts, content)
    return Vector(name, facts, zlib.decompress(content)) if vector.get("compressed") == "zlib" else vector

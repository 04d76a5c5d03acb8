"""What the repository never contains: paths of somebody's machine, hosts of registries, open jobs."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, name_of, walk

FORBIDDEN = {
    "an open job": r"\b(?:TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b",
    "a path of somebody's machine": r"(?<![\w.$}~-])/(?:wo[r]k|root|Users|workspace)/[\w.]|/home/(?!pi\b|backrow\b)\w",
    "a registry's host": r"files\.python[h]osted\.org|py[p]i\.org/simple|registry\.(?:np[m]js\.org|yarnpkg\.com)",
    "an index of somebody's own": r"--(?:extra-)?index-url\s+\S*:|^\s*registry\s*=",
}
BINARY = {".png", ".jpg", ".mp4", ".ico", ".woff2", ".mo", ".age", ".db"}


@cache
def texts() -> tuple[tuple[Path, str], ...]:
    """Give every text file of the project, and what it holds, but this one, which spells the patterns."""
    paths = (path for path in walk(ROOT) if path.suffix not in BINARY and path != Path(__file__).resolve())
    return tuple((path, path.read_text("utf-8")) for path in paths)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_repository_does_not_contain(what: str) -> None:
    """No file holds what would be wrong, secret or meaningless on another machine."""
    pattern = re.compile(FORBIDDEN[what], re.MULTILINE)
    found = [f"{name_of(path)}: {match[0].strip()[:100]}" for path, text in texts() for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("an open job", "# TODO: later"),
        ("a path of somebody's machine", 'open("/home/maria/keys")'),
        ("a path of somebody's machine", "cd /root/main"),
        ("a registry's host", '"resolved": "https://registry.' + 'npmjs.org/x.tgz"'),
        ("an index of somebody's own", "--index-url https://mirror.example/simple"),
        ("an index of somebody's own", "registry=http://localhost:4873/"),
    ],
)
def test_pattern_finds_what_it_names(what: str, line: str) -> None:
    """Each pattern finds an example of what it forbids."""
    assert re.search(FORBIDDEN[what], line)

"""What the repository never contains: paths of somebody's machine, hosts of registries, open jobs."""

from __future__ import annotations

import re
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


def texts() -> list[Path]:
    """Give every text file of the project but this one, which spells the patterns."""
    return [path for path in walk(ROOT) if path.suffix not in BINARY and path != Path(__file__).resolve()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_repository_does_not_contain(what: str) -> None:
    """No file holds what would be wrong, secret or meaningless on another machine."""
    found = [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if re.search(FORBIDDEN[what], line)
    ]
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

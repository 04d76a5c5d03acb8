"""Unit files as data: sections, and every directive with all its values in order."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "systemd"
Sections = dict[str, dict[str, list[str]]]


def load_unit(name: str) -> Sections:
    """Read a unit file; a line that is none is an error."""
    sections: Sections = {}
    current: dict[str, list[str]] | None = None
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[]"), defaultdict(list))
            continue
        key, equals, value = line.partition("=")
        assert equals, f"{name}: no directive: {line!r}"
        assert current is not None, f"{name}: before the first section: {line!r}"
        current[key].append(value)
    return sections


def service_of(name: str) -> dict[str, str]:
    """Give a service's directives, several values of one joined by semicolons."""
    return {key: "; ".join(values) for key, values in load_unit(name)["Service"].items()}

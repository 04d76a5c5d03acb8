"""The repository as the architecture tests see it: its files, and what each module imports, read without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("protocol", "device", "controller", "provisioning")
MADE_BY_TOOLS = {
    ".git",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
    "node_modules",
    "vendor",  # page libraries, fetched by an integrity-pinned lock
    "build",
    "dist",
    "demo-data",
}
FROM_A_TEMPLATE = "controller/migrations/versions"  # written by Alembic, kept for ever as they were released


class Import(NamedTuple):
    """One imported module, in full, and the line where it is imported."""

    module: str
    line: int

    @property
    def package(self) -> str:
        """Give the first part of the name."""
        return self.module.partition(".")[0]


def walk(folder: Path) -> Iterator[Path]:
    """Give every file of the project below `folder`, in order, without what tools made."""
    for path in sorted(folder.iterdir()):
        if path.name in MADE_BY_TOOLS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from walk(path)
        else:
            yield path


def name_of(path: Path) -> str:
    """Give a file's path from the root of the project."""
    return path.relative_to(ROOT).as_posix()


@cache
def modules(*packages: str) -> tuple[Path, ...]:
    """Give every Python module of the packages (of the whole product, when none is named)."""
    found = (path for package in packages or PACKAGES for path in walk(ROOT / package) if path.suffix == ".py")
    return tuple(path for path in found if not name_of(path).startswith(FROM_A_TEMPLATE))


@cache
def parse(path: Path) -> ast.Module:
    """Read a module as a syntax tree."""
    return ast.parse(path.read_text("utf-8"), filename=str(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Give every node of a module's syntax tree."""
    return tuple(ast.walk(parse(path)))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Give every import of a module, those inside functions too; `from a import b` counts as `a.b`."""
    found: list[Import] = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [Import(f"{_base(node, path)}.{alias.name}", node.lineno) for alias in node.names]
    return tuple(found)


def _base(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join([*parts[: len(parts) - node.level], *([node.module] if node.module else [])])


def lies_in(path: Path, places: tuple[str, ...]) -> bool:
    """Tell whether a file is one of `places`, or below one that ends in a slash."""
    name = name_of(path)
    return any(name.startswith(place) if place.endswith("/") else name == place for place in places)

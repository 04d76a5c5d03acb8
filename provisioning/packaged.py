"""Where the files lie that the packages carry along, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
MACHINE = HERE / "machine"
LOCKS = HERE / "locks"


def find_units() -> Path:
    """Give the folder of the systemd units."""
    inside = HERE / "systemd"
    return inside if inside.is_dir() else HERE.parent / "systemd"


def find_checkout() -> Path | None:
    """Give the folder of the source this runs from, or None when it was installed."""
    return HERE.parent if (HERE.parent / "pyproject.toml").is_file() else None

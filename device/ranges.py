"""Checks of single settings, for the tables of the unit's configuration (`device/config.py`).

Each raises `ValueError` that names the setting, what was expected and what was found. Nothing here knows a file.
"""


def require_range(name: str, value: float, least: float, most: float) -> None:
    """Refuse a value below `least` or above `most`."""
    if not least <= value <= most:
        raise ValueError(f"{name}: expected {least} to {most}, got {value}")


def require_one_of(name: str, value: int, choices: tuple[int, ...]) -> None:
    """Refuse a value that is none of `choices`."""
    if value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(str, choices))}, got {value}")
